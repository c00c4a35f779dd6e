"""What an order does to stock is written with the order's name, whatever its life."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from orders import factories
from orders.models import Order, OrderLine
from orders.services import cancellation
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku, StockMovement
from redshop.catalog.services import reconciliation
from redshop.core import outbox
from redshop.core.errors import DomainError
from tests.orders.world import NOW, levels
from tests.races import at_once

pytestmark = pytest.mark.django_db


def moved(order: Order) -> list[tuple[str, int, int]]:
    """Return the movements that name the order: kind, on hand, reserved."""
    rows = StockMovement.objects.filter(reference=order.pk).order_by("pk")
    return list(rows.values_list("kind", "on_hand", "reserved"))


def moments(order: Order) -> list[datetime]:
    rows = StockMovement.objects.filter(reference=order.pk).order_by("pk")
    return list(rows.values_list("at", flat=True))


def differences() -> list[str]:
    return list(reconciliation.compare().differences)


def test_what_is_bought_and_kept_is_reserved_and_shipped(person: User) -> None:
    order = factories.completed(person, SkuFactory.create(), quantity=2, at=NOW)

    assert moved(order) == [("reserved", 0, 2), ("shipped", -2, -2)]
    assert moments(order) == [NOW, NOW + factories.PACE]


def test_what_is_cancelled_unpaid_or_expires_is_released(person: User) -> None:
    cancelled = factories.cancelled(person, SkuFactory.create(), at=NOW)
    expired = factories.placed(person, SkuFactory.create(), at=NOW)

    outbox.drain_all(at=NOW + timedelta(hours=1))

    for order in (cancelled, expired):
        assert moved(order) == [("reserved", 0, 1), ("released", 0, -1)]


def test_what_is_cancelled_after_payment_is_released(person: User) -> None:
    order = factories.paid(person, SkuFactory.create(), quantity=3, at=NOW)

    cancellation.cancel_order(order_id=order.pk, at=NOW + timedelta(hours=1))

    assert moved(order) == [("reserved", 0, 3), ("released", 0, -3)]


def test_what_is_refunded_before_shipment_without_restocking_is_written_off(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.paid(person, sku, quantity=3, at=NOW)
    line = OrderLine.objects.get(order=order)

    factories.refund(order, quantities={line.pk: 2})

    assert moved(order) == [("reserved", 0, 3), ("written_off", -2, -2)]
    assert levels(sku) == (8, 1)


def test_what_comes_back_is_restocked_or_leaves_no_trace_in_the_warehouse(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.delivered(person, sku, quantity=3, at=NOW)
    line = OrderLine.objects.get(order=order)

    factories.refund(order, quantities={line.pk: 1}, restock=True)
    factories.refund(order, quantities={line.pk: 1})

    assert moved(order)[2:] == [("restocked", 1, 0)]
    assert levels(sku) == (8, 0)


def test_a_refused_checkout_moves_nothing(person: User) -> None:
    plenty, scarce = SkuFactory.create(on_hand=9), SkuFactory.create(on_hand=0)

    with pytest.raises(DomainError):
        factories.placed(person, plenty, scarce, at=NOW)

    assert not StockMovement.objects.exclude(kind="opening").exists()


def meet(number: int, sku: Sku, other: Sku) -> str:
    """Buy and cancel, or buy and keep, in one order of SKUs or the other."""
    skus = (sku, other) if number % 2 else (other, sku)
    buyer: User = User.objects.create_user(f"rival{number}", f"rival{number}@example.com")
    if number % 3:
        factories.shipped(buyer, *skus, at=NOW)
        return "shipped"
    factories.cancelled(buyer, *skus, at=NOW)
    return "cancelled"


@pytest.mark.django_db(transaction=True)
def test_rivals_in_opposite_orders_leave_movements_that_add_up() -> None:
    sku, other = SkuFactory.create_batch(2, on_hand=40)

    ends = at_once([partial(meet, number, sku, other) for number in range(12)])

    assert ends == {"shipped": 8, "cancelled": 4}
    assert (levels(sku), levels(other)) == ((32, 0), (32, 0))
    assert StockMovement.objects.count() == 2 * (1 + 2 * 12)
    assert differences() == []
