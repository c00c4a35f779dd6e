"""Payments: declined and tried again, under way while the company thinks, settled once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from orders import factories
from orders.errors import PaymentUnderWay
from orders.models import Order, Payment
from orders.providers.types import Outcome
from orders.services import cancellation, payment
from orders.states import PaymentAttempt
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.core import outbox
from redshop.core.models import Fact
from redshop.events.models import Event
from tests.orders.world import DAY, NOW, levels, standing

pytestmark = pytest.mark.django_db

SUCCEEDED = Outcome(state=PaymentAttempt.SUCCEEDED)
DECLINED = Outcome(state=PaymentAttempt.FAILED, failure_code="card_declined")


def begun(order: Order) -> Payment:
    with transaction.atomic():
        return payment.begin(order_id=order.pk, method="sandbox", at=NOW)


def settled(begun_payment: Payment, outcome: Outcome, *, at: Any = NOW) -> Payment:
    with transaction.atomic():
        return payment.settle(payment_id=begun_payment.pk, outcome=outcome, at=at)


@pytest.mark.parametrize(
    ("token", "state", "failure_code"),
    [
        (None, "succeeded", ""),
        ("", "succeeded", ""),
        ("tok_ok", "succeeded", ""),
        ("tok_declined", "failed", "card_declined"),
        ("tok_insufficient_funds", "failed", "insufficient_funds"),
        ("tok_expired_card", "failed", "expired_card"),
        ("anything else", "failed", "invalid_token"),
    ],
)
def test_the_sandbox_does_what_the_token_says(
    token: str | None, state: str, failure_code: str, person: User
) -> None:
    order = factories.placed(person, at=NOW)

    paid = payment.pay_order(order_id=order.pk, token=token, at=NOW)

    assert (paid.state, paid.failure_code, paid.settled_at) == (state, failure_code, NOW)
    has_paid = state == "succeeded"
    assert standing(order) == (("paid", "paid", 0) if has_paid else ("placed", "none", 0))


def test_after_a_declined_card_another_may_be_tried(person: User) -> None:
    order = factories.placed(person, at=NOW)
    factories.declined(order)

    payment.pay_order(order_id=order.pk, at=NOW)

    assert standing(order) == ("paid", "paid", 0)
    assert Counter(Payment.objects.values_list("state", flat=True)) == {
        "failed": 1,
        "succeeded": 1,
    }


def test_paying_tells_the_log_and_whoever_waits(person: User) -> None:
    sku = SkuFactory.create(price_minor=700)
    order = factories.paid(person, sku, quantity=2, note_id=42, at=NOW)

    events = Event.objects.filter(order_id=order.pk).order_by("kind")
    told = [
        (e.kind, e.person_id, e.note_id, e.product_id, e.quantity, e.amount_minor, e.currency)
        for e in events
    ]
    of_it = (person.pk, 42, sku.product_id, 2, 1_400, "CNY")
    assert told == [("checkout", *of_it), ("order_paid", *of_it)]
    fact = Fact.objects.filter(kind="order.paid").first()
    assert fact is not None
    assert fact.payload == {
        "order_id": str(order.pk),
        "buyer_id": person.pk,
        "product_ids": [sku.product_id],
        "paid_at": NOW.isoformat(),
    }
    assert not Fact.objects.filter(kind="order.expiry_due").exists()


def test_units_of_variants_of_one_product_are_all_counted(person: User) -> None:
    first = SkuFactory.create()
    second = SkuFactory.create(product=first.product)

    factories.paid(person, first, second, SkuFactory.create(), quantity=2, at=NOW)

    first.product.refresh_from_db()
    assert first.product.popularity == 4


def test_while_a_payment_is_under_way_nothing_else_happens_to_the_order(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.placed(person, sku, at=NOW)
    begun(order)

    for act in (payment.pay_order, cancellation.cancel_order):
        with pytest.raises(PaymentUnderWay):
            act(order_id=order.pk, at=NOW)
    outbox.drain_all(at=order.expires_at)

    assert standing(order) == ("placed", "pending", 0)
    assert levels(sku) == (10, 1)
    assert factories.fresh(order).expires_at == order.expires_at + timedelta(minutes=5)


def test_money_that_arrives_after_the_expiry_was_due_is_not_lost(person: User) -> None:
    order = factories.placed(person, at=NOW)
    under_way = begun(order)
    outbox.drain_all(at=NOW + DAY)

    settled(under_way, SUCCEEDED, at=NOW + DAY)
    outbox.drain_all(at=NOW + 2 * DAY)

    assert standing(order) == ("paid", "paid", 0)


def test_an_order_whose_payment_failed_late_expires_at_the_next_look(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.placed(person, sku, at=NOW)
    under_way = begun(order)
    outbox.drain_all(at=NOW + DAY)

    settled(under_way, DECLINED, at=NOW + DAY)
    assert standing(order) == ("placed", "none", 0)
    outbox.drain_all(at=NOW + DAY + timedelta(minutes=5))

    assert standing(order) == ("expired", "none", 0)
    assert levels(sku) == (10, 0)


def test_what_a_company_says_twice_counts_once(person: User) -> None:
    order = factories.placed(person, at=NOW)
    under_way = begun(order)

    first = settled(under_way, SUCCEEDED)
    again = settled(under_way, DECLINED, at=NOW + DAY)

    assert (first.state, again.state, again.settled_at) == ("succeeded", "succeeded", NOW)
    assert Event.objects.filter(kind="order_paid").count() == 1


def test_a_company_may_ask_the_buyer_to_confirm(person: User) -> None:
    order = factories.placed(person, at=NOW)
    asks = Outcome(state=PaymentAttempt.REQUIRES_ACTION, action_url="https://bank.example/confirm")

    waiting = settled(begun(order), asks)
    assert (waiting.state, waiting.action_url) == (
        "requires_action",
        "https://bank.example/confirm",
    )
    assert standing(order) == ("placed", "pending", 0)
    settled(waiting, SUCCEEDED)

    assert standing(order) == ("paid", "paid", 0)
