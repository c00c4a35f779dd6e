"""Which touches of which notes a conversion is credited to."""

from datetime import datetime, timedelta
from unittest import mock
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from notes.models import Note
from orders.models import Order
from redshop.accounts.models import User
from redshop.catalog.models import Product
from redshop.conversion import rules
from redshop.conversion.models import Attribution, Credit, Lookback
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.selectors import lookback, paths
from redshop.core.ids import uuid7
from redshop.events.kinds import EventKind
from tests.conversion import reference, world
from tests.conversion.world import DAY, HOUR, NOW, SECOND

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def buyer() -> User:
    return world.person()


@pytest.fixture
def product() -> Product:
    return world.product()


@pytest.fixture
def note(product: Product) -> Note:
    return world.note(product)


def credited(order: Order, model: str = "last_touch") -> list[int]:
    world.attribute(order)
    shares = ledger.standing(line_ids=[line.pk for line in order.lines.all()])
    mine = [share for all_of in shares.values() for share in all_of if share.model == model]
    mine.sort(key=lambda share: (share.touch.occurred_at, share.touch.event_id))
    return [share.touch.note_id for share in mine]


@pytest.mark.parametrize(
    "kind", ["note_open", "read", "like", "save", "comment", "share", "product_view", "cart_add"]
)
def test_every_click_on_a_note_that_shows_the_product_counts(
    kind: str, buyer: User, product: Product, note: Note
) -> None:
    world.event(kind, NOW - 2 * DAY, buyer, note)

    assert credited(world.order(buyer, (product, 1000))) == [note.pk]


@pytest.mark.parametrize(
    "kind", ["follow", "hide", "screenshot", "checkout", "order_paid", "search_submit"]
)
def test_nothing_else_counts(kind: str, buyer: User, product: Product, note: Note) -> None:
    world.event(kind, NOW - HOUR, buyer, note)
    order = world.order(buyer, (product, 1000))

    assert credited(order) == []
    assert not Attribution.objects.get(line__order=order).is_attributed


def test_a_note_that_does_not_show_the_product_is_not_credited(
    buyer: User, product: Product
) -> None:
    world.event("note_open", NOW - HOUR, buyer, world.note(world.product()))

    assert credited(world.order(buyer, (product, 1000))) == []


def test_what_another_person_did_is_not_a_touch(buyer: User, product: Product, note: Note) -> None:
    world.event("note_open", NOW - HOUR, world.person(), note)

    assert credited(world.order(buyer, (product, 1000))) == []


@pytest.mark.parametrize(
    ("before", "counts"),
    [
        (timedelta(0), True),
        (-MICROSECOND, False),
        (15 * DAY, True),
        (15 * DAY + MICROSECOND, False),
    ],
)
def test_a_click_counts_within_the_lookback_edges_included(
    before: timedelta, counts: bool, buyer: User, product: Product, note: Note
) -> None:
    world.event("note_open", NOW - before, buyer, note)

    assert credited(world.order(buyer, (product, 1000))) == ([note.pk] if counts else [])


@pytest.mark.parametrize(("before", "counts"), [(24 * HOUR, True), (24 * HOUR + SECOND, False)])
def test_a_view_counts_for_a_day_edges_included(
    before: timedelta, counts: bool, buyer: User, product: Product, note: Note
) -> None:
    world.event("impression", NOW - before, buyer, note)

    assert credited(world.order(buyer, (product, 1000))) == ([note.pk] if counts else [])


def test_one_click_in_the_window_drops_every_view(buyer: User, product: Product) -> None:
    clicked, seen = world.note(product), world.note(product)
    world.event("note_open", NOW - 14 * DAY, buyer, clicked)
    for hours in range(1, 5):
        world.event("impression", NOW - hours * HOUR, buyer, seen)
    order = world.order(buyer, (product, 1000))

    assert credited(order, "first_touch") == [clicked.pk]
    assert credited(order, "last_touch") == [clicked.pk]
    assert Attribution.objects.get(line__order=order).touches == 1


