"""How long sales took, who came back, how near people are, what notes had done by when."""

import random
from datetime import date, datetime, timedelta
from math import ceil, floor, sqrt
from statistics import mean
from typing import Any

import pytest
from django.db import transaction

from redshop.conversion.models import NoteSnapshot
from redshop.conversion.rates import Z
from redshop.conversion.selectors import aips, cohorts, snapshots, timing
from redshop.conversion.selectors.cohorts import Beginning, Span, offset_of
from redshop.conversion.selectors.snapshots import SnapshotGroup
from redshop.conversion.selectors.timing import Since, TimingGroup
from redshop.conversion.services import attribution
from redshop.conversion.services import snapshots as taking
from redshop.conversion.types import Period, Scope
from redshop.core.ids import uuid7
from tests.conversion import world
from tests.conversion.test_attribution_statistics import MARCH
from tests.conversion.world import DAY, HOUR, NOW, SHANGHAI

pytestmark = pytest.mark.django_db
WHOSE: dict[str, Any] = {"population": "real", "currency": "CNY"}


def time_to_convert(**rest: Any) -> timing.Answer:
    return timing.time_to_convert(timing.Question(**{"period": MARCH, **WHOSE, **rest}), at=NOW)


def test_the_time_from_touch_to_sale_is_told_to_the_microsecond() -> None:
    chance = random.Random(4)  # noqa: S311 - repeatable, not a secret
    product = world.product()
    first, second = world.note(product), world.note(product)
    hours = [chance.uniform(1, 300) for _ in range(41)]
    for each in hours:
        buyer = world.person()
        world.event("note_open", NOW - each * HOUR, buyer, first)
        world.event("note_open", NOW - HOUR / 2, buyer, second)
        world.attribute(world.order(buyer, (product, 100)))
    world.attribute(world.order(world.person(), (product, 100)))

    [row] = time_to_convert().results
    [last] = time_to_convert(since=Since.LAST_TOUCH).results

    there = sorted(hours)
    low = floor(41 / 2 - Z * sqrt(41) / 2)
    high = ceil(41 / 2 + Z * sqrt(41) / 2) + 1
    assert row.conversions == 41
    assert (row.median.value, row.median.low, row.median.high) == pytest.approx(
        (there[20], there[low - 1], there[high - 1]), abs=1e-6
    )
    assert row.mean == pytest.approx(mean(hours), abs=1e-6)
    assert (row.p10, row.p90) == pytest.approx((there[4], there[36]), abs=1e-6)
    within = {each.days: each.share.numerator for each in row.within}
    assert within == {
        days: sum(hour <= days * 24 for hour in hours) for days in (1, 3, 7, 15, 30, 60, 90)
    }
    assert last.median.value == pytest.approx(0.5)


def test_sales_are_grouped_and_scoped() -> None:
    ours, theirs = world.brand("Ours"), world.brand("Theirs")
    for made_by, before in ((ours, 2), (ours, 4), (theirs, 8)):
        product, buyer = world.product(made_by=made_by), world.person()
        note = world.note(product)
        world.event("note_open", NOW - before * HOUR, buyer, note, surface="search")
        world.attribute(world.order(buyer, (product, 100)))

    by_brand = time_to_convert(group_by=TimingGroup.BRAND).results
    mine = time_to_convert(scope=Scope(brand_ids=(theirs.pk,))).results

    assert [(row.key, row.conversions, row.mean) for row in by_brand] == [
        (ours.pk, 2, 3.0),
        (theirs.pk, 1, 8.0),
    ]
    assert [row.mean for row in mine] == [8.0]
    for group_by in TimingGroup:
        rows = time_to_convert(group_by=group_by).results
        assert sum(row.conversions for row in rows) == 3


def test_a_correction_is_not_told_twice() -> None:
    product, buyer = world.product(), world.person()
    note = world.note(product)
    world.event("note_open", NOW - 2 * HOUR, buyer, note)
    order = world.order(buyer, (product, 100))
    world.attribute(order)
    world.event("note_open", NOW - 9 * HOUR, buyer, note)
    world.attribute(order)

    [row] = time_to_convert().results

    assert (row.conversions, row.mean) == (1, 9.0)


def ask_cohorts(**rest: Any) -> cohorts.Answer:
    return cohorts.cohorts(cohorts.Question(**{"period": MARCH, **WHOSE, **rest}), at=NOW)


