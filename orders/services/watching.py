"""Payments whose end is unknown: asked about until it is known, and some for longer."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F

from orders.models import Payment
from orders.providers import provider_of
from orders.providers.types import Outcome, Unreachable
from orders.services import lateness
from orders.services.payment import charge_of, settle_payment
from orders.states import PaymentAttempt
from redshop.core.errors import DomainError

logger = logging.getLogger(__name__)

#: How long after it was begun a charge may still be on its way to the company.
ON_ITS_WAY: Final = timedelta(seconds=30)
#: Between two looks at the same payment, while it is young and later.
PAUSES: Final = (timedelta(seconds=5), timedelta(seconds=30))
YOUNG: Final = timedelta(minutes=1)
AT_A_TIME: Final = 20


def watch_due(*, at: datetime) -> int:
    """Ask the companies about payments whose end is unknown, or that we gave up; return how many
    were asked about.

    Waits for the network: never inside a transaction.
    """
    taken = _take(at=at)
    for payment in taken:
        look(payment, at=at)
    return len(taken)


def look(payment: Payment, *, at: datetime) -> Payment:
    """Ask the company how a payment stands, and settle it if that is news."""
    outcome = _truth(payment, at=at)
    if outcome is None:
        return payment
    if outcome.state == payment.state:
        _rest(payment)
        return payment
    return settle_payment(payment_id=payment.pk, outcome=outcome, at=at)


@transaction.atomic(durable=True)
def _take(*, at: datetime) -> Sequence[Payment]:
    """Take the payments to be asked about now, so that others leave them alone for a while.

    Those under way come first, so that nobody who is paying waits for what was given up.
    """
    under_way_first = F("settled_at").asc(nulls_first=True)
    due = Payment.objects.filter(look_at__lte=at).order_by(under_way_first, "look_at")
    taken = list(due.select_for_update(of=("self",), skip_locked=True)[:AT_A_TIME])
    for payment in taken:
        payment.look_at = _next_look(payment, at=at)
    Payment.objects.bulk_update(taken, ["look_at"])
    return taken


def _next_look(payment: Payment, *, at: datetime) -> datetime | None:
    if payment.settled_at is not None:
        return lateness.next_look(payment, at=at)
    is_young = at < payment.created_at + YOUNG
    return at + PAUSES[not is_young]


def _rest(payment: Payment) -> None:
    """Ask no more after a payment that its company declined, unless another hint came meanwhile.

    It was asked about because of a hint, again and again until the company answered.
    """
    if payment.settled_at is not None and not lateness.may_still_succeed(payment):
        Payment.objects.filter(pk=payment.pk, look_at=payment.look_at).update(look_at=None)


def _truth(payment: Payment, *, at: datetime) -> Outcome | None:
    """Return how the company says a payment stands; None where nothing can be learned now.

    A charge that never arrived, and one that nobody confirmed in time, is abandoned: the company
    bars it, so that it cannot succeed behind our back.
    """
    try:
        provider, charge = provider_of(payment.method), charge_of(payment)
        outcome = provider.look_up(charge)
        if outcome is None and at < payment.created_at + ON_ITS_WAY:
            return None
        if outcome is None or _is_given_up(payment, outcome, at=at):
            return provider.abandon(charge)
    except (Unreachable, DomainError) as error:
        logger.warning("payment %s stays unknown: %s", payment.pk, error)
        return None
    return outcome


def _is_given_up(payment: Payment, outcome: Outcome, *, at: datetime) -> bool:
    is_open = outcome.state in {PaymentAttempt.PENDING, PaymentAttempt.REQUIRES_ACTION}
    patience = timedelta(minutes=settings.PAYMENT_MINUTES)
    return is_open and at >= payment.created_at + patience
