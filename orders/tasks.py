"""What the orders do when something becomes true."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from orders.services import cancellation, timers
from redshop.core import outbox


@outbox.subscribe(timers.EXPIRY_DUE, is_alone=True)
def expire_unpaid(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """End an order that is still unpaid when its stock is due back."""
    cancellation.expire(order_id=UUID(payload["order_id"]), at=at)
