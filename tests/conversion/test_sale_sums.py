"""Sums of credits: they say what the ledger and the log say, whatever happened in which order."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from orders.models import OrderLine
from redshop.conversion.models import RollUp, SaleCell, UnreadSale
from redshop.conversion.selectors import paths, sums
from redshop.conversion.selectors.attribution import Answer, Question, attribution
from redshop.conversion.services import sale_rollup
from redshop.conversion.services.attribution import attribute
from redshop.conversion.types import (
    AttributionModel,
    Basis,
    CreditGroup,
    Engine,
    Period,
    Scope,
    Slice,
)
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW
from tests.transactions import undurable

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
SPRING = Period(date(2026, 2, 1), date(2026, 6, 1), SHANGHAI)
#: When nobody has kept the sums up for so long, the ledger is asked.
LATER = NOW + sums.OLDEST + timedelta(seconds=1)
SUMMED = "From sums that are kept up with the ledger."


def ask(*, at: datetime = NOW, **rest: Any) -> Answer:
    defaults: dict[str, Any] = {"period": SPRING, "population": "real", "currency": "CNY"}
    return attribution(Question(**{**defaults, "page": Slice(limit=100), **rest}), at=at)


def ask_both(**rest: Any) -> Answer:
    """Ask the sums and the ledger: they must say the same."""
    summed, told = ask(**rest), ask(at=LATER, **rest)
    assert SUMMED in summed.meta.notes
    assert SUMMED not in told.meta.notes
    assert (summed.results, summed.unattributed) == (told.results, told.unattributed)
    assert (summed.total, summed.meta.n) == (told.total, told.meta.n)
    return summed


def turn() -> int:
    return sale_rollup.turn(at=NOW)


@pytest.fixture
def shop() -> dict[str, Any]:
    """A note that led to a sale within a day, another that did two weeks before."""
    product, buyer = world.product(), world.person()
    near, far = world.note(product, topics=["tea", "travel"]), world.note(product)
    world.event("note_open", NOW - 12 * DAY, buyer, far, surface="search")
    world.event("note_open", NOW - 2 * HOUR, buyer, near)
    order = world.order(buyer, (product, 1001))
    world.attribute(order)
    return {"product": product, "buyer": buyer, "near": near, "far": far, "order": order}


def test_every_standard_window_is_answered_from_sums(shop: dict[str, Any]) -> None:
    near, far = shop["near"].pk, shop["far"].pk
    assert SUMMED not in ask().meta.notes
    assert turn() == 1

    def first(days: int | None) -> Any:
        [row] = ask_both(model=AttributionModel.FIRST_TOUCH, window_days=days).results
        return row.key

    assert [first(days) for days in (None, 1, 7, 15, 30)] == [far, near, near, far, far]


@pytest.mark.parametrize(
    "rest",
    [
        {"window_days": 8},
        {"period": Period(date(2026, 2, 1), date(2026, 6, 1), ZoneInfo("UTC"))},
        {"scope": Scope(author_id=1)},
        {"scope": Scope(brand_ids=(1,))},
        {"window_days": 7, "engine": Engine.POSTGRESQL},
    ],
)
def test_what_sums_are_not_made_for_is_answered_otherwise(
    rest: dict[str, Any], shop: dict[str, Any]
) -> None:
    turn()

    assert SUMMED not in ask(**rest).meta.notes


def test_a_refund_counts_on_its_own_day_or_on_that_of_the_order(shop: dict[str, Any]) -> None:
    turn()
    world.refund(shop["order"], at=NOW + 20 * DAY)
    world.attribute(shop["order"])
    turn()

    for basis in Basis:
        for group_by in CreditGroup:
            ask_both(basis=basis, group_by=group_by)
    april = Period(date(2026, 4, 1), date(2026, 5, 1), SHANGHAI)
    assert ask_both(period=april).total.refunded.amount_minor == 0
    assert ask_both(period=april, basis=Basis.REFUND).total.refunded.amount_minor == 1001


def test_a_click_beyond_the_lookback_is_told_to_the_longer_windows() -> None:
    food = world.product(shelf=world.category("food"))
    buyer, note, older = world.person(), world.note(food), world.note(food)
    world.event("note_open", NOW - HOUR, buyer, note)
    order = world.order(buyer, (food, 100))
    world.attribute(order, at=NOW + HOUR)
    turn()

    world.event("note_open", NOW - 20 * DAY, buyer, older, received_at=NOW + DAY)
    settle(at=NOW + DAY)
    turn()

    for days in (None, 1, 7, 15, 30):
        ask_both(model=AttributionModel.LINEAR, window_days=days)
    assert len(ask(model=AttributionModel.LINEAR, window_days=30).results) == 2


def test_a_turn_that_dies_has_not_been(shop: dict[str, Any]) -> None:
    with undurable():
        turn()
        transaction.set_rollback(True)

    assert RollUp.objects.count() == 0
    assert turn() == 1
    ask_both()


def test_reading_the_same_again_changes_nothing(shop: dict[str, Any]) -> None:
    turn()
    before = list(SaleCell.objects.order_by("pk").values())

    UnreadSale.objects.create(line_id=shop["order"].lines.get().pk)
    assert turn() == 1

    assert list(SaleCell.objects.order_by("pk").values()) == before


def test_marks_are_read_a_part_at_a_time(shop: dict[str, Any]) -> None:
    world.attribute(world.order(shop["buyer"], (shop["product"], 5), (shop["product"], 7)))
    sale_rollup.rebuild()

    assert sale_rollup.turn(at=NOW, most=2) == 2
    assert SUMMED not in ask().meta.notes
    assert sale_rollup.turn(at=NOW, most=2) == 1
    assert ask_both().meta.n == 3


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM conversion_saleshare WHERE model = 'linear'", "missing"),
        ("UPDATE conversion_saleshare SET windows = 1 WHERE model = 'linear'", "superfluous"),
        ("UPDATE conversion_salecell SET weight = weight + 1 WHERE grain = 'author'", "cell"),
        ("DELETE FROM conversion_salecell WHERE model = 'total'", "cell"),
    ],
)
def test_what_was_tampered_with_is_named(shop: dict[str, Any], statement: str, said: str) -> None:
    turn()
    assert list(sale_rollup.differences()) == []
    with connection.cursor() as cursor:
        cursor.execute(statement)

    assert said in {line.split()[0].rstrip(":") for line in sale_rollup.differences()}


@pytest.mark.parametrize("histories", [10, pytest.param(300, marks=pytest.mark.soak)])
def test_any_history_read_at_any_moments_gives_what_ledger_and_log_give(
    histories: int,
) -> None:
    @settings(max_examples=histories, deadline=None, phases=[Phase.generate])
    @given(seed=st.randoms(use_true_random=False))
    def check(seed: Any) -> None:
        the_sums_say_what_the_ledger_says(seed)

    check()


def the_sums_say_what_the_ledger_says(seed: Any) -> None:
    with undurable():
        live(seed, many=60)
        turn()

        for model in AttributionModel:
            ask_both(
                model=model,
                group_by=seed.choice(list(CreditGroup)),
                window_days=seed.choice([None, 1, 7, 15, 30]),
                basis=seed.choice(list(Basis)),
                period=some_days(seed),
                population=seed.choice(["real", "all"]),
            )
        for group_by in CreditGroup:
            ask_both(model=AttributionModel.LINEAR, group_by=group_by)
        assert list(sale_rollup.differences()) == []
        transaction.set_rollback(True)


def some_days(seed: Any) -> Period:
    first = date(2026, 3, 1) + timedelta(days=seed.randrange(40))
    return Period(first, first + timedelta(days=seed.randrange(1, 60)), SHANGHAI)


def settle(*, at: datetime) -> None:
    """Look again at lines of whose people something was reported late, as the system does."""
    with transaction.atomic():
        lines = paths.lines_with_late_events(paid_since=NOW - 400 * DAY, paid_until=NOW + 400 * DAY)
        attribute(line_ids=lines, at=at)


def live(seed: Any, *, many: int) -> None:
    """Let people look, log in, buy and give back in any order, and be read at any moment."""
    products = [world.product(shelf=world.category(slug)) for slug in ("beauty", "food", "books")]
    notes = [
        world.note(*products[:1], topics=["tea"]),
        world.note(*products, topics=["tea", "travel", "coffee"]),
        world.note(*products[1:]),
    ]
    who = [world.person(), world.person(), world.person(population="simulated")]
    visitors, orders = [UUID(int=n) for n in (1, 2, 3)], []
    clock = NOW + 100 * DAY

    def moment() -> datetime:
        quarters: int = seed.randrange(160)
        return NOW.replace(day=1) + quarters * 6 * HOUR

    def see() -> None:
        kind = seed.choice(["impression", "note_open", "save"])
        world.event(
            kind, moment(), seed.choice([*who, *visitors]), seed.choice(notes),
            surface=seed.choice(["explore", "search", ""]), received_at=clock,
        )  # fmt: skip
        settle(at=clock)

    def buy() -> None:
        bought = [(each, seed.randrange(1, 2000)) for each in seed.sample(products, 2)]
        currency = seed.choice(["CNY", "CNY", "EUR"])
        made = world.order(seed.choice(who), *bought, at=moment(), currency=currency)
        orders.append(made)
        world.attribute(made, at=clock)

    def give_back() -> None:
        if orders:
            order = orders.pop()
            line = seed.choice(list(order.lines.all()))
            world.refund(order, line=line, at=order.paid_at + seed.randrange(40) * DAY)
            world.attribute(order, at=clock)

    def join() -> None:
        if visitors:
            visitor, person = visitors.pop(), seed.choice(who[:2])
            world.join(visitor, person)
            lines = paths.lines_after_visit(visitor_id=visitor, person_id=person.pk)
            with transaction.atomic():
                attribute(line_ids=lines, at=clock)

    steps: Sequence[Any] = [see] * 12 + [buy] * 5 + [give_back] * 2 + [join, turn]
    for _ in range(many):
        clock += HOUR
        seed.choice(steps)()
    assert OrderLine.objects.filter(attribution=None).count() == 0
