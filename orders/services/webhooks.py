"""What payment companies tell us: kept as it came, and followed up by asking."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from orders.errors import PaymentMethodUnavailable, WebhookTooLong
from orders.models import Payment, Repayment, WebhookDelivery
from orders.providers import METHODS, provider_of
from orders.providers.types import Hint
from orders.services import watching
from orders.states import RepaymentState
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound
from redshop.core.prepared import prepared

Result = WebhookDelivery.Result


@dataclass(frozen=True, slots=True)
class _Kept:
    """A webhook that was written down (not where it came before), and what it is about."""

    delivery_id: int | None
    payment: Payment | None
    result: Result


LONGEST_BODY: Final = 64 * 1024
#: Should the process that received a webhook die before it asked, others ask then.
LEASE: Final = timedelta(seconds=15)


def receive(*, company: str, body: bytes, headers: Mapping[str, str], at: datetime) -> Result:
    """Keep what a company tells us, once, and ask it for the truth; return what came of it.

    Waits for the network: never inside a transaction. Once this has begun to ask, the webhook is
    committed; should asking fail, the payment is looked at again by itself.

    Raises:
        NotFound: the shop works with no such company.
        WebhookTooLong: it is longer than any that companies send.
        WebhookRefused: the company did not send it, or not lately.
    """
    if company not in METHODS:
        raise NotFound
    if len(body) > LONGEST_BODY:
        raise WebhookTooLong
    try:
        provider = provider_of(company)
    except PaymentMethodUnavailable as error:
        raise NotFound from error
    provider.check_webhook(body, headers, at=at)
    hint = provider.understand(body)
    return _follow(_keep(company, hint, body, at=at), at=at)


def look_again(*, delivery_id: int, at: datetime) -> Result:
    """Try once more to find the payment that a webhook was about, and ask about it.

    Raises:
        NotFound: there is no such webhook.
    """
    delivery = WebhookDelivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound
    hint = provider_of(delivery.company).understand(delivery.body.encode())
    payment = delivery.payment or _payment_of(delivery.company, hint)
    result = Result.OPEN if payment else Result.UNMATCHED
    return _follow(_Kept(delivery.pk, payment, result), at=at)


_KEEP: Final = """
INSERT INTO orders_webhookdelivery
    (company, event_id, kind, payment_id, body, result, received_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (company, event_id) DO NOTHING
RETURNING id
"""


def _keep(company: str, hint: Hint, body: bytes, *, at: datetime) -> _Kept:
    """Write a webhook down unless it came before; see to what it is about."""
    payment = _payment_of(company, hint)
    result = _result(payment, hint)
    payment_id = payment.pk if payment else None
    values = [company, hint.event_id[:120], hint.kind[:60], payment_id, body.decode(), result, at]
    is_open = payment is not None and result == Result.OPEN
    with transaction.atomic(durable=True) if is_open else nullcontext():
        delivery_id = _write(values)
        if delivery_id is None:
            return _Kept(None, payment, Result.KNOWN)
        if payment is not None and is_open:
            _see_to(payment, at=at)
    return _Kept(delivery_id, payment, result)


def _write(values: Sequence[Any]) -> int | None:
    """Write a webhook and return its id; None where it is there."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _result(payment: Payment | None, hint: Hint) -> Result:
    if payment is None:
        return Result.UNMATCHED
    is_known = hint.claims is not None and hint.claims == payment.state
    return Result.KNOWN if is_known and payment.settled_at else Result.OPEN


def _payment_of(company: str, hint: Hint) -> Payment | None:
    if hint.payment_id is not None:
        found = _by_id(company=company, payment_id=hint.payment_id)
    else:
        found = _by_reference(company=company, reference=hint.reference) if hint.reference else []
    return found[0] if found else None


@prepared
def _by_id(*, company: str, payment_id: UUID) -> QuerySet[Payment]:
    return Payment.objects.filter(method=company, pk=payment_id)


@prepared
def _by_reference(*, company: str, reference: str) -> QuerySet[Payment]:
    return Payment.objects.filter(method=company, reference=reference).order_by("pk")[:1]


@requires_transaction
def _see_to(payment: Payment, *, at: datetime) -> None:
    """Have a payment and its repayments asked about soon, whatever becomes of this process."""
    payment.look_at = at + LEASE
    payment.save(update_fields=["look_at"])
    on_their_way = Repayment.objects.filter(payment=payment, state=RepaymentState.PENDING)
    on_their_way.update(look_at=at)


def _follow(kept: _Kept, *, at: datetime) -> Result:
    """Ask about the payment where the webhook may be news; write down what it was worth."""
    if kept.payment is None or kept.delivery_id is None or kept.result != Result.OPEN:
        return kept.result
    was = kept.payment.state
    now = watching.look(kept.payment, at=at)
    result = Result.KNOWN if now.state == was else Result.NEWS
    mine = WebhookDelivery.objects.filter(pk=kept.delivery_id)
    mine.update(result=result, payment=kept.payment)
    return result
