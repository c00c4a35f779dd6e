"""An order's life through the services, and what each step leaves behind."""

from datetime import UTC, datetime, timedelta

import pytest

from orders import factories
from orders.models import CartItem, Order, Transition
from orders.services import cancellation, fulfilment, refunds
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku
from redshop.core import outbox

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def levels(sku: Sku) -> tuple[int, int]:
    sku.refresh_from_db()
    return sku.on_hand, sku.reserved


def history(order: Order) -> list[tuple[str, str]]:
    steps = Transition.objects.filter(order=order, part=None)
    return [(step.from_state, step.to_state) for step in steps]


def test_an_order_lives_from_the_cart_to_its_completion(person: User) -> None:
    sku = SkuFactory.create(on_hand=10, price_minor=500)

    order = factories.completed(person, sku, quantity=2, at=NOW)

    assert (order.state, order.payment_state, order.total_minor) == ("completed", "paid", 1000)
    assert history(order) == [
        ("", "placed"),
        ("placed", "paid"),
        ("paid", "shipped"),
        ("shipped", "delivered"),
        ("delivered", "completed"),
    ]
    assert levels(sku) == (8, 0)
    assert not CartItem.objects.exists()
    assert sku.product.popularity == 2


def test_a_cancelled_unpaid_order_gives_its_stock_back(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)

    order = factories.cancelled(person, sku, at=NOW)

    assert (order.state, order.payment_state) == ("cancelled", "none")
    assert levels(sku) == (10, 0)


def test_a_cancelled_paid_order_gives_money_and_stock_back(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.paid(person, sku, quantity=3, at=NOW)

    cancellation.cancel_order(order_id=order.pk, buyer_id=person.pk, reason="late", at=NOW + DAY)

    order = factories.fresh(order)
    assert (order.state, order.payment_state) == ("cancelled", "refunded")
    assert order.refunded_minor == order.total_minor == 3 * 12_900
    assert levels(sku) == (10, 0)


def test_an_unpaid_order_expires_when_its_time_is_over(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.placed(person, sku, at=NOW)

    outbox.drain_all(at=NOW + timedelta(minutes=29))
    assert factories.fresh(order).state == "placed"
    outbox.drain_all(at=NOW + timedelta(minutes=30))

    assert factories.fresh(order).state == "expired"
    assert levels(sku) == (10, 0)
    assert history(order)[-1] == ("placed", "expired")


def test_returned_units_go_back_on_sale_where_wanted(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.delivered(person, sku, quantity=3, at=NOW)
    line = order.lines.get()

    refunds.refund_order(order_id=order.pk, quantities={line.pk: 1}, restock=True, at=NOW + DAY)
    factories.refund(order)

    order = factories.fresh(order)
    assert (order.state, order.payment_state) == ("delivered", "refunded")
    assert levels(sku) == (8, 0)


def test_two_merchants_ship_apart_and_the_slower_one_decides(person: User) -> None:
    order = factories.paid(person, SkuFactory.create(), SkuFactory.create(), at=NOW)
    first, second = order.parts.order_by("pk")

    fulfilment.ship_order(order_id=order.pk, part_id=first.pk, at=NOW + DAY)
    fulfilment.deliver_order(order_id=order.pk, part_id=first.pk, at=NOW + 2 * DAY)
    assert factories.fresh(order).state == "paid"
    fulfilment.ship_order(order_id=order.pk, at=NOW + 3 * DAY)
    assert factories.fresh(order).state == "shipped"
    fulfilment.deliver_order(order_id=order.pk, at=NOW + 4 * DAY)

    assert factories.fresh(order).state == "delivered"
    assert second.shipments.count() == 1
