"""How far people get, for which product, counted from which start."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from redshop.conversion.chains import OPTIONAL, STEPS
from redshop.conversion.selectors.funnel import Answer, Question, funnel
from redshop.conversion.types import FunnelGroup, Period, Scope, Slice, Unit
from redshop.core.ids import uuid7
from redshop.events import partitions
from redshop.events.models import Event
from tests.conversion import reference, world
from tests.conversion.world import DAY, HOUR, NOW, SECOND

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1), SHANGHAI)


def ask(**rest: Any) -> Answer:
    defaults: dict[str, Any] = {"period": MARCH, "population": "real", "currency": "CNY"}
    return funnel(Question(**{**defaults, **rest}), at=NOW)


def counts(answer: Answer) -> dict[Any, list[int]]:
    return {row.key: [step.people for step in row.steps] for row in answer.results}


def people(**rest: Any) -> list[int]:
    [row] = ask(**rest).results
    return [step.people for step in row.steps]


@pytest.fixture
def shown() -> Any:
    return world.product()


@pytest.fixture
def note(shown: Any) -> Any:
    return world.note(shown)


def walk(who: Any, note: Any, product: Any, *kinds: str, since: datetime = NOW) -> None:
    for n, kind in enumerate(kinds):
        of = product if kind not in {"impression", "note_open"} else None
        world.event(kind, since + n * SECOND, who, note, of=of)


def test_nobody_did_anything() -> None:
    [row] = ask().results

    assert [step.people for step in row.steps] == [0] * 6
    assert row.net_paid is not None
    assert (row.net_paid.people, row.net_paid.amount.amount_minor) == (0, 0)


def test_each_step_counts_the_people_who_came_so_far(note: Any, shown: Any) -> None:
    for length in range(1, 6):
        walk(world.person(), note, shown, *STEPS[:length])

    assert people() == [5, 4, 3, 2, 1, 0]


def test_people_buy_without_a_recorded_cart_but_not_without_opening(note: Any, shown: Any) -> None:
    walk(world.person(), note, shown, "impression", "note_open", "order_paid")
    walk(world.person(), note, shown, "impression", "order_paid")

    assert people() == [2, 1, 0, 0, 0, 1]
    assert people(optional=frozenset()) == [2, 1, 0, 0, 0, 0]


def test_the_share_from_the_step_before_is_of_those_who_were_there(note: Any, shown: Any) -> None:
    walk(world.person(), note, shown, "impression", "note_open", "cart_add", "order_paid")
    for _ in range(2):
        walk(world.person(), note, shown, "impression", "note_open", "order_paid")

    [row] = ask(steps=("impression", "note_open", "cart_add", "order_paid")).results

    assert [(s.from_previous.numerator, s.from_previous.denominator) for s in row.steps] == [
        (3, 3),
        (3, 3),
        (1, 3),
        (1, 1),
    ]
    assert [(s.from_first.numerator, s.from_first.denominator) for s in row.steps] == [
        (3, 3),
        (3, 3),
        (1, 3),
        (3, 3),
    ]


@pytest.mark.parametrize(("late", "paid"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_seven_days_are_168_hours_edge_included(
    late: timedelta, paid: int, note: Any, shown: Any
) -> None:
    who = world.person()
    walk(who, note, shown, "impression", "note_open")
    world.event("order_paid", NOW + 168 * HOUR + late, who, note, of=shown)

    assert people(window_days=7) == [1, 1, 0, 0, 0, paid]


def test_a_new_start_restarts_the_window(note: Any, shown: Any) -> None:
    who = world.person()
    for days in (0, 5):
        walk(who, note, shown, "impression", "note_open", since=NOW + days * DAY)
    world.event("order_paid", NOW + 9 * DAY, who, note, of=shown)

    assert people(window_days=7)[-1] == 1


def test_a_new_start_alone_does_not_stretch_an_old_chain(note: Any, shown: Any) -> None:
    who = world.person()
    walk(who, note, shown, "impression", "note_open")
    world.event("impression", NOW + 5 * DAY, who, note)
    world.event("order_paid", NOW + 6 * DAY, who, note, of=shown)
    assert people(window_days=7)[-1] == 1

    world.event("order_paid", NOW + 9 * DAY, who, note, of=shown)
    assert people(window_days=5)[-1] == 0


def test_equal_moments_may_come_in_either_order(note: Any, shown: Any) -> None:
    who = world.person()
    for n, kind in enumerate(reversed(STEPS)):
        of = shown if kind not in {"impression", "note_open"} else None
        world.event(kind, NOW, who, note, of=of, id=UUID(int=n + 1))

    assert people() == [1, 1, 1, 1, 1, 1]


def test_steps_of_different_products_make_no_chain(note: Any, shown: Any) -> None:
    other = world.product()
    who = world.person()
    walk(who, note, shown, "impression", "note_open")
    world.event("order_paid", NOW + HOUR, who, world.note(other), of=other)

    assert people() == [1, 1, 0, 0, 0, 0]


def test_a_visitor_is_the_person_they_turned_out_to_be(note: Any, shown: Any) -> None:
    visitor, stranger, who = UUID(int=1), UUID(int=2), world.person()
    walk(visitor, note, shown, "impression", "note_open")
    world.join(visitor, who)
    world.event("order_paid", NOW + HOUR, who, note, of=shown)
    walk(stranger, note, shown, "impression")

    assert people() == [2, 1, 0, 0, 0, 1]


def test_the_window_is_the_lookback_of_the_category() -> None:
    food, serum = (world.product(shelf=world.category(slug)) for slug in ("food", "beauty"))
    for product in (food, serum):
        who, note = world.person(), world.note(product)
        walk(who, note, product, "impression", "note_open")
        world.event("order_paid", NOW + 8 * DAY, who, note, of=product)

    answer = ask(group_by=FunnelGroup.CATEGORY)

    assert counts(answer) == {"beauty": [1, 1, 0, 0, 0, 1], "food": [1, 1, 0, 0, 0, 0]}


def test_starts_lie_in_the_days_asked_for_and_later_steps_may_follow(note: Any, shown: Any) -> None:
    who = world.person()
    walk(who, note, shown, "impression", "note_open")
    world.event("order_paid", NOW + 2 * DAY, who, note, of=shown)

    def on(day: int) -> list[int]:
        return people(period=Period(date(2026, 3, day), date(2026, 3, day + 1), SHANGHAI))

    assert on(20) == [1, 1, 0, 0, 0, 1]
    assert on(22) == [0, 0, 0, 0, 0, 0]


def test_a_start_after_the_days_asked_for_restarts_the_window_too(note: Any, shown: Any) -> None:
    who = world.person()
    for days in (0, 2):
        walk(who, note, shown, "impression", "note_open", since=NOW + days * DAY)
    world.event("order_paid", NOW + 3 * DAY, who, note, of=shown)

    def on(day: int) -> int:
        return people(period=Period(date(2026, 3, day), date(2026, 3, day + 1), SHANGHAI))[-1]

    assert (on(20), on(22)) == (0, 1)


def test_who_took_two_steps_from_two_starts_did_not_go_from_one_to_the_other(
    note: Any, shown: Any
) -> None:
    who = world.person()
    walk(who, note, shown, "impression", "note_open", "cart_add")
    walk(who, note, shown, "impression", "note_open", "order_paid", since=NOW + HOUR)

    [row] = ask(steps=("impression", "note_open", "cart_add", "order_paid")).results

    assert [step.people for step in row.steps] == [1, 1, 1, 1]
    assert row.steps[-1].from_previous.numerator == 0


def test_net_paid_is_what_was_not_given_back(note: Any, shown: Any) -> None:
    orders = []
    for price in (1000, 700, 500):
        who = world.person()
        walk(who, note, shown, "impression", "note_open", since=NOW - HOUR)
        orders.append(world.order(who, (shown, price), quantity=2))
    world.refund(orders[0], units=2)
    world.refund(orders[1], units=1)

    [row] = ask().results
    [events] = ask(unit=Unit.EVENTS).results

    assert row.steps[-1].people == 3
    for net in (row.net_paid, events.net_paid):
        assert net is not None
        assert (net.people, net.amount.amount_minor) == (2, 700 + 1000)


class TestGroups:
    @pytest.fixture(autouse=True)
    def _world(self) -> None:
        self.product = world.product(shelf=world.category("beauty"))
        self.author = world.person(handle="ada")
        self.video = world.note(
            self.product, author=self.author, type="video", topics=["tea", "travel"]
        )
        self.advert = world.note(
            self.product,
            author=world.person(handle="bo"),
            origin="brand",
            brand=self.product.brand,
            disclosure="ad",
        )
        self.buyer, self.reader = world.person(), world.person()
        self.see(self.buyer, self.video, "search", NOW - 2 * DAY)
        self.see(self.buyer, self.advert, "explore", NOW - DAY)
        self.see(self.reader, self.video, "search", NOW - DAY)
        world.event("note_open", NOW - HOUR, self.buyer, self.advert, surface="profile")
        world.event("order_paid", NOW, self.buyer, of=self.product, surface="")

    def see(self, who: Any, note: Any, surface: str, at: datetime) -> None:
        world.event("impression", at, who, note, surface=surface)

    @pytest.mark.parametrize(
        ("group_by", "expected"),
        [
            (FunnelGroup.DAY, {"2026-03-18": [1, 0, 0], "2026-03-19": [2, 1, 1]}),
            (FunnelGroup.SURFACE, {"search": [2, 0, 0], "explore": [1, 1, 1]}),
            (FunnelGroup.PROVENANCE, {"user": [2, 0, 0], "brand": [1, 1, 1]}),
            (FunnelGroup.NOTE_TYPE, {"video": [2, 0, 0], "image": [1, 1, 1]}),
            (FunnelGroup.CATEGORY, {"beauty": [2, 1, 1]}),
            (FunnelGroup.TOPIC, {"tea": [2, 0, 0], "travel": [2, 0, 0], None: [1, 1, 1]}),
        ],
    )
    def test_a_chain_belongs_to_its_latest_start(
        self, group_by: FunnelGroup, expected: dict[Any, list[int]]
    ) -> None:
        answer = ask(group_by=group_by, steps=("impression", "note_open", "order_paid"))

        assert counts(answer) == expected
        assert answer.meta.n == 2

    def test_by_brand_and_author_with_labels(self) -> None:
        brand = ask(group_by=FunnelGroup.BRAND).results
        author = ask(group_by=FunnelGroup.AUTHOR).results

        assert [(row.key, row.label) for row in brand] == [(self.product.brand_id, "Maison")]
        assert {row.label: row.steps[0].people for row in author} == {"ada": 2, "bo": 1}

    def test_an_author_sees_the_chains_that_started_at_their_notes(self) -> None:
        assert people(scope=Scope(author_id=self.author.pk)) == [2, 1, 0, 0, 0, 1]

    def test_a_brand_sees_its_products_only(self) -> None:
        other = world.brand("Other")

        assert people(scope=Scope(brand_ids=(other.pk,))) == [0] * 6
        assert people(scope=Scope(brand_ids=(self.product.brand_id,)))[0] == 2

    def test_pages_hold_every_group_once(self) -> None:
        pages = [ask(group_by=FunnelGroup.TOPIC, page=Slice(n, 1)) for n in range(3)]

        assert [page.has_more for page in pages] == [True, True, False]
        assert {key for page in pages for key in counts(page)} == {"tea", "travel", None}

    @pytest.mark.parametrize(
        ("group_by", "expected"),
        [
            (None, {"all": [3, 1, 1]}),
            (FunnelGroup.DAY, {"2026-03-18": [1, 0, 0], "2026-03-19": [2, 0, 0],
                               "2026-03-20": [0, 1, 1]}),
            (FunnelGroup.SURFACE, {"search": [2, 0, 0], "explore": [1, 0, 0],
                                   "profile": [0, 1, 0], None: [0, 0, 1]}),
            (FunnelGroup.CATEGORY, {"beauty": [3, 1, 1]}),
            (FunnelGroup.AUTHOR, None),
        ],
    )  # fmt: skip
    def test_events_are_counted_where_they_happened(
        self, group_by: FunnelGroup | None, expected: dict[Any, list[int]] | None
    ) -> None:
        answer = ask(
            group_by=group_by,
            unit=Unit.EVENTS,
            steps=("impression", "note_open", "order_paid"),
        )

        if expected is None:
            assert [s.people for row in answer.results for s in row.steps if row.key] == [
                2, 0, 0, 1, 1, 0,
            ]  # fmt: skip
        else:
            assert counts(answer) == expected
        assert answer.meta.n == 3

    def test_events_in_the_scope_of_a_brand_and_of_an_author(self) -> None:
        steps = ("impression", "note_open", "order_paid")
        of_brand = Scope(brand_ids=(self.product.brand_id,))

        assert people(unit=Unit.EVENTS, steps=steps, scope=of_brand) == [3, 1, 1]
        assert people(unit=Unit.EVENTS, steps=steps, scope=Scope(author_id=self.author.pk)) == [
            2,
            0,
            0,
        ]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int, str, str]]:
    """Draw kind, actor, half-day, surface and what it is about of each event."""
    event = st.tuples(
        st.sampled_from(STEPS),
        st.integers(0, 2),
        st.integers(0, 7),
        st.sampled_from(["explore", "search"]),
        st.sampled_from(["one", "both", "none"]),
    )
    return draw(st.lists(event, min_size=1, max_size=14))


@settings(max_examples=120, deadline=None)
@given(
    history=histories(),
    days=st.integers(1, 3),
    optional=st.sets(st.sampled_from(STEPS[1:]), max_size=4),
    steps=st.permutations(STEPS).flatmap(
        lambda steps: st.integers(1, 6).map(lambda many: tuple(steps[:many]))
    ),
    is_usual=st.booleans(),
)
def test_random_histories_agree_with_the_plain_definition(
    history: Sequence[tuple[str, int, int, str, str]],
    days: int,
    optional: set[str],
    steps: tuple[str, ...],
    is_usual: bool,
) -> None:
    chosen, skippable = (STEPS, OPTIONAL) if is_usual else (steps, frozenset(optional))
    with transaction.atomic():
        acts = record(history)

        answer = ask(
            group_by=FunnelGroup.SURFACE,
            window_days=days,
            steps=chosen,
            optional=skippable,
            period=Period(date(2026, 3, 21), date(2026, 3, 24), ZoneInfo("UTC")),
        )
        transaction.set_rollback(True)

    assert counts(answer) == reference.funnel(
        acts,
        steps=chosen,
        optional=skippable,
        window=timedelta(days=days),
        since=NOW.replace(day=21, hour=0),
        until=NOW.replace(day=24, hour=0),
    )


def record(history: Sequence[tuple[str, int, int, str, str]]) -> list[reference.Act]:
    """Write the history of a person, a joined visitor of theirs, and a stranger; return its acts.

    Events on notes are about all that the note shows; later steps name their product.
    """
    one, two = world.product(), world.product()
    notes = {"one": world.note(one), "both": world.note(one, two), "none": world.note()}
    shows = {"one": [one], "both": [one, two], "none": []}
    who, visitor, stranger = world.person(), uuid7(), uuid7()
    world.join(visitor, who)
    actors = [("p", who.pk, None), ("p", None, visitor), ("v", None, stranger)]
    events, acts = [], []
    for kind, n, half_day, surface, about in history:
        at = NOW.replace(day=20, hour=12) + half_day * 12 * HOUR
        actor, person_id, visitor_id = actors[n]
        is_of_note = kind in STEPS[:2]
        product = two if about == "both" else one
        event = Event(
            id=uuid7(), kind=kind, occurred_at=at, received_at=at, surface=surface,
            person_id=person_id, visitor_id=visitor_id, note_id=notes[about].pk,
            product_id=None if is_of_note else product.pk, population="real", source="client",
        )  # fmt: skip
        events.append(event)
        acts += [
            reference.Act(event.id, at, kind, actor, each.pk, surface)
            for each in (shows[about] if is_of_note else [product])
        ]
    partitions.ensure(since=NOW, until=NOW + 5 * DAY)
    Event.objects.bulk_create(events)
    return acts
