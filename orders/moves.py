"""What a person behind the counter may do with an order in its present state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import F

from orders.models import Order, Shipment
from orders.services import cancellation, fulfilment, payment, refunds
from orders.states import OrderState, PaymentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One thing to do: what a button says and asks, and what it does.

    ``takes`` names the one thing that the person may add in words, such as a reason.
    """

    name: str
    label: str
    question: str
    done: str
    icon: str
    takes: str = ""
    is_open: Callable[[Order], bool]
    do: Callable[[UUID, datetime, str], object]


def open_moves(order: Order) -> frozenset[str]:
    """Return the names of what may be done now; the services decide again under the lock."""
    return frozenset(move.name for move in MOVES.values() if move.is_open(order))


def _is_unpaid(order: Order) -> bool:
    return order.state == OrderState.PLACED and order.payment_state == PaymentState.NONE


def _can_end(order: Order) -> bool:
    was_shipped = order.lines.filter(shipped_quantity__gt=0).exists()
    return _is_unpaid(order) or (order.state == OrderState.PAID and not was_shipped)


def has_parcel_under_way(order: Order) -> bool:
    return Shipment.objects.filter(part__order=order, delivered_at=None).exists()


def _has_money_left(order: Order) -> bool:
    """Tell whether any unit's money is left; shipping that was kept is not given back alone."""
    if order.payment_state == PaymentState.PARTIALLY_REFUNDED:
        return order.lines.filter(refunded_quantity__lt=F("quantity")).exists()
    return order.payment_state == PaymentState.PAID


def _refund(order_id: UUID, at: datetime, reason: str) -> object:
    return refunds.refund_order(order_id=order_id, reason=reason, at=at)


def _refund_and_restock(order_id: UUID, at: datetime, reason: str) -> object:
    return refunds.refund_order(order_id=order_id, reason=reason, restock=True, at=at)


def _cancel(order_id: UUID, at: datetime, reason: str) -> object:
    return cancellation.cancel_order(order_id=order_id, reason=reason, at=at)


def _ship(order_id: UUID, at: datetime, tracking: str) -> object:
    return fulfilment.ship_order(order_id=order_id, tracking=tracking, at=at)


_ALL: Final = (
    Move(
        name="pay",
        label="Pay (sandbox)",
        question="The sandbox pays the whole order.",
        done="paid",
        icon="payments",
        is_open=_is_unpaid,
        do=lambda order_id, at, _: payment.pay_through(order_id=order_id, method="sandbox", at=at),
    ),
    Move(
        name="ship",
        label="Ship all",
        question="All that is open goes out, in one parcel for each merchant.",
        done="shipped",
        icon="local_shipping",
        takes="tracking",
        is_open=lambda order: order.state == OrderState.PAID,
        do=_ship,
    ),
    Move(
        name="deliver",
        label="Deliver all",
        question="All parcels under way have arrived.",
        done="delivered",
        icon="package_2",
        is_open=has_parcel_under_way,
        do=lambda order_id, at, _: fulfilment.deliver_order(order_id=order_id, at=at),
    ),
    Move(
        name="complete",
        label="Complete",
        question="The buyer keeps the goods.",
        done="completed",
        icon="task_alt",
        is_open=lambda order: order.state == OrderState.DELIVERED,
        do=lambda order_id, at, _: fulfilment.complete_order(order_id=order_id, at=at),
    ),
    Move(
        name="cancel",
        label="Cancel",
        question="Stock goes back on sale; what was paid is given back.",
        done="cancelled",
        icon="block",
        takes="reason",
        is_open=_can_end,
        do=_cancel,
    ),
    Move(
        name="refund",
        label="Refund all",
        question="All money that is left is given back; the goods are written off.",
        done="refunded",
        icon="currency_exchange",
        takes="reason",
        is_open=_has_money_left,
        do=_refund,
    ),
    Move(
        name="refund_and_restock",
        label="Refund all, restock",
        question="All money that is left is given back; the goods go back on sale.",
        done="refunded",
        icon="assignment_return",
        takes="reason",
        is_open=_has_money_left,
        do=_refund_and_restock,
    ),
)
MOVES: Final[Mapping[str, Move]] = {move.name: move for move in _ALL}
