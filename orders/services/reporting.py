"""What happened to lines of an order, told to the behaviour log."""

from collections.abc import Sequence
from datetime import datetime

from orders.models import Order, OrderLine
from redshop.core.db import requires_transaction
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent


@requires_transaction
def report(
    kind: str, order: Order, portions: Sequence[tuple[OrderLine, int, int]], *, at: datetime
) -> None:
    """Record one event for each portion of an order: a line, units of it, their minor units."""
    recording.record(
        [
            ServerEvent(
                kind=kind,
                occurred_at=at,
                person_id=order.buyer_id,
                population=order.population,
                request_id=line.request_id,
                note_id=line.note_id,
                product_id=line.product_id,
                order_id=order.pk,
                quantity=quantity,
                amount_minor=amount_minor,
                currency=order.currency,
            )
            for line, quantity, amount_minor in portions
        ]
    )


def whole(lines: Sequence[OrderLine]) -> list[tuple[OrderLine, int, int]]:
    """Return the lines as portions: all of each."""
    return [(line, line.quantity, line.total_minor) for line in lines]
