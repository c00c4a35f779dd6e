"""Paying an order: begun under its lock, asked of a company, settled under its lock.

While a payment is under way the order stays placed: neither a cancellation nor the expiry ends
it, so that money which arrives always finds the order that it is for.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from orders.errors import AlreadyPaid, PaymentUnderWay
from orders.models import OrderLine, Payment
from orders.providers import SIMULATED, provider_of
from orders.providers.types import Charge, Outcome, Unreachable
from orders.services import bookkeeping, lateness, repayment, timers
from orders.services.holding import Held, advance_all, hold, hold_unpaid, save
from orders.services.reporting import report, whole
from orders.states import OrderState, PaymentAttempt, PaymentState
from redshop.catalog.services import popularity
from redshop.core import prepared, writes
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import NotFound
from redshop.core.idempotency import IdempotencyKeyReused, InProgress
from redshop.events.kinds import EventKind

logger = logging.getLogger(__name__)

#: How long whoever began a payment has to bring the company's answer, before others ask.
LEASE: Final = timedelta(seconds=15)
#: How soon the company is asked again where its answer did not come.
SOON: Final = timedelta(seconds=3)


@requires_transaction
def pay(
    *,
    order_id: UUID,
    buyer_id: int | None = None,
    method: str = SIMULATED,
    token: str | None = None,
    at: datetime,
) -> Payment:
    """Pay an order with the company that answers inside this process.

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
def begin(
    *,
    order_id: UUID,
    buyer_id: int | None = None,
    method: str,
    key: UUID | None = None,
    digest: str = "",
    at: datetime,
) -> Payment:
    """Open a payment; once this is committed, the company may be asked.

    ``key`` is that of the call, which may be repeated: the payment that it began is taken up
    again, unless somebody is just asking the company about it.

    Locks: the order row.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
        PaymentMethodUnavailable: the shop works with no such company.
        InProgress: the company is just being asked for the same call.
        IdempotencyKeyReused: the key began another payment.
        AlreadyPaid: the order is paid.
        PaymentUnderWay: another payment is under way.
        WrongState: the order was cancelled or has expired.
    """
    provider_of(method)
    if key is not None and (begun := _begun(key, buyer_id=buyer_id, digest=digest, at=at)):
        return begun
    held = _payable(order_id=order_id, buyer_id=buyer_id)
    payment = _payment(held, method=method, at=at)
    payment.idempotency_key, payment.request_digest = key, digest
    payment.look_at = at + LEASE
    writes.insert([payment])
    held.order.payment_state = PaymentState.PENDING
    save(held.order)
    return payment


def ask(payment: Payment, *, token: str | None = None) -> Outcome | None:
    """Ask the company for a payment that was begun; None where its answer is unknown.

    Waits for the network: never inside a transaction.
    """
    if payment.settled_at is not None:
        return None
    if payment.amount_minor == 0:  # no company collects nothing
        return Outcome(state=PaymentAttempt.SUCCEEDED)
    try:
        return provider_of(payment.method).charge(charge_of(payment, token=token or ""))
    except Unreachable as error:
        logger.warning("what came of payment %s is unknown: %s", payment.pk, error)
        return None


@requires_transaction
def settle(
    *, payment_id: UUID, outcome: Outcome | None, order_id: UUID | None = None, at: datetime
) -> Payment:
    """Write what the company said about a payment that was begun; a repeat changes nothing.

    Where it said nothing, it will be asked again soon. What had failed may succeed after all:
    it pays the order where that still waits, else its money goes back at once. Who knows the
    ``order_id`` spares a question.

    Locks: the order row, then its products in primary-key order.

    Raises:
        NotFound: there is no such payment.
    """
    held = _held_for(payment_id, order_id)
    payment = _payments(payment_id=payment_id)[0]
    if outcome is None:
        _ask_soon(payment, at=at)
    elif payment.settled_at is None or _is_late_news(payment, outcome):
        _settle(held, payment, outcome, at=at)
    return payment


def pay_through(*, order_id: UUID, method: str, at: datetime) -> Payment:
    """Pay an order with a company over the network: begin, ask, settle.

    Raises: as ``begin``, and Busy where a lock was not granted in time.
    """
    payment = begin_payment(order_id=order_id, method=method, at=at)
    return settle_payment(payment_id=payment.pk, outcome=ask(payment), at=at)


