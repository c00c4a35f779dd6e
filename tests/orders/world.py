"""Moments, words and questions that the tests of the orders share."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from orders import factories
from orders.models import Order, OrderLine, Return, Transition
from redshop.catalog.models import Sku

NOW: Final = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY: Final = timedelta(days=1)
#: When what ``factories.delivered`` ships at NOW is there.
ARRIVED: Final = NOW + 2 * factories.PACE
ADDRESS: Final = {
    "name": "Li Na",
    "phone": "+86 138 0000 0000",
    "line1": "1 Nanjing Road",
    "city": "Shanghai",
    "region": "Shanghai",
    "postcode": "200000",
    "country": "CN",
}


def levels(sku: Sku) -> tuple[int, int]:
    """Return how many units are on hand and reserved, as they are now."""
    sku.refresh_from_db()
    return sku.on_hand, sku.reserved


def history(order: Order) -> list[tuple[str, str]]:
    """Return the steps that the order took as a whole."""
    steps = Transition.objects.filter(order=order, part=None)
    return [(step.from_state, step.to_state) for step in steps]


def standing(order: Order) -> tuple[str, str, int]:
    """Return state, payment state and what was refunded, as they are now."""
    now: Any = Order.objects.values_list("state", "payment_state", "refunded_minor")
    row: tuple[str, str, int] = now.get(pk=order.pk)
    return row


def line_of(order: Order) -> OrderLine:
    """Return the only line of an order."""
    return order.lines.get()


def ask(order: Order, quantity: int = 1, *, at: datetime = ARRIVED + DAY) -> Return:
    """Ask to send units of an order's only line back."""
    return factories.asked_back(order, quantities={line_of(order).pk: quantity}, at=at)
