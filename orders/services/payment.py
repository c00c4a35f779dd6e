"""Paying an order: begun under its lock, asked of a company, settled under its lock.

While a payment is under way the order stays placed: neither a cancellation nor the expiry ends
it, so that money which arrives always finds the order that it is for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from orders.errors import AlreadyPaid, PaymentUnderWay
from orders.models import OrderLine, Payment
from orders.providers import provider_of
from orders.providers.types import Charge, Outcome
from orders.services import timers
from orders.services.holding import Held, advance_all, hold, hold_unpaid, save
from orders.services.reporting import report, whole
from orders.states import OrderState, PaymentAttempt, PaymentState
from redshop.catalog.services import popularity
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import NotFound
from redshop.events.kinds import EventKind


@requires_transaction
def pay(
    *,
    order_id: UUID,
    buyer_id: int | None = None,
    method: str = "sandbox",
    token: str | None = None,
    at: datetime,
) -> Payment:
    """Pay an order with a company that answers inside this process.

    A refused card is a failed payment, not an error; the order stays placed.

    Locks: the order row, then its products in primary-key order.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
        PaymentMethodUnavailable: the shop works with no such company.
        AlreadyPaid: the order is paid.
        PaymentUnderWay: another payment is under way.
        WrongState: the order was cancelled or has expired.
    """
    provider = provider_of(method)
    held = _payable(order_id=order_id, buyer_id=buyer_id)
    payment = _payment(held, method=method, at=at)
    charge = Charge(payment_id=payment.pk, amount=payment.amount, token=token or "")
    _settle(held, payment, provider.charge(charge), at=at)
    return payment


#: ``pay`` in a transaction of its own.
pay_order = use_case(pay)


@requires_transaction
def begin(*, order_id: UUID, buyer_id: int | None = None, method: str, at: datetime) -> Payment:
    """Open a payment; once this is committed, the company may be asked.

    Locks: the order row.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
        PaymentMethodUnavailable: the shop works with no such company.
        AlreadyPaid: the order is paid.
        PaymentUnderWay: another payment is under way.
        WrongState: the order was cancelled or has expired.
    """
    provider_of(method)
    held = _payable(order_id=order_id, buyer_id=buyer_id)
    payment = _payment(held, method=method, at=at)
    payment.save(force_insert=True)
    held.order.payment_state = PaymentState.PENDING
    save(held.order)
    return payment


@requires_transaction
def settle(*, payment_id: UUID, outcome: Outcome, at: datetime) -> Payment:
    """Write what the company said about a payment that was begun; a repeat changes nothing.

    Locks: the order row, then its products in primary-key order.

    Raises:
        NotFound: there is no such payment.
    """
    order_id = Payment.objects.filter(pk=payment_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise NotFound
    held = hold(order_id=order_id)
    payment = Payment.objects.get(pk=payment_id)
    if payment.settled_at is None:
        _settle(held, payment, outcome, at=at)
    return payment


def _payable(*, order_id: UUID, buyer_id: int | None) -> Held:
    """Hold an order that waits for its money."""
    held = hold_unpaid(order_id=order_id, buyer_id=buyer_id)
    if held.order.paid_at is not None:
        raise AlreadyPaid
    held.require(OrderState.PLACED)
    if held.order.payment_state == PaymentState.PENDING:
        raise PaymentUnderWay
    return held


def _payment(held: Held, *, method: str, at: datetime) -> Payment:
    return Payment(
        order=held.order,
        method=method,
        state=PaymentAttempt.PENDING,
        amount_minor=held.order.total_minor,
        currency=held.order.currency,
        created_at=at,
    )


def _settle(held: Held, payment: Payment, outcome: Outcome, *, at: datetime) -> None:
    payment.state = outcome.state
    payment.failure_code, payment.action_url = outcome.failure_code, outcome.action_url
    match outcome.state:
        case PaymentAttempt.SUCCEEDED:
            payment.settled_at = at
            payment.save()
            _pay(held, at=at)
        case PaymentAttempt.FAILED:
            payment.settled_at = at
            payment.save()
            _let_try_again(held)
        case _:
            payment.save()
            held.order.payment_state = PaymentState.PENDING
            save(held.order)


def _pay(held: Held, *, at: datetime) -> None:
    """Make the order paid (which publishes ``order.paid``) and count what was sold."""
    order, lines = held.order, list(held.lines.values())
    order.payment_state, order.paid_at = PaymentState.PAID, at
    advance_all(held, to=OrderState.PAID, at=at)
    popularity.add_units(_units_by_product(lines))
    report(EventKind.ORDER_PAID, order, whole(lines), at=at)
    timers.stop(order)


def _units_by_product(lines: Sequence[OrderLine]) -> Mapping[int, int]:
    units = Counter[int]()
    for line in lines:
        units[line.product_id] += line.quantity
    return units


def _let_try_again(held: Held) -> None:
    if held.order.payment_state == PaymentState.PENDING:
        held.order.payment_state = PaymentState.NONE
        save(held.order)