def test_cohorts_are_followed_week_by_week() -> None:
    monday = datetime(2026, 3, 2, tzinfo=SHANGHAI)
    early, late = (world.person(joined_at=monday + n * timedelta(days=6.9)) for n in (0, 1))
    next_week = world.person(joined_at=monday + 7 * DAY)
    product = world.product()
    world.event("note_open", monday + HOUR, early)
    world.event("note_open", monday - HOUR, early)
    world.event("note_open", monday + 7 * DAY, late)
    world.event("note_open", monday + 14 * DAY, early)
    world.order(early, (product, 100), at=monday + 8 * DAY, quantity=2)
    world.refund(world.order(late, (product, 50), at=monday + 8 * DAY))

    answer = ask_cohorts()

    first, second = answer.results
    assert [(row.key, row.size) for row in answer.results] == [("2026-03-02", 2), ("2026-03-09", 1)]
    assert [(s.offset, s.active.numerator, s.buyers.numerator, s.orders) for s in first.spans] == [
        (0, 1, 0, 0),
        (1, 2, 2, 2),
        (2, 1, 0, 0),
    ]
    assert [s.net.amount_minor for s in first.spans] == [0, 200, 0]
    assert [s.active.value for s in second.spans] == [0.0, 0.0]
    assert next_week.pk
    assert answer.meta.n == 3


def test_cohorts_can_begin_with_the_first_payment() -> None:
    buyer, product = world.person(), world.product()
    for before in (15, 8, 1):
        world.order(buyer, (product, 100), at=NOW - before * DAY)

    [row] = ask_cohorts(beginning=Beginning.FIRST_PAID, span=Span.DAY).results

    assert row.size == 1
    assert [s.offset for s in row.spans if s.buyers.numerator] == [0, 7]
    assert len(row.spans) == 14


def test_spans_are_counted_by_the_calendar() -> None:
    assert offset_of(Span.MONTH, date(2025, 11, 1), date(2026, 3, 31)) == 4
    assert offset_of(Span.WEEK, date(2026, 3, 2), date(2026, 3, 15)) == 1
    assert offset_of(Span.DAY, date(2026, 3, 2), date(2026, 3, 15)) == 13


def test_everybody_stands_at_their_deepest_stage() -> None:
    brand = world.brand("Ours")
    serum, cream = world.product(made_by=brand), world.product(made_by=brand)
    note, other = world.note(serum), world.note(cream)
    aware, interested, mixed, true, bought, gave_back, shared, wrote = (
        world.person() for _ in range(8)
    )
    world.event("impression", NOW - 2 * DAY, aware, note)
    world.event("impression", NOW - 2 * DAY, uuid7(), note)
    world.event("impression", NOW - 91 * DAY, world.person(), note)
    world.event("product_view", NOW - 2 * DAY, interested, of=cream)
    world.event("read", NOW - 2 * DAY, mixed, note, completion=0.9)
    world.event("save", NOW - 2 * DAY, mixed, other)  # deep, but of another product
    world.event("read", NOW - 2 * DAY, true, note, dwell_ms=30_000)
    world.event("save", NOW - 2 * DAY, true, note)
    world.order(bought, (serum, 100), at=NOW - DAY)
    world.refund(world.order(gave_back, (serum, 100), at=NOW - DAY))
    world.event("share", NOW - HOUR, shared, note)
    world.order(shared, (serum, 100), at=NOW - DAY)
    world.order(wrote, (cream, 100), at=NOW - DAY)
    late = world.note(cream, author=wrote)
    type(late).objects.filter(pk=late.pk).update(published_at=NOW - HOUR)

    answer = aips.aips(
        aips.Question(brand=brand, period=MARCH_TO_NOW, population="real", window_days=90), at=NOW
    )

    assert {row.key: (row.people, row.reached) for row in answer.results} == {
        "awareness": (2, 8),
        "interest": (2, 6),
        "true_interest": (1, 4),
        "purchase": (1, 3),
        "share": (2, 2),
    }
    assert answer.results[2].of_previous.value == pytest.approx(4 / 6)
    assert any(note.startswith("true_interest: Of one product") for note in answer.meta.notes)


MARCH_TO_NOW = Period(date(2026, 3, 1), date(2026, 3, 21), SHANGHAI)


