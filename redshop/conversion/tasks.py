"""What this app does when something becomes true."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from redshop.conversion.selectors import paths
from redshop.conversion.services import attribution
from redshop.core import outbox

#: A phone may report a touch long after the payment it led to; after 30 days none is taken any
#: more. So each order is looked at again at these distances from its payment.
SETTLES_AFTER: Final = (timedelta(minutes=10), timedelta(days=1), timedelta(days=30, hours=1))


@outbox.subscribe("order.paid")
def attribute_paid(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Credit the notes that led to an order, and look again when late touches may have come."""
    _attribute(payload, at=at)
    for after in SETTLES_AFTER:
        outbox.publish(
            "conversion.settling",
            key=f"{payload['order_id']}/{after.total_seconds():.0f}",
            payload={"order_id": payload["order_id"]},
            at=at,
            due_at=datetime.fromisoformat(payload["paid_at"]) + after,
        )


@outbox.subscribe("order.refunded")
def reverse_refunded(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Take credits back by what was refunded; attributes first where payment is not yet known."""
    _attribute(payload, at=at)


@outbox.subscribe("conversion.settling")
def settle(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Take touches into account that were reported after the order was attributed."""
    _attribute(payload, at=at)


@outbox.subscribe("visitor.joined")
def reattribute_joined(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Credit what a person had seen before they logged in."""
    lines = paths.lines_after_visit(
        visitor_id=UUID(payload["visitor_id"]), person_id=payload["person_id"]
    )
    attribution.attribute(line_ids=lines, at=at)


def _attribute(payload: Mapping[str, Any], *, at: datetime) -> None:
    lines = paths.lines_of_orders([UUID(payload["order_id"])])
    attribution.attribute(line_ids=lines, at=at)
