"""The loop in one process: the services of every floor, the outbox between them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notes.factories import NoteFactory
from orders import factories as orders
from orders.services import refunds
from redshop.accounts.factories import UserFactory
from redshop.catalog.factories import SkuFactory
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.types import AttributionModel
from redshop.core import outbox
from redshop.core.models import Fact
from redshop.events.models import Event

pytestmark = pytest.mark.django_db


def test_a_purchase_from_a_note_is_credited_to_it_and_taken_back_by_a_refund() -> None:
    now = timezone.now()
    buyer, sku = UserFactory.create(), SkuFactory.create()
    note = NoteFactory.create(products=[sku.product], published_at=now - timedelta(hours=2))

    order = orders.paid(buyer, sku, quantity=2, note_id=note.pk, at=now - timedelta(hours=1))
    outbox.drain_all(at=now)
    credited = set(Credit.objects.values_list("model", "note_id", "amount_minor"))
    refunds.refund_order(order_id=order.pk, reason="changed my mind", at=now)
    outbox.drain_all(at=now)

    assert Event.objects.filter(kind="cart_add", note_id=note.pk).count() == 1
    assert credited == {(model.value, note.pk, order.total_minor) for model in AttributionModel}
    [line] = Attribution.objects.all()
    standing = ledger.standing(line_ids=[line.pk])[line.pk]
    assert sum(share.amount_minor for share in standing) == 0
    assert len(standing) == 2 * len(AttributionModel)
    assert not Fact.objects.filter(attempts__gt=1).exists()