def ask_snapshots(**rest: Any) -> snapshots.Answer:
    return snapshots.snapshots(
        snapshots.Question(**{"period": MARCH, **WHOSE, **rest}), at=NOW + 200 * DAY
    )


@pytest.fixture
def published() -> Any:
    """A note of which something happened in each of its first days, and the sale it led to."""
    product, buyer = world.product(), world.person()
    note = world.note(product, author=world.person())
    type(note).objects.filter(pk=note.pk).update(published_at=NOW - 10 * DAY)
    start = NOW - 10 * DAY
    world.event("impression", start, buyer, note)
    world.event("note_open", start + DAY - timedelta(microseconds=1), buyer, note)
    world.event("save", start + DAY, buyer, note)
    world.event("impression", start + 8 * DAY, world.person(), note)
    order = world.order(buyer, (product, 100), at=start + 2 * DAY, quantity=2)
    world.refund(order, units=1, at=start + 8 * DAY)
    world.attribute(order)
    return note


@pytest.mark.django_db(transaction=True)
def test_snapshots_are_what_had_happened_by_then(published: Any) -> None:
    start = NOW - 10 * DAY

    assert taking.take(at=start + DAY + HOUR - timedelta(seconds=1)) == 0
    assert taking.take(at=start + DAY + HOUR) == 1
    assert taking.take(at=start + DAY + HOUR) == 0
    assert taking.take(at=NOW) == 1  # T+7
    taking.take(at=NOW + 10 * DAY)

    [row] = ask_snapshots(group_by=SnapshotGroup.NOTE).results
    told = {
        each.days: (
            each.reach.impressions,
            each.reach.people,
            each.reach.opens,
            each.engagement.saves,
            each.credited.gross.amount_minor,
            each.credited.refunded.amount_minor,
        )
        for each in row.snapshots
    }
    assert row.key == published.pk
    assert told == {
        1: (1, 1, 1, 0, 0, 0),
        7: (1, 1, 1, 1, 200, 0),
        15: (2, 2, 1, 1, 200, 100),
    }


@pytest.mark.django_db(transaction=True)
def test_what_is_reported_late_is_in_the_final_snapshot(published: Any) -> None:
    start = NOW - 10 * DAY
    taking.take(at=start + DAY + HOUR)
    world.event("impression", start + HOUR, world.person(), published)

    assert taking.take(at=start + 31 * DAY + HOUR - timedelta(seconds=1)) == 3  # T+7, 15 and 30
    assert NoteSnapshot.objects.get(days=1).figures["impressions"] == 1
    taking.take(at=start + 31 * DAY + HOUR)

    row = NoteSnapshot.objects.get(days=1)
    assert (row.figures["impressions"], row.is_final) == (2, True)
    assert list(taking.compare().differences) == []


@pytest.mark.django_db(transaction=True)
def test_a_final_snapshot_that_was_tampered_with_is_told(published: Any) -> None:
    taking.take(at=NOW + 200 * DAY)
    NoteSnapshot.objects.filter(days=7).update(credits={})

    [difference] = list(taking.compare().differences)

    assert difference.startswith(f"note {published.pk} at T+7: kept ")


@pytest.mark.django_db(transaction=True)
def test_groups_of_notes_are_added_up(published: Any) -> None:
    taking.take(at=NOW + 200 * DAY)
    author = published.author_id

    [everything] = ask_snapshots().results
    [by_author] = ask_snapshots(group_by=SnapshotGroup.AUTHOR).results

    assert (everything.key, by_author.key) == ("all", author)
    assert [each.days for each in everything.snapshots] == [1, 7, 15, 30, 60, 90]
    assert all(each.is_final for each in everything.snapshots)
    assert ask_snapshots(scope=Scope(author_id=world.person().pk)).results == ()


def test_windows_that_are_attributed_anew_still_have_one_time() -> None:
    product, buyer = world.product(), world.person()
    note = world.note(product)
    world.event("note_open", NOW - 2 * HOUR, buyer, note)
    order = world.order(buyer, (product, 100))
    with transaction.atomic():
        attribution.attribute_orders(order_ids=[order.pk], at=NOW)
        attribution.attribute_orders(order_ids=[order.pk], at=NOW)

    assert [row.conversions for row in time_to_convert().results] == [1]
