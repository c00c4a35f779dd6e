"""What was credited to whom adds up to everything that was paid."""

from collections import Counter
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orders.models import OrderLine, RefundLine
from redshop.conversion.selectors import attribution
from redshop.conversion.selectors.attribution import Answer, Question
from redshop.conversion.types import AttributionModel, Basis, CreditGroup, Period, Scope, Slice
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1), SHANGHAI)


def ask(**rest: Any) -> Answer:
    defaults: dict[str, Any] = {"period": MARCH, "population": "real", "currency": "CNY"}
    return attribution.attribution(Question(**{**defaults, **rest}), at=NOW)


def rows(answer: Answer) -> list[tuple[Any, float, int, int]]:
    return [
        (row.key, row.conversions, row.gross.amount_minor, row.refunded.amount_minor)
        for row in answer.results
    ]


def sums(*standings: Any) -> tuple[float, int, int, int]:
    return (
        round(sum(s.conversions for s in standings), 9),
        sum(s.gross.amount_minor for s in standings),
        sum(s.refunded.amount_minor for s in standings),
        sum(s.net.amount_minor for s in standings),
    )


@pytest.fixture
def shop() -> dict[str, Any]:
    """Two notes that led to one sale, one that led to another, and a sale that nothing led to."""
    product, buyer, other = world.product(), world.person(), world.person()
    author = world.person()
    first = world.note(product, author=author, topics=["tea", "travel"])
    second = world.note(
        product, author=world.person(), is_sponsored=True, brand=product.brand, disclosure="ad"
    )
    world.event("note_open", NOW - 5 * HOUR, buyer, first, surface="search")
    world.event("note_open", NOW - 2 * HOUR, buyer, second, surface="explore")
    world.event("like", NOW - 2 * HOUR, other, first, surface="")
    orders = [
        world.order(buyer, (product, 1001)),
        world.order(other, (product, 500), at=NOW + DAY, quantity=2),
        world.order(world.person(), (world.product(), 250), at=NOW + DAY),
    ]
    world.attribute(*orders)
    return {"notes": [first, second], "author": author, "orders": orders, "product": product}


def test_last_touch_by_note_with_the_rest_unattributed(shop: dict[str, Any]) -> None:
    first, second = shop["notes"]

    answer = ask()

    assert rows(answer) == [(second.pk, 1.0, 1001, 0), (first.pk, 1.0, 1000, 0)]
    assert sums(answer.unattributed) == (1.0, 250, 0, 250)
    assert sums(answer.total) == (3.0, 2251, 0, 2251)
    assert [row.label for row in answer.results] == [second.title, first.title]


def test_first_touch_and_linear(shop: dict[str, Any]) -> None:
    first, second = shop["notes"]

    assert rows(ask(model=AttributionModel.FIRST_TOUCH)) == [(first.pk, 2.0, 2001, 0)]
    assert rows(ask(model=AttributionModel.LINEAR)) == [
        (first.pk, 1.5, 1501, 0),
        (second.pk, 0.5, 500, 0),
    ]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (CreditGroup.SURFACE, [("search", 0.5, 501), (None, 1.0, 1000), ("explore", 0.5, 500)]),
        (CreditGroup.PROVENANCE, [("user", 1.5, 1501), ("user+sponsored", 0.5, 500)]),
        (CreditGroup.TOPIC, [("tea", 0.75, 751), ("travel", 0.75, 750), (None, 0.5, 500)]),
        (CreditGroup.DAY, [("2026-03-20", 1.0, 1001), ("2026-03-21", 1.0, 1000)]),
    ],
)
def test_every_grouping_adds_up(
    shop: dict[str, Any], group_by: CreditGroup, expected: list[Any]
) -> None:
    answer = ask(model=AttributionModel.LINEAR, group_by=group_by)

    assert {row[:3] for row in rows(answer)} == set(expected)
    assert sums(*answer.results, answer.unattributed) == sums(answer.total) == (3.0, 2251, 0, 2251)


def test_a_refund_counts_on_the_day_of_the_order_or_on_its_own(shop: dict[str, Any]) -> None:
    _, second = shop["notes"]
    world.refund(shop["orders"][0], at=NOW + 20 * DAY)
    world.attribute(shop["orders"][0])

    by_order, by_refund = ask(), ask(basis=Basis.REFUND)
    april = Period(date(2026, 4, 1), date(2026, 5, 1), SHANGHAI)

    assert (second.pk, 1.0, 1001, 1001) in rows(by_order)
    assert sums(by_order.total) == (3.0, 2251, 1001, 1250)
    assert (second.pk, 1.0, 1001, 0) in rows(by_refund)
    assert rows(ask(basis=Basis.REFUND, period=april)) == [(second.pk, 0.0, 0, 1001)]
    assert sums(ask(basis=Basis.REFUND, period=april).total) == (0.0, 0, 1001, -1001)


def test_what_waits_to_be_attributed_counts_as_unattributed(shop: dict[str, Any]) -> None:
    world.order(world.person(), (shop["product"], 77))
    world.refund(shop["orders"][2])

    answer = ask()

    assert sums(answer.unattributed) == (2.0, 327, 250, 77)
    assert sums(*answer.results, answer.unattributed) == sums(answer.total)
    assert "1 conversions wait to be attributed and count as unattributed." in answer.meta.notes


