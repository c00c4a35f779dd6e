"""A note is by someone who had the product, as long as they have not given it back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notes.factories import NoteFactory
from notes.models import Note
from notes.services import verification
from orders import lives
from orders.models import Order
from redshop.accounts.factories import UserFactory
from redshop.catalog.factories import SkuFactory
from redshop.core import outbox

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def drain() -> None:
    while not outbox.drain(at=timezone.now() + timedelta(days=1)).is_empty:
        pass


def is_verified(note: Note) -> bool:
    return Note.objects.get(pk=note.pk).has_verified_purchase


def give_back(order: Order, *, units: int) -> None:
    line = order.lines.get()
    lives.sent_back(lives.approved(lives.asked_back(order, quantities={line.pk: units})))
    drain()


def test_the_mark_goes_with_the_last_unit() -> None:
    buyer, sku = UserFactory.create(), SkuFactory.create(on_hand=9)
    order = lives.delivered(buyer, sku, quantity=2)
    drain()
    note = NoteFactory.create(author=buyer, products=[sku.product])
    assert is_verified(note)

    give_back(order, units=1)
    assert is_verified(note)
    give_back(order, units=1)

    assert not is_verified(note)
    assert not is_verified(NoteFactory.create(author=buyer, products=[sku.product]))


def test_another_order_of_the_same_keeps_it_and_a_later_one_brings_it_back() -> None:
    buyer, sku = UserFactory.create(), SkuFactory.create(on_hand=9)
    first, second = (lives.delivered(buyer, sku) for _ in range(2))
    drain()
    note = NoteFactory.create(author=buyer, products=[sku.product])

    give_back(first, units=1)
    assert is_verified(note)
    give_back(second, units=1)
    assert not is_verified(note)
    later = timezone.now() + timedelta(days=3)
    lives.delivered(buyer, sku, at=later)
    while not outbox.drain(at=later + timedelta(days=1)).is_empty:
        pass

    assert is_verified(note)


def test_a_note_that_shows_something_kept_stays_verified() -> None:
    buyer, kept, gone = UserFactory.create(), SkuFactory.create(), SkuFactory.create()
    lives.delivered(buyer, kept)
    order = lives.delivered(buyer, gone)
    drain()
    note = NoteFactory.create(author=buyer, products=[kept.product, gone.product])

    give_back(order, units=1)

    assert is_verified(note)


@pytest.mark.parametrize("is_refund_first", [True, False])
def test_which_is_heard_of_first_does_not_matter(is_refund_first: bool) -> None:
    buyer, sku = UserFactory.create(), SkuFactory.create()
    note = NoteFactory.create(author=buyer, products=[sku.product])
    told = {"person_id": buyer.pk, "product_ids": [sku.product_id]}

    with transaction.atomic():
        for is_refund in (is_refund_first, not is_refund_first):
            if is_refund:
                verification.withdraw(**told, at=NOW + HOUR)  # type: ignore[arg-type]
            else:
                verification.prove(**told, delivered_at=NOW)  # type: ignore[arg-type]

    assert not is_verified(note)
