"""The timer of an order that holds stock: it goes off when the order expires."""

from datetime import datetime
from typing import Final

from orders.models import Order
from redshop.core import outbox
from redshop.core.db import requires_transaction

EXPIRY_DUE: Final = "order.expiry_due"


@requires_transaction
def start(order: Order, *, at: datetime) -> None:
    """Have the order looked at when it expires."""
    payload = {"order_id": str(order.pk)}
    outbox.publish(EXPIRY_DUE, key=_key(order), payload=payload, at=at, due_at=order.expires_at)


@requires_transaction
def stop(order: Order) -> None:
    """Forget the timer: the order was paid, or ended, in time."""
    outbox.withdraw(EXPIRY_DUE, key=_key(order))


def _key(order: Order) -> str:
    return f"{order.pk}/{order.expires_at.timestamp():.0f}"