def test_a_click_outside_the_window_drops_no_view(buyer: User, product: Product) -> None:
    clicked, seen = world.note(product), world.note(product)
    world.event("note_open", NOW - 16 * DAY, buyer, clicked)
    world.event("impression", NOW - HOUR, buyer, seen)

    assert credited(world.order(buyer, (product, 1000))) == [seen.pk]


@pytest.mark.parametrize(
    ("shown_from", "shown_until", "counts"),
    [
        (NOW - HOUR, None, True),
        (NOW - HOUR + MICROSECOND, None, False),
        (NOW - DAY, NOW - HOUR + MICROSECOND, True),
        (NOW - DAY, NOW - HOUR, False),
    ],
)
def test_a_touch_counts_if_the_tag_was_valid_at_the_touch(
    shown_from: datetime,
    shown_until: datetime | None,
    counts: bool,
    buyer: User,
    product: Product,
) -> None:
    note = world.note(product, shown_from=shown_from, shown_until=shown_until)
    world.event("note_open", NOW - HOUR, buyer, note)

    assert credited(world.order(buyer, (product, 1000))) == ([note.pk] if counts else [])


def test_a_tag_taken_away_and_put_back_counts_a_touch_once(buyer: User, product: Product) -> None:
    note = world.note(product, shown_from=NOW - 9 * DAY, shown_until=NOW - 5 * DAY)
    note.product_tags.create(product=product, valid_from=NOW - 3 * DAY)
    world.event("note_open", NOW - 2 * DAY, buyer, note)

    assert credited(world.order(buyer, (product, 1000)), "linear") == [note.pk]


def test_equal_moments_are_ordered_by_the_id_of_the_event(buyer: User, product: Product) -> None:
    low, high = world.note(product), world.note(product)
    world.event("note_open", NOW - HOUR, buyer, high, id=UUID(int=2**127))
    world.event("note_open", NOW - HOUR, buyer, low, id=UUID(int=2**127 - 1))
    order = world.order(buyer, (product, 1000))

    assert credited(order, "first_touch") == [low.pk]
    assert credited(order, "last_touch") == [high.pk]


def test_the_most_recent_five_hundred_touches_count_and_the_cut_is_kept(
    buyer: User, product: Product
) -> None:
    oldest, rest = world.note(product), world.note(product)
    world.event("note_open", NOW - 2 * DAY, buyer, oldest)
    for n in range(500):
        world.event("read", NOW - DAY + n * SECOND, buyer, rest)
    order = world.order(buyer, (product, 1000))

    assert credited(order, "first_touch") == [rest.pk]
    assert credited(order, "linear") == [rest.pk] * 500
    attribution = Attribution.objects.get(line__order=order)
    assert (attribution.touches, attribution.touches_cut) == (501, 1)


def test_what_a_visitor_saw_belongs_to_the_person_they_turned_out_to_be(
    buyer: User, product: Product, note: Note
) -> None:
    visitor = UUID(int=7)
    world.event("note_open", NOW - HOUR, visitor, note)
    world.join(visitor, buyer)

    assert credited(world.order(buyer, (product, 1000))) == [note.pk]


def test_what_somebody_else_did_on_the_visitor_stays_theirs(
    buyer: User, product: Product, note: Note
) -> None:
    visitor, other = UUID(int=7), world.person()
    world.join(visitor, buyer)
    world.event("note_open", NOW - HOUR, other, note, visitor_id=visitor)

    assert credited(world.order(buyer, (product, 1000))) == []


def test_the_lines_of_an_order_are_credited_each_to_their_own_notes(buyer: User) -> None:
    one, two = world.product(), world.product()
    shows_one, shows_both = world.note(one), world.note(one, two)
    world.event("note_open", NOW - 2 * HOUR, buyer, shows_both)
    world.event("note_open", NOW - HOUR, buyer, shows_one)
    order = world.order(buyer, (one, 1000), (two, 500))
    world.attribute(order)

    last = Credit.objects.filter(model="last_touch")
    assert dict(last.values_list("line__product_id", "note_id")) == {
        one.pk: shows_one.pk,
        two.pk: shows_both.pk,
    }


