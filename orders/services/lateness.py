"""Payments that were given up, and may succeed after all: when their company is asked once more.

A company that declined a payment has said its last word. One that we gave up, because it never
arrived or nobody confirmed it, rests on the company's promise never to charge it; a promise can
be broken, by a bank whose yes was on its way when the company said so. No webhook need tell.
"""

from datetime import datetime, timedelta
from typing import Final

from orders.models import Payment
from orders.providers.types import ABANDONED
from orders.states import PaymentAttempt

#: The first look after a payment has failed; each pause is as long as all that went before it.
FIRST: Final = timedelta(minutes=1)
#: The longest pause: nobody's money stays with us longer than that once we can know of it.
LONGEST: Final = timedelta(hours=6)
#: For how long: banks put right among themselves within one working day what went wrong between
#: them, and a weekend may lie before it. What turns later than that, a webhook has to tell.
WATCHED_FOR: Final = timedelta(days=3)


def may_still_succeed(payment: Payment) -> bool:
    """Tell whether a payment failed because we gave it up, not because its company declined."""
    return payment.state == PaymentAttempt.FAILED and payment.failure_code == ABANDONED


def next_look(payment: Payment, *, at: datetime) -> datetime | None:
    """Return when to ask after a failed payment next; None where it is not worth it any more."""
    if payment.settled_at is None or payment.state != PaymentAttempt.FAILED:
        return None
    until = payment.settled_at + WATCHED_FOR
    pause = min(max(at - payment.settled_at, FIRST), LONGEST)
    return None if at >= until else min(at + pause, until)