#: The steps above, each in a transaction of its own.
begin_payment = use_case(begin)
settle_payment = use_case(settle)


def charge_of(payment: Payment, *, token: str = "") -> Charge:
    """Return a payment as its company knows it."""
    return Charge(
        payment_id=payment.pk, amount=payment.amount, token=token, reference=payment.reference
    )


def _held_for(payment_id: UUID, order_id: UUID | None) -> Held:
    """Hold the order of a payment: in one statement while it waits for its money, which is when
    what comes with the lock is sure to be right.

    Raises:
        NotFound: there is no such payment.
    """
    if order_id is None:
        order_id = Payment.objects.filter(pk=payment_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise NotFound
    held = hold_unpaid(order_id=order_id)
    return held if held.state == OrderState.PLACED else hold(order_id=order_id)


def _begun(key: UUID, *, buyer_id: int | None, digest: str, at: datetime) -> Payment | None:
    """Return the payment that an earlier call with the key began, leased to this one."""
    found = _of_key(key=key, buyer_id=buyer_id)
    if not found:
        return None
    payment = found[0]
    if payment.request_digest != digest:
        raise IdempotencyKeyReused
    if payment.settled_at is None:
        if payment.look_at is not None and at < payment.look_at:
            raise InProgress
        payment.look_at = at + LEASE
        payment.save(update_fields=["look_at"])
    return payment


@prepared.prepared
def _payments(*, payment_id: UUID) -> QuerySet[Payment]:
    return Payment.objects.filter(pk=payment_id)


@prepared.prepared
def _of_key(*, key: UUID, buyer_id: int | None) -> QuerySet[Payment]:
    """Lock what calls of the buyer with the key began, the first of them first."""
    return Payment.objects.filter(idempotency_key=key, order__buyer_id=buyer_id).locked()


def _ask_soon(payment: Payment, *, at: datetime) -> None:
    if payment.settled_at is None:
        payment.look_at = at + SOON
        payment.save(update_fields=["look_at"])


def _is_late_news(payment: Payment, outcome: Outcome) -> bool:
    has_failed = payment.state == PaymentAttempt.FAILED
    return has_failed and outcome.state == PaymentAttempt.SUCCEEDED


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
    payment.reference = outcome.reference or payment.reference
    match outcome.state:
        case PaymentAttempt.SUCCEEDED:
            payment.settled_at, payment.look_at = at, None
            payment.is_late = held.order.paid_at is not None or held.state != OrderState.PLACED
            _write(payment)
            if payment.is_late:
                bookkeeping.post_late_capture(payment, at=at)
                repayment.request(payment, amount_minor=payment.amount_minor, refund=None, at=at)
            else:
                _pay(held, payment, at=at)
        case PaymentAttempt.FAILED:
            payment.settled_at, payment.look_at = at, None
            if lateness.may_still_succeed(payment):
                payment.look_at = lateness.next_look(payment, at=at)
            _write(payment)
            _let_try_again(held)
        case _:
            payment.look_at = at + SOON
            _write(payment)
            held.order.payment_state = PaymentState.PENDING
            save(held.order)


#: What a company's answer changes of a payment.
_SETTLED: Final = (
    "state",
    "failure_code",
    "action_url",
    "reference",
    "settled_at",
    "look_at",
    "is_late",
)


def _write(payment: Payment) -> None:
    """Write a payment that is settled as soon as it began, or what became of one that is there."""
    if payment._state.adding:
        writes.insert([payment])
    else:
        writes.update(payment, *_SETTLED)


def _pay(held: Held, payment: Payment, *, at: datetime) -> None:
    """Make the order paid (which publishes ``order.paid``), post it, and count what was sold."""
    order, lines = held.order, list(held.lines.values())
    order.payment_state, order.paid_at = PaymentState.PAID, at
    bookkeeping.post_paid(held, payment, at=at)
    timers.stop(order)
    advance_all(held, to=OrderState.PAID, at=at)
    popularity.add_units(_units_by_product(lines))
    report(EventKind.ORDER_PAID, order, whole(lines), at=at)


def _units_by_product(lines: Sequence[OrderLine]) -> Mapping[int, int]:
    units = Counter[int]()
    for line in lines:
        units[line.product_id] += line.quantity
    return units


def _let_try_again(held: Held) -> None:
    if held.order.payment_state == PaymentState.PENDING:
        held.order.payment_state = PaymentState.NONE
        save(held.order)
