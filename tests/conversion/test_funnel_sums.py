"""Sums that Celery keeps: they say what the log says, whatever happened in which order."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from notes.models import Topic
from redshop.conversion.chains import STEPS
from redshop.conversion.models import FunnelCell, FunnelWay, Lookback, RollUp
from redshop.conversion.selectors import sums
from redshop.conversion.selectors.funnel import Answer, Question, funnel
from redshop.conversion.services import funnel_rollup
from redshop.conversion.types import FunnelGroup, Period, Scope, Slice
from redshop.events.models import Unread
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW
from tests.transactions import undurable

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1), SHANGHAI)
#: When nobody has kept the sums up for so long, the log is asked.
LATER = NOW + sums.OLDEST + timedelta(seconds=1)
SUMMED = "From sums that are kept up with the log."


def ask(*, at: Any = NOW, **rest: Any) -> Answer:
    defaults: dict[str, Any] = {"period": MARCH, "population": "real", "currency": "CNY"}
    return funnel(Question(**{**defaults, "page": Slice(limit=100), **rest}), at=at)


def ask_both(**rest: Any) -> Answer:
    """Ask the sums and the log: they must say the same."""
    summed, logged = ask(**rest), ask(at=LATER, **rest)
    assert SUMMED in summed.meta.notes
    assert SUMMED not in logged.meta.notes
    assert summed.results == logged.results
    assert summed.meta.n == logged.meta.n
    return summed


def people(answer: Answer) -> dict[Any, list[int]]:
    return {row.key: [step.people for step in row.steps] for row in answer.results}


def turn() -> int:
    return funnel_rollup.turn(at=NOW)


@pytest.fixture
def shown() -> Any:
    return world.product(shelf=world.category("beauty"))


@pytest.fixture
def note(shown: Any) -> Any:
    return world.note(shown, topics=["tea", "travel"])


def test_until_there_are_sums_the_log_is_asked(note: Any) -> None:
    world.event("impression", NOW, world.person(), note)
    assert SUMMED not in ask().meta.notes

    turn()
    assert people(ask_both()) == {"all": [1, 0, 0, 0, 0, 0]}


@pytest.mark.parametrize(
    "rest",
    [
        {"steps": STEPS[1:]},
        {"optional": frozenset({"checkout"})},
        {"window_days": 8},
        {"period": Period(date(2026, 3, 1), date(2026, 4, 1), ZoneInfo("UTC"))},
        {"scope": Scope(author_id=1)},
        {"scope": Scope(brand_ids=(1, 2))},
        {"scope": Scope(brand_ids=(1,)), "group_by": FunnelGroup.SURFACE},
    ],
)
def test_what_sums_are_not_made_for_is_asked_of_the_log(rest: dict[str, Any], note: Any) -> None:
    turn()

    assert SUMMED not in ask(**rest).meta.notes


def test_who_comes_on_several_days_is_one_of_any_stretch_of_them(note: Any) -> None:
    who, other = world.person(), world.person()
    for days in (0, 1, 3, 7):
        world.event("impression", NOW + days * DAY, who, note)
    world.event("impression", NOW + 3 * DAY, other, note)
    turn()

    for first in range(18, 28):
        for end in range(first + 1, 29):
            ask_both(period=Period(date(2026, 3, first), date(2026, 3, end), SHANGHAI))


def test_a_turn_that_dies_has_not_been(note: Any) -> None:
    turn()
    world.event("impression", NOW, world.person(), note)
    with undurable():
        turn()
        transaction.set_rollback(True)

    assert people(ask()) == {"all": [0] * 6}
    assert turn() == 1
    assert people(ask_both()) == {"all": [1, 0, 0, 0, 0, 0]}


def test_reading_the_same_again_changes_nothing(note: Any) -> None:
    who = world.person()
    world.event("impression", NOW, who, note)
    turn()
    before = list(FunnelCell.objects.order_by("pk").values())

    Unread.objects.create(person_id=who.pk)
    turn()

    assert list(FunnelCell.objects.order_by("pk").values()) == before


def test_a_stranger_who_turns_out_to_be_somebody_is_not_counted_twice(note: Any) -> None:
    visitor, who = UUID(int=1), world.person()
    world.event("impression", NOW, visitor, note)
    world.event("impression", NOW + DAY, who, note)
    turn()
    assert people(ask_both()) == {"all": [2, 0, 0, 0, 0, 0]}

    world.join(visitor, who)
    assert turn() == 1
    assert people(ask_both()) == {"all": [1, 0, 0, 0, 0, 0]}


def test_what_is_given_back_is_no_longer_kept(note: Any, shown: Any) -> None:
    who = world.person()
    for kind in STEPS[:2]:
        world.event(kind, NOW - HOUR, who, note)
    order = world.order(who, (shown, 700))
    turn()
    [row] = ask_both().results
    assert row.net_paid is not None
    assert (row.net_paid.people, row.net_paid.amount.amount_minor) == (1, 700)

    world.refund(order)
    funnel_rollup.mark_buyers(order_ids=[order.pk])
    turn()
    [row] = ask_both().results
    assert row.net_paid is not None
    assert (row.net_paid.people, row.net_paid.amount.amount_minor) == (0, 0)


def test_another_lookback_is_told_to_the_sums(note: Any, shown: Any) -> None:
    who = world.person()
    for kind in STEPS[:2]:
        world.event(kind, NOW, who, note)
    world.event("order_paid", NOW + 12 * DAY, who, note, of=shown)
    turn()
    assert people(ask_both()) == {"all": [1, 1, 0, 0, 0, 1]}

    Lookback.objects.update_or_create(category_slug="beauty", defaults={"days": 10})
    assert turn() == 1
    assert people(ask_both()) == {"all": [1, 1, 0, 0, 0, 0]}


def test_once_a_day_notes_and_products_are_seen_to_be_what_they_have_become(
    note: Any, shown: Any
) -> None:
    world.event("impression", NOW, world.person(), note)
    turn()
    note.topics.set([Topic.objects.create(slug="coffee", name="Coffee")])
    shown.brand = world.brand("Other")
    shown.save()
    note.ai_use = "assisted"
    note.save()
    assert turn() == 0

    RollUp.objects.update(dimensions=NOW.date() - DAY)
    assert turn() == 1
    for group_by in FunnelGroup:
        ask_both(group_by=group_by)
    assert set(people(ask(group_by=FunnelGroup.TOPIC))) == {"coffee"}


def test_a_rebuild_makes_what_was_there(note: Any, shown: Any) -> None:
    who = world.person()
    for kind in STEPS:
        world.event(kind, NOW, who, note, of=shown)
    turn()
    before = set(FunnelCell.objects.exclude(people=0).values_list())

    funnel_rollup.rebuild()
    assert SUMMED not in ask().meta.notes
    turn()

    assert set(FunnelCell.objects.exclude(people=0).values_list()) == before


def test_marks_are_read_a_part_at_a_time_and_the_sums_are_fresh_after_the_last(note: Any) -> None:
    for _ in range(3):
        world.event("impression", NOW, world.person(), note)
    funnel_rollup.rebuild()

    assert funnel_rollup.turn(at=NOW, most=2) == 2
    assert RollUp.objects.get().fresh_at is None
    assert funnel_rollup.turn(at=NOW, most=2) == 1
    assert people(ask_both()) == {"all": [3, 0, 0, 0, 0, 0]}


class TestComparison:
    @pytest.fixture(autouse=True)
    def _read(self, note: Any, shown: Any) -> None:
        self.who = world.person()
        for kind in STEPS[:2]:
            world.event(kind, NOW - HOUR, self.who, note)
        world.order(self.who, (shown, 700))
        turn()

    def test_what_agrees_says_nothing_and_who_waits_is_left_out(self, note: Any) -> None:
        assert list(funnel_rollup.differences()) == []

        world.event("impression", NOW, self.who, note)
        assert list(funnel_rollup.differences()) == []

    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            ("DELETE FROM conversion_funnelway", "missing"),
            ("UPDATE conversion_funnelway SET reached = reached & ~2", "superfluous"),
            ("UPDATE conversion_funnelcell SET people = people + 1 WHERE grain = 'author'", "cell"),
            ("DELETE FROM conversion_funnelcell WHERE measure = 11", "cell"),
            ("UPDATE conversion_funneltaking SET net_minor = 1", "taking"),
        ],
    )
    def test_what_was_tampered_with_is_named(self, statement: str, said: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

        assert said in {line.split()[0].rstrip(":") for line in funnel_rollup.differences()}


@pytest.mark.parametrize("histories", [10, pytest.param(300, marks=pytest.mark.soak)])
def test_any_history_read_at_any_moments_gives_what_the_log_gives(
    histories: int,
) -> None:
    @settings(max_examples=histories, deadline=None, phases=[Phase.generate])
    @given(seed=st.randoms(use_true_random=False))
    def check(seed: Any) -> None:
        the_sums_say_what_the_log_says(seed)

    check()


def the_sums_say_what_the_log_says(seed: Any) -> None:
    with undurable():
        live(seed, many=60)
        turn()

        for group_by in (None, *FunnelGroup):
            ask_both(
                group_by=group_by,
                window_days=seed.choice([None, 1, 7, 15, 30]),
                period=some_days(seed),
                population=seed.choice(["real", "all"]),
            )
        for author_id in FunnelWay.objects.values_list("author_id", flat=True).distinct():
            mine: dict[str, Any] = {
                "scope": Scope(author_id=author_id or 0),
                "period": some_days(seed),
                "group_by": seed.choice([None, *FunnelGroup]),
                "window_days": seed.choice([None, 3, 15]),
            }
            assert ask(**mine).results == ask(at=LATER, **mine).results
        for brand_id in FunnelWay.objects.values_list("brand_id", flat=True).distinct():
            ask_both(
                scope=Scope(brand_ids=(brand_id,)),
                period=some_days(seed),
                group_by=seed.choice([None, FunnelGroup.DAY, FunnelGroup.BRAND]),
            )
        assert list(funnel_rollup.differences()) == []
        transaction.set_rollback(True)


def test_an_authors_funnel_looks_at_those_alone_who_were_at_their_notes(
    note: Any, shown: Any
) -> None:
    reader, stranger = world.person(), world.person()
    world.event("impression", NOW, reader, note)
    world.event("impression", NOW, stranger, world.note(shown))
    turn()
    mine = Scope(author_id=note.author_id)
    assert people(ask(scope=mine)) == {"all": [1, 0, 0, 0, 0, 0]}

    FunnelWay.objects.all().delete()
    assert people(ask(scope=mine)) == {"all": [0, 0, 0, 0, 0, 0]}
    assert people(ask(at=LATER, scope=mine)) == {"all": [1, 0, 0, 0, 0, 0]}


def some_days(seed: Any) -> Period:
    first = date(2026, 3, 1) + timedelta(days=seed.randrange(40))
    return Period(first, first + timedelta(days=seed.randrange(1, 40)), SHANGHAI)


def live(seed: Any, *, many: int) -> None:
    """Let people and strangers do anything in any order, and be read at any moment."""
    shelves = [world.category(slug) for slug in ("beauty", "food")]
    products = [
        world.product(shelf=shelf, made_by=world.brand(name))
        for shelf, name in zip([*shelves, shelves[0]], ["One", "Two", "Two"], strict=True)
    ]
    notes = [
        world.note(*products[:1], topics=["tea"]),
        world.note(*products, topics=["tea", "travel"], type="video"),
        world.note(*products[1:]),
    ]
    who = [world.person(), world.person(), world.person(population="simulated")]
    visitors = [UUID(int=n) for n in (1, 2, 3)]
    orders: list[Any] = []

    def act() -> None:
        kind = seed.choice([*STEPS[:2], *STEPS[:5]])
        is_of_note = kind in STEPS[:2]
        world.event(
            kind, moment(), seed.choice([*who, *visitors]), seed.choice(notes),
            of=None if is_of_note and seed.random() < 0.9 else seed.choice(products),
            surface=seed.choice(["explore", "search"]),
        )  # fmt: skip

    def read() -> None:
        funnel_rollup.turn(at=NOW, many=seed.choice([1, funnel_rollup.MANY]))

    def moment() -> Any:
        return NOW.replace(day=1) + seed.randrange(80) * 12 * HOUR

    def buy() -> None:
        currency = seed.choice(["CNY", "CNY", "EUR"])
        bought = seed.choice(products)
        orders.append(world.order(seed.choice(who), (bought, 300), at=moment(), currency=currency))

    def give_back() -> None:
        if orders:
            order = orders.pop()
            world.refund(order)
            funnel_rollup.mark_buyers(order_ids=[order.pk])

    def join() -> None:
        if visitors:
            world.join(visitors.pop(), seed.choice(who[:2]))

    steps: Sequence[Any] = [act] * 20 + [buy] * 4 + [give_back, join, read]
    for _ in range(many):
        seed.choice(steps)()
