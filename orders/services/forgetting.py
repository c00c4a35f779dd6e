"""Where an erased person's orders were sent: forgotten as soon as nothing is on its way."""

from typing import Final

from django.db import transaction

from orders.models import Order, Shipment
from orders.states import OrderState
from redshop.accounts.selectors import erased_ids
from redshop.core.data_map import as_eraser
from redshop.core.db import requires_transaction

#: No parcel will be sent any more, and none is on its way.
ENDED: Final = frozenset(
    {
        OrderState.DELIVERED.value,
        OrderState.COMPLETED.value,
        OrderState.CANCELLED.value,
        OrderState.EXPIRED.value,
    }
)


@requires_transaction
def forget_addresses(*, buyer_id: int) -> int:
    """Leave the country of each order that has ended, which its duty rests on; return how many.

    Locks: the orders, in primary-key order. Asks for the role that may erase.
    """
    ended = Order.objects.of_buyer(buyer_id).filter(state__in=ENDED, address__has_key="name")
    orders = list(ended.locked())
    for order in orders:
        country = order.address.get("country")
        Order.objects.filter(pk=order.pk).update(address={"country": country} if country else {})
    Shipment.objects.filter(part__order__in=orders).exclude(tracking="").update(tracking="")
    return len(orders)


def forget_late_addresses() -> int:
    """Forget the addresses of orders that were on their way when their buyer was erased."""
    waiting = Order.objects.filter(buyer__in=erased_ids(), state__in=ENDED, address__has_key="name")
    buyers = sorted(set(waiting.values_list("buyer_id", flat=True)))
    return sum(_forget_one(buyer_id=buyer_id) for buyer_id in buyers)


@transaction.atomic(durable=True)
def _forget_one(*, buyer_id: int) -> int:
    with as_eraser():
        return forget_addresses(buyer_id=buyer_id)
