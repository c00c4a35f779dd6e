"""What the orders do when something becomes true."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from orders.services import (
    cancellation,
    commissions,
    forgetting,
    fulfilment,
    repayment,
    settlement,
    timers,
    watching,
)
from redshop.accounts.models import Notification
from redshop.accounts.services import notifications
from redshop.core import outbox


@outbox.subscribe(timers.EXPIRY_DUE, is_alone=True)
def expire_unpaid(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """End an order that is still unpaid when its stock is due back."""
    cancellation.expire(order_id=UUID(payload["order_id"]), at=at)


@outbox.subscribe(timers.COMPLETION_DUE, is_alone=True)
def complete_delivered(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Close an order that the buyer has kept for long enough."""
    fulfilment.complete_if_due(order_id=UUID(payload["order_id"]), at=at)


@outbox.subscribe("order.shipped", "order.delivered", "order.expired")
def tell_buyer(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Tell the buyer what became of their order without their doing."""
    notifications.notify(
        recipient_id=payload["buyer_id"],
        kind=Notification.Kind.ORDER,
        subject={"order_id": payload["order_id"], "state": kind.removeprefix("order.")},
        at=at,
    )


@shared_task(name="orders.tasks.ask_companies")
def ask_companies(**_newer: Any) -> None:
    """Ask payment companies about what is unknown, and for money that is to be sent back."""
    watching.watch_due(at=timezone.now())
    repayment.send_due(at=timezone.now())


@outbox.subscribe("return.approved", "return.refunded", "return.refused")
def tell_buyer_of_return(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Tell the buyer what became of their return without their doing."""
    if payload["is_by_buyer"]:
        return
    state = kind.removeprefix("return.")
    subject = {"return_id": payload["return_id"], "order_id": payload["order_id"], "state": state}
    notifications.notify(
        recipient_id=payload["buyer_id"], kind=Notification.Kind.ORDER, subject=subject, at=at
    )


@outbox.subscribe("conversion.credited", "order.completed", "order.refunded")
def hear_of_commission(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Have the commission of an order looked at, where creators are offered any."""
    lines = payload["lines"] if kind == "conversion.credited" else ()
    commissions.hear(order_id=UUID(payload["order_id"]), lines=lines, at=at)


@outbox.subscribe(commissions.DUE, is_alone=True)
def refresh_commission(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Bring what creators have of an order in line with what they should."""
    credited = commissions.read(payload)
    commissions.refresh(order_id=UUID(payload["order_id"]), credited=credited, at=at)


@shared_task(name="orders.tasks.forget_addresses")
def forget_addresses(**_newer: Any) -> None:
    """Forget where an erased person's last orders went, once they have arrived."""
    forgetting.forget_late_addresses()


@shared_task(name="orders.tasks.pay_out")
def pay_out(**_newer: Any) -> None:
    """Pay merchants and creators what can no longer be returned; beat calls it daily."""
    settlement.run_all(at=timezone.now())