def test_a_correction_leaves_no_trace_in_the_groups(shop: dict[str, Any]) -> None:
    late = world.note(shop["product"])
    world.event("cart_add", NOW - HOUR, shop["orders"][0].buyer, late)
    world.attribute(shop["orders"][0])

    assert rows(ask()) == [(late.pk, 1.0, 1001, 0), (shop["notes"][0].pk, 1.0, 1000, 0)]


def test_days_are_those_of_the_time_zone() -> None:
    order = world.order(world.person(), (world.product(), 100), at=NOW.replace(hour=16))
    world.attribute(order)

    def total(first: int, zone: str) -> int:
        period = Period(date(2026, 3, first), date(2026, 3, first + 1), ZoneInfo(zone))
        return ask(period=period).total.gross.amount_minor

    assert [total(20, "UTC"), total(21, "UTC")] == [100, 0]
    assert [total(20, "Asia/Shanghai"), total(21, "Asia/Shanghai")] == [0, 100]


def test_a_window_of_its_own_is_computed_from_the_events(shop: dict[str, Any]) -> None:
    first = shop["notes"][0]
    older = world.note(shop["product"])
    world.event("note_open", NOW - 20 * DAY, shop["orders"][0].buyer, older)

    table = ask(model=AttributionModel.FIRST_TOUCH)
    month = ask(model=AttributionModel.FIRST_TOUCH, window_days=20)

    assert rows(table) == [(first.pk, 2.0, 2001, 0)]
    assert rows(month) == [(older.pk, 1.0, 1001, 0), (first.pk, 1.0, 1000, 0)]
    assert sums(month.total) == sums(table.total)
    assert (month.meta.window_days, table.meta.window_days) == (20, None)


@pytest.mark.parametrize("most", [20_000, 2], ids=["PostgreSQL", "DuckDB"])
@pytest.mark.parametrize("basis", Basis)
def test_the_same_window_computed_or_kept_gives_the_same_credits(
    shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch, most: int, basis: Basis
) -> None:
    world.refund(shop["orders"][1], units=1)
    world.attribute(*shop["orders"])
    monkeypatch.setattr(attribution, "MOST_COMPUTED", most)

    for model in AttributionModel:
        for group_by in (CreditGroup.NOTE, CreditGroup.TOPIC, CreditGroup.DAY):
            kept = ask(model=model, group_by=group_by, basis=basis)
            anew = ask(model=model, group_by=group_by, basis=basis, window_days=15)
            assert rows(anew) == rows(kept)
            assert sums(anew.unattributed) == sums(kept.unattributed)


def test_a_brand_sees_its_products_only(shop: dict[str, Any]) -> None:
    other = world.brand("Other")
    product = world.product(made_by=other)
    world.attribute(world.order(world.person(), (product, 33)))

    answer = ask(scope=Scope(brand_ids=(other.pk,)))

    assert sums(answer.total) == sums(answer.unattributed) == (1.0, 33, 0, 33)
    assert answer.meta.n == 1


def test_an_author_sees_their_notes_only(shop: dict[str, Any]) -> None:
    answer = ask(model=AttributionModel.LINEAR, scope=Scope(author_id=shop["author"].pk))

    assert rows(answer) == [(shop["notes"][0].pk, 1.5, 1501, 0)]
    assert sums(answer.total) == (1.5, 1501, 0, 1501)
    assert sums(answer.unattributed) == (0.0, 0, 0, 0)
    assert answer.meta.n == 2


def test_currencies_and_populations_never_mix(shop: dict[str, Any]) -> None:
    simulated = world.person(population="simulated")
    world.attribute(
        world.order(world.person(), (shop["product"], 9), currency="EUR"),
        world.order(simulated, (shop["product"], 5)),
    )

    assert sums(ask().total)[1] == 2251
    assert sums(ask(currency="EUR").total)[1] == 9
    assert sums(ask(population="simulated").total)[1] == 5
    assert sums(ask(population="all").total)[1] == 2256
    assert [ask(population=name).meta.kind for name in ("real", "simulated", "all")] == [
        "measured",
        "simulated",
        "simulated",
    ]


def test_pages_hold_every_group_once(shop: dict[str, Any]) -> None:
    pages = [ask(page=Slice(offset, 1)) for offset in (0, 1)]

    assert [page.has_more for page in pages] == [True, False]
    assert [row for page in pages for row in rows(page)] == rows(ask())


def test_all_models_and_groupings_give_the_total_of_the_orders(shop: dict[str, Any]) -> None:
    world.refund(shop["orders"][1], units=1)
    world.attribute(*shop["orders"])
    gross = sum(OrderLine.objects.values_list("total_minor", flat=True))
    refunded = sum(RefundLine.objects.values_list("amount_minor", flat=True))

    seen = Counter(
        sums(*answer.results, answer.unattributed)
        for model in AttributionModel
        for group_by in CreditGroup
        if (answer := ask(model=model, group_by=group_by))
    )

    assert seen == {(3.0, gross, refunded, gross - refunded): 36}