@settings(max_examples=80, deadline=None)
@given(
    history=st.lists(
        st.tuples(
            st.sampled_from([*EventKind.values, "impression", "impression", "note_open"]),
            st.sampled_from(["buyer", "visitor", "stranger"]),
            st.integers(-1, 9),
            st.sampled_from(["always", "for a while", "never"]),
        ),
        max_size=25,
    ),
    days=st.integers(1, 4),
    most=st.sampled_from([3, 500]),
)
def test_random_histories_agree_with_the_plain_definition(
    history: list[tuple[str, str, int, str]], days: int, most: int
) -> None:
    with transaction.atomic():
        line, seen = record(history, days=days)

        statement = rules.TOUCHES.replace("recency <= 500", f"recency <= {most}")
        with mock.patch("redshop.conversion.selectors.paths.TOUCHES", statement):
            [found] = paths.plans(paths.conversions(line_ids=[line]))
        transaction.set_rollback(True)

    touches = [share.touch.event_id for share in found.shares if share.model == "linear"]
    assert (touches, found.cut) == reference.path(seen, paid_at=NOW, lookback=days * DAY, most=most)


def record(
    history: list[tuple[str, str, int, str]], *, days: int
) -> tuple[int, list[reference.Seen]]:
    """Write the history (times are half days before the payment) and a purchase; return both."""
    Lookback.objects.create(category_slug="tested", days=days)
    product, buyer = world.product(shelf=world.category("tested")), world.person()
    shown = (NOW - 2 * DAY, NOW - DAY)
    notes = {
        "always": world.note(product),
        "for a while": world.note(product, shown_from=shown[0], shown_until=shown[1]),
        "never": world.note(world.product()),
    }
    visitor = uuid7()
    world.join(visitor, buyer)
    actors: dict[str, User | UUID] = {
        "buyer": buyer,
        "visitor": visitor,
        "stranger": world.person(),
    }
    line = world.order(buyer, (product, 100)).lines.get().pk
    seen = []
    for kind, actor, half_days, name in history:
        at = NOW - half_days * 12 * HOUR
        event = world.event(kind, at, actors[actor], notes[name])
        shows = {"always": True, "for a while": shown[0] <= at < shown[1], "never": False}[name]
        seen.append(reference.Seen(event.id, at, kind, actor != "stranger", shows))
    return line, seen


class TestLookback:
    def test_the_nearest_category_above_decides(self) -> None:
        beauty = world.category("beauty")
        serum = world.category("serum", parent=beauty)
        face = world.category("face-serum", parent=serum)
        mask = world.category("mask", parent=beauty)
        Lookback.objects.create(category_slug="serum", days=29)

        days = lookback.days_by_category()

        assert [days[shelf.pk] for shelf in (beauty, serum, face, mask)] == [30, 29, 29, 30]

    @pytest.mark.parametrize(
        ("slug", "days"),
        [
            ("beauty", 30),
            ("fashion", 15),
            ("home", 30),
            ("mother-and-baby", 90),
            ("food", 7),
            ("electronics", 30),
            ("garden", 15),
        ],
    )
    def test_every_category_starts_with_its_days(self, slug: str, days: int) -> None:
        shelf = world.category(slug)

        assert lookback.days_by_category() == {shelf.pk: days}

    def test_without_any_row_fifteen_days_hold(self) -> None:
        Lookback.objects.all().delete()
        shelf = world.category("food")

        assert lookback.days_by_category() == {shelf.pk: 15}

    def test_a_line_keeps_the_lookback_it_was_attributed_with(self, buyer: User) -> None:
        product = world.product(shelf=world.category("food"))
        note = world.note(product)
        world.event("note_open", NOW - 8 * DAY, buyer, note)
        order = world.order(buyer, (product, 1000))
        world.attribute(order)
        Lookback.objects.filter(category_slug="food").update(days=9)

        assert credited(order) == []
        world.attribute(order, has_new_windows=True)
        assert credited(order) == [note.pk]
        assert Attribution.objects.get(line__order=order).window_days == 9
