"""The timers of an order: it expires unpaid, and completes some time after its delivery."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from orders.models import Order, Transition
from orders.states import OrderState
from redshop.core import outbox
from redshop.core.db import requires_transaction

EXPIRY_DUE: Final = "order.expiry_due"
COMPLETION_DUE: Final = "order.completion_due"


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


def completion_due_at(order: Order) -> datetime:
    """Return when a delivered order completes by itself: COMPLETE_DAYS after the last of it
    arrived."""
    steps = Transition.objects.filter(order=order, part=None, to_state=OrderState.DELIVERED)
    arrived_at: datetime = steps.values_list("at", flat=True).latest("pk")
    return arrived_at + timedelta(days=settings.COMPLETE_DAYS)


@requires_transaction
def start_completion(order: Order, *, at: datetime, due_at: datetime) -> None:
    """Have a delivered order looked at when it is due to complete."""
    key = f"{order.pk}/{due_at.isoformat()}"
    payload = {"order_id": str(order.pk)}
    outbox.publish(COMPLETION_DUE, key=key, payload=payload, at=at, due_at=due_at)


@requires_transaction
def resume_completion(order: Order, *, at: datetime) -> None:
    """Go on waiting, after a return ended, for a delivered order to complete."""
    if order.state == OrderState.DELIVERED:
        start_completion(order, at=at, due_at=max(at, completion_due_at(order)))
