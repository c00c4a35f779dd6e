"""Where a paid order stands follows from its units: open, shipped, delivered or withdrawn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from orders.models import OrderLine, Shipment
from orders.services import timers
from orders.services.holding import Held, advance
from orders.states import OrderState
from redshop.core.db import requires_transaction

#: The states that units decide; before and after, payments and people do.
DECIDED_BY_UNITS: Final = frozenset({OrderState.PAID, OrderState.SHIPPED, OrderState.DELIVERED})


@requires_transaction
def refresh(held: Held, *, at: datetime, reason: str = "") -> None:
    """Bring the states of a held order and its parts in line with their units.

    When the last of it has arrived, the time after which it completes by itself begins.
    """
    was = held.state
    under_way = set(
        Shipment.objects.filter(part__order=held.order, delivered_at=None)
        .order_by()
        .values_list("part_id", flat=True)
    )
    parts_to = {
        part.pk: standing(held.lines_of(part), has_parcel_under_way=part.pk in under_way)
        for part in held.parts.values()
        if part.state in DECIDED_BY_UNITS
    }
    advance(held, parts_to=parts_to, at=at, reason=reason)
    if held.state != was and held.state == OrderState.DELIVERED:
        due_at = at + timedelta(days=settings.COMPLETE_DAYS)
        timers.start_completion(held.order, at=at, due_at=due_at)


def standing(lines: Sequence[OrderLine], *, has_parcel_under_way: bool) -> OrderState:
    """Return the state of a paid part: a unit that is open keeps it waiting, and one of which
    nothing was or will be shipped is cancelled."""
    if any(line.open_quantity for line in lines):
        return OrderState.PAID
    if not any(line.shipped_quantity for line in lines):
        return OrderState.CANCELLED
    return OrderState.SHIPPED if has_parcel_under_way else OrderState.DELIVERED
