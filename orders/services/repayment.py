"""Money on its way back: asked for in the transaction that owes it, sent through the company that
took it, outside of any."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from orders.errors import NothingToRefund
from orders.models import Payment, Refund, Repayment
from orders.providers import SIMULATED, provider_of
from orders.providers.types import BackOutcome, Charge, MoneyBack, Unreachable
from orders.services import bookkeeping
from orders.services.history import METHOD as ELSEWHERE
from orders.states import RepaymentState
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import DomainError
from redshop.core.ids import uuid7

logger = logging.getLogger(__name__)

#: Companies that need no asking: what they are told to do is done.
AT_ONCE: Final = frozenset({SIMULATED, ELSEWHERE})
#: How long whoever took a repayment has to bring the company's answer, before others ask.
LEASE: Final = timedelta(seconds=15)
AT_A_TIME: Final = 20


@requires_transaction
def request(
    payment: Payment, *, amount_minor: int, refund: Refund | None, at: datetime
) -> Repayment | None:
    """Have money of a payment sent back; None where there is none to send.

    Never more than was paid: the constraint of the payment's row says so to whoever forgets the
    order's lock.
    """
    if amount_minor == 0:
        return None
    Payment.objects.filter(pk=payment.pk).update(repaid_minor=F("repaid_minor") + amount_minor)
    is_done = payment.method in AT_ONCE
    repayment = Repayment.objects.create(
        id=uuid7(at),
        payment=payment,
        refund=refund,
        state=RepaymentState.SUCCEEDED if is_done else RepaymentState.DUE,
        amount_minor=amount_minor,
        currency=payment.currency,
        created_at=at,
        settled_at=at if is_done else None,
        look_at=None if is_done else at,
    )
    if is_done:
        bookkeeping.post_repayment(repayment, at=at)
    return repayment


@requires_transaction
def request_for(refund: Refund, *, at: datetime) -> Repayment | None:
    """Have the money of a refund sent back the way it came."""
    paid = Payment.objects.get(order_id=refund.order_id, state="succeeded", is_late=False)
    paid.order = refund.order
    return request(paid, amount_minor=refund.amount_minor, refund=refund, at=at)


def send_due(*, at: datetime) -> int:
    """Ask the companies for what is to be sent back; return how many were asked about.

    Waits for the network: never inside a transaction.
    """
    taken = _take(at=at)
    for repayment in taken:
        outcome = _ask(repayment)
        if outcome is not None:
            settle_repayment(repayment_id=repayment.pk, outcome=outcome, at=at)
    return len(taken)


@requires_transaction
def settle(*, repayment_id: UUID, outcome: BackOutcome, at: datetime) -> Repayment:
    """Write what the company said about money that was to be sent back; a repeat changes nothing.

    Locks: the repayment, then its payment.
    """
    repayment: Repayment = (
        Repayment.objects.filter(pk=repayment_id).select_related("payment__order").locked().get()
    )
    if repayment.settled_at is not None or outcome.state == repayment.state:
        return repayment
    repayment.state, repayment.failure_code = outcome.state, outcome.failure_code
    if outcome.state in {RepaymentState.SUCCEEDED, RepaymentState.FAILED}:
        repayment.settled_at, repayment.look_at = at, None
    repayment.save()
    if outcome.state == RepaymentState.SUCCEEDED:
        bookkeeping.post_repayment(repayment, at=at)
    if outcome.state == RepaymentState.FAILED:
        amount = repayment.amount_minor
        paid = Payment.objects.filter(pk=repayment.payment_id)
        paid.update(repaid_minor=F("repaid_minor") - amount)
    return repayment


@requires_transaction
def try_again(*, repayment_id: UUID, at: datetime) -> Repayment | None:
    """Have money sent back once more that the company failed to send.

    Locks: the repayment, then its payment.

    Raises:
        NothingToRefund: it did not fail, or was tried again before.
    """
    failed = Repayment.objects.filter(pk=repayment_id, state=RepaymentState.FAILED)
    repayment = failed.select_related("payment", "refund").locked().first()
    if repayment is None or repayment.failure_code.startswith(_AGAIN):
        raise NothingToRefund
    repayment.failure_code = f"{_AGAIN}{repayment.failure_code}"[:64]
    repayment.save(update_fields=["failure_code"])
    return request(
        repayment.payment, amount_minor=repayment.amount_minor, refund=repayment.refund, at=at
    )


#: Marks a failure that was followed by another try.
_AGAIN: Final = "tried_again:"
#: The steps above, each in a transaction of its own.
settle_repayment = use_case(settle)
try_repayment_again = use_case(try_again)


@transaction.atomic(durable=True)
def _take(*, at: datetime) -> Sequence[Repayment]:
    """Take what is to be asked about now, so that others leave it alone for a while."""
    due = Repayment.objects.filter(look_at__lte=at).order_by("look_at")
    taken = list(due.select_for_update(of=("self",), skip_locked=True)[:AT_A_TIME])
    ids = [repayment.pk for repayment in taken]
    Repayment.objects.filter(pk__in=ids).update(look_at=at + LEASE)
    return list(Repayment.objects.filter(pk__in=ids).select_related("payment"))


def _ask(repayment: Repayment) -> BackOutcome | None:
    """Return what the company says; None where nothing can be learned now."""
    payment = repayment.payment
    back = MoneyBack(
        repayment_id=repayment.pk,
        charge=Charge(payment_id=payment.pk, amount=payment.amount, reference=payment.reference),
        amount=repayment.amount,
    )
    try:
        return provider_of(payment.method).send_back(back)
    except (Unreachable, DomainError) as error:
        logger.warning("repayment %s has to wait: %s", repayment.pk, error)
        return None
