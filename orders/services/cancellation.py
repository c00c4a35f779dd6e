"""Orders that end before they are shipped: cancelled by people, or expired unpaid."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from orders.errors import PaymentUnderWay, WrongState
from orders.models import Order
from orders.services import coupons, timers
from orders.services.holding import Held, advance_all, hold, save
from orders.services.refunds import refund_held
from orders.states import OrderState, PaymentState
from redshop.catalog.services import stock
from redshop.core.db import requires_transaction, use_case

#: How long an order whose payment is under way is kept beyond its expiry, again and again.
EXTENSION: Final = timedelta(minutes=5)


@requires_transaction
def cancel(*, order_id: UUID, buyer_id: int | None = None, reason: str = "", at: datetime) -> Order:
    """End an order before anything of it is shipped; give its stock, and what was paid, back.

    Of an unpaid order the coupon is given back too.

    Locks: the order row, then the SKUs in primary-key order, then the coupon.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
        WrongState: something was shipped, or the order has ended.
        PaymentUnderWay: a payment is under way.
    """
    held = hold(order_id=order_id, buyer_id=buyer_id)
    held.require(OrderState.PLACED, OrderState.PAID)
    if held.order.payment_state == PaymentState.PENDING:
        raise PaymentUnderWay
    if any(line.shipped_quantity for line in held.lines.values()):
        raise WrongState(state=held.order.state)
    if held.state == OrderState.PLACED:
        _end(held, OrderState.CANCELLED, reason=reason, at=at)
        timers.stop(held.order)
    else:
        refund_held(held, quantities=None, reason=reason, restock=True, at=at)
    return held.order


#: ``cancel`` in a transaction of its own.
cancel_order = use_case(cancel)


@requires_transaction
def expire(*, order_id: UUID, at: datetime) -> bool:
    """End an order that was not paid in time; tell whether it ended now.

    Whatever happened since the timer was set is respected: a paid order goes on, and one whose
    payment is under way is looked at again a little later.

    Locks: the order row, then the SKUs in primary-key order, then the coupon.

    Raises:
        NotFound: there is no such order.
    """
    held = hold(order_id=order_id)
    order = held.order
    if held.state != OrderState.PLACED or at < order.expires_at:
        return False
    if order.payment_state == PaymentState.PENDING:
        order.expires_at = at + EXTENSION
        save(order)
        timers.start(order, at=at)
        return False
    _end(held, OrderState.EXPIRED, reason="not paid in time", at=at)
    return True


def _end(held: Held, state: OrderState, *, reason: str, at: datetime) -> None:
    advance_all(held, to=state, at=at, reason=reason)
    units = {line.sku_id: line.quantity for line in held.lines.values()}
    stock.release(units, reference=held.order.pk, at=at)
    coupons.release(held.order, at=at)
