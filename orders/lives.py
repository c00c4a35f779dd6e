"""Orders that lived: made and moved through the services, as real ones are."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from orders.models import (
    Order,
    Payment,
    Refund,
    Return,
)
from orders.services import (
    cancellation,
    cart,
    checkout,
    fulfilment,
    payment,
    refunds,
    returns,
)
from orders.types import Address
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku

ADDRESSES: Final[Sequence[Address]] = (
    {
        "name": "李娜",
        "phone": "+86 138 0000 0000",
        "line1": "南京东路 1 号",
        "city": "上海",
        "region": "上海",
        "postcode": "200001",
        "country": "CN",
    },
    {
        "name": "Giulia Conti",
        "phone": "+39 333 000 0000",
        "line1": "Via Roma 12",
        "city": "Siena",
        "region": "SI",
        "postcode": "53100",
        "country": "IT",
    },
)
#: Time between two steps of an order's life.
PACE: Final = timedelta(hours=6)


def placed(
    buyer: User,
    *skus: Sku,
    quantity: int = 1,
    note_id: int | None = None,
    coupon: str = "",
    address: Address = ADDRESSES[0],
    at: datetime | None = None,
) -> Order:
    """Return an unpaid order of so many units of each SKU (of a new one where none is given)."""
    at = at or timezone.now()
    for sku in skus or (SkuFactory.create(),):
        cart.put_item(person_id=buyer.pk, sku_id=sku.pk, quantity=quantity, note_id=note_id, at=at)
    return check_out(buyer, coupon=coupon, address=address, at=at)


def check_out(
    buyer: User, *, coupon: str = "", address: Address = ADDRESSES[0], at: datetime
) -> Order:
    """Return an unpaid order of what is in the buyer's cart; to a home within the country, from
    where nothing costs more than its goods."""
    return checkout.place_order(buyer_id=buyer.pk, address=address, coupon=coupon, at=at)


def paid(
    buyer: User,
    *skus: Sku,
    quantity: int = 1,
    note_id: int | None = None,
    coupon: str = "",
    address: Address = ADDRESSES[0],
    at: datetime | None = None,
) -> Order:
    """Return an order that was paid as it was placed."""
    order = placed(
        buyer, *skus, quantity=quantity, note_id=note_id, coupon=coupon, address=address, at=at
    )
    payment.pay_order(order_id=order.pk, at=order.placed_at)
    return fresh(order)


def shipped(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order whose parcels are under way; a day old where no moment is given."""
    order = paid(buyer, *skus, quantity=quantity, at=at or timezone.now() - 4 * PACE)
    fulfilment.ship_order(order_id=order.pk, tracking="SF100001", at=order.placed_at + PACE)
    return fresh(order)


def delivered(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order that arrived."""
    order = shipped(buyer, *skus, quantity=quantity, at=at)
    fulfilment.deliver_order(order_id=order.pk, at=order.placed_at + 2 * PACE)
    return fresh(order)


def completed(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order that the buyer keeps."""
    order = delivered(buyer, *skus, quantity=quantity, at=at)
    fulfilment.complete_order(order_id=order.pk, at=order.placed_at + 3 * PACE)
    return fresh(order)


def cancelled(buyer: User, *skus: Sku, at: datetime | None = None) -> Order:
    """Return an order that was cancelled before it was paid."""
    order = placed(buyer, *skus, at=at)
    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", at=order.placed_at)
    return fresh(order)


def refund(
    order: Order, *, quantities: Mapping[int, int] | None = None, restock: bool = False
) -> Refund:
    """Give back units of a paid order, or all that is left of it, some time after its payment."""
    return refunds.refund_order(
        order_id=order.pk,
        quantities=quantities,
        reason="not as described",
        restock=restock,
        at=order.placed_at + 3 * PACE,
    )


def asked_back(
    order: Order, *, quantities: Mapping[int, int] | None = None, at: datetime | None = None
) -> Return:
    """Return a wish to send back units of a delivered order, or all of it, a day after delivery."""
    return returns.request_return(
        order_id=order.pk,
        buyer_id=order.buyer_id,
        quantities=quantities or {line.pk: line.quantity for line in order.lines.all()},
        reason="too small",
        at=at or order.placed_at + 6 * PACE,
    )


def approved(asked: Return) -> Return:
    """Let the buyer send the units."""
    return returns.approve_return(
        return_id=asked.pk, actor_id=None, decision="send it", at=asked.requested_at + PACE
    )


def sent_back(asked: Return, *, restock: bool = True) -> Return:
    """Take in all of an approved return, back on sale or not, and give its money back."""
    came = {line.line_id: line.quantity for line in asked.lines.all()}
    return returns.receive_return(
        return_id=asked.pk,
        restocked=came if restock else {},
        written_off={} if restock else came,
        actor_id=None,
        at=asked.requested_at + 2 * PACE,
    )


def declined(order: Order) -> Payment:
    """Return an attempt to pay that the sandbox declined."""
    return payment.pay_order(order_id=order.pk, token="tok_declined", at=order.placed_at)  # noqa: S106 - names an outcome of the sandbox


def fresh(order: Order) -> Order:
    """Return the order as it is now."""
    return Order.objects.get(pk=order.pk)
