"""Stripe, through its official library.

A PaymentIntent is created without a card, under our payment's id as idempotency key, then given
the buyer's token, then confirmed. So whoever asks about a payment of which we never heard
Stripe's name can create it once more and gets the same one, without knowing the token; and a
PaymentIntent that was cancelled will take no confirmation that comes later.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import stripe

from orders.errors import WebhookRefused
from orders.providers.types import (
    ABANDONED,
    TOLERANCE,
    BackOutcome,
    Charge,
    Hint,
    MoneyBack,
    Outcome,
    Unreachable,
)
from orders.states import PaymentAttempt, RepaymentState

logger = logging.getLogger(__name__)
T = TypeVar("T")

TOTAL_SECONDS: Final = 5.0
SIGNATURE: Final = "Stripe-Signature"
#: The version of Stripe's API that is spoken, whatever the library's own: later ones name
#: ``payment_method_types`` otherwise, which localstripe does not know.
VERSION: Final = "2025-03-31.basil"
#: What a payment has room for; a page whose address was cut would lead nowhere.
LONGEST_URL: Final = 200
#: How many of a payment's refunds are looked through for one of ours.
MOST_REFUNDS: Final = 100

_ATTEMPTS: Final = {
    "processing": PaymentAttempt.PENDING,
    "requires_payment_method": PaymentAttempt.PENDING,
    "requires_confirmation": PaymentAttempt.PENDING,
    "requires_action": PaymentAttempt.REQUIRES_ACTION,
    "succeeded": PaymentAttempt.SUCCEEDED,
    "canceled": PaymentAttempt.FAILED,
}
#: Waiting for a token or for its confirmation: nobody has been charged.
_OPEN: Final = frozenset({"requires_payment_method", "requires_confirmation"})
_REPAYMENTS: Final = {
    "pending": RepaymentState.PENDING,
    "requires_action": RepaymentState.PENDING,
    "succeeded": RepaymentState.SUCCEEDED,
    "failed": RepaymentState.FAILED,
    "canceled": RepaymentState.FAILED,
}
_CLAIMS: Final = {
    "payment_intent.succeeded": PaymentAttempt.SUCCEEDED,
    "payment_intent.payment_failed": PaymentAttempt.FAILED,
    "payment_intent.canceled": PaymentAttempt.FAILED,
    "payment_intent.processing": PaymentAttempt.PENDING,
    "payment_intent.requires_action": PaymentAttempt.REQUIRES_ACTION,
}


class Stripe:
    """One account at Stripe, or at what imitates it at another address."""

    def __init__(self, key: str, *, webhook_secret: str, api_base: str, return_url: str) -> None:
        self._client = stripe.StripeClient(
            key,
            stripe_version=VERSION,
            base_addresses={"api": api_base} if api_base else {},
            http_client=stripe.RequestsClient(timeout=TOTAL_SECONDS),
            max_network_retries=0,
        )
        self._webhook_secret, self._return_url = webhook_secret, return_url

    def charge(self, charge: Charge) -> Outcome:
        """Create, give the token, confirm; each of it may have been done before."""
        try:
            intent = self._create(charge)
        except stripe.InvalidRequestError as refusal:
            return Outcome(state=PaymentAttempt.FAILED, failure_code=refusal.code or "refused")
        if intent.status not in _OPEN or intent.last_payment_error:
            return outcome_of(intent)
        return self._confirm(intent, token=charge.token)

    def look_up(self, charge: Charge) -> Outcome | None:
        """Ask what became of a charge; None where nobody has confirmed it, so far."""
        intent = self._find(charge)
        is_untouched = intent.status in _OPEN and not intent.last_payment_error
        return None if is_untouched else outcome_of(intent)

    def abandon(self, charge: Charge) -> Outcome:
        """Cancel a charge, creating it where it has not arrived yet."""
        return self._cancel(self._find(charge), code=ABANDONED)

    def send_back(self, back: MoneyBack) -> BackOutcome:
        """Ask for money to go back, unless it was asked for before.

        The idempotency key alone would not do: Stripe forgets it after a day.
        """
        try:
            found = self._refund_of(back) or self._refund(back)
        except stripe.InvalidRequestError as refusal:
            code = refusal.code or "refused"
            return BackOutcome(state=RepaymentState.FAILED, failure_code=code[:64])
        state = _REPAYMENTS.get(found.status or "", RepaymentState.PENDING)
        code = getattr(found, "failure_reason", None) or "refund_failed"
        return BackOutcome(
            state=state, failure_code=code[:64] if state == RepaymentState.FAILED else ""
        )

    def check_webhook(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """Believe what Stripe's library finds signed, within five minutes either way."""
        header = headers.get(SIGNATURE, "")
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(),
                header,
                self._webhook_secret,
                tolerance=int(TOLERANCE.total_seconds()),
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise WebhookRefused from error
        _refuse_another_time(header, at=at)

    def understand(self, body: bytes) -> Hint:
        """Read which of our payments an event is about, and what it claims."""
        try:
            return _hint(json.loads(body.decode()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebhookRefused("The webhook says nothing that can be understood.") from error

    def _create(self, charge: Charge) -> stripe.PaymentIntent:
        wanted: Any = {  # typed by ``VERSION``, not by the library's own
            "amount": charge.amount.amount_minor,
            "currency": charge.amount.currency.lower(),
            "payment_method_types": ["card"],
            "metadata": {"payment_id": str(charge.payment_id)},
        }
        key = str(charge.payment_id)
        create = self._client.v1.payment_intents.create
        return _clear(lambda: create(wanted, {"idempotency_key": key}))

    def _find(self, charge: Charge) -> stripe.PaymentIntent:
        try:
            if charge.reference:
                return self._retrieve(charge.reference)
            return self._create(charge)
        except stripe.InvalidRequestError as error:
            raise Unreachable(str(error)) from error

    def _retrieve(self, reference: str) -> stripe.PaymentIntent:
        return _clear(lambda: self._client.v1.payment_intents.retrieve(reference))

    def _confirm(self, intent: stripe.PaymentIntent, *, token: str) -> Outcome:
        intents = self._client.v1.payment_intents
        try:
            _clear(lambda: intents.update(intent.id, {"payment_method": token}))
            return outcome_of(_clear(lambda: intents.confirm(intent.id, self._where_to_return())))
        except stripe.CardError as declined:
            return self._cancel(intent, code=declined.code or "card_declined")
        except stripe.InvalidRequestError:
            now = self._retrieve(intent.id)
            if now.status in _OPEN:
                return self._cancel(now, code="invalid_token")
            return outcome_of(now)

    def _where_to_return(self) -> Any:
        """Return where the buyer comes back to from a page of their bank, where that is known."""
        return {"return_url": self._return_url} if self._return_url else {}

    def _cancel(self, intent: stripe.PaymentIntent, *, code: str) -> Outcome:
        """End an intent for good, so that no later confirmation can charge; say how it ended."""
        if intent.status in {"succeeded", "canceled"}:
            return outcome_of(intent)
        try:
            _clear(lambda: self._client.v1.payment_intents.cancel(intent.id))
        except stripe.InvalidRequestError:
            return outcome_of(self._retrieve(intent.id))
        return Outcome(state=PaymentAttempt.FAILED, failure_code=code[:64], reference=intent.id)

    def _refund(self, back: MoneyBack) -> stripe.Refund:
        return _clear(
            lambda: self._client.v1.refunds.create(
                {
                    "payment_intent": back.charge.reference,
                    "amount": back.amount.amount_minor,
                    "metadata": {
                        "repayment_id": str(back.repayment_id),
                        "payment_id": str(back.charge.payment_id),
                    },
                },
                {"idempotency_key": str(back.repayment_id)},
            )
        )

    def _refund_of(self, back: MoneyBack) -> stripe.Refund | None:
        found = _clear(
            lambda: self._client.v1.refunds.list(
                {"payment_intent": back.charge.reference, "limit": MOST_REFUNDS}
            )
        )
        ours = str(back.repayment_id)
        return next((each for each in found.data if _named(each, "repayment_id") == ours), None)


def _clear(call: Callable[[], T]) -> T:
    """Return a clear answer.

    Raises:
        Unreachable: there was none, or one that says nothing about the demand.
        stripe.CardError: the card was declined.
        stripe.InvalidRequestError: the demand was refused, and nothing has happened.
    """
    try:
        return call()
    except (stripe.CardError, stripe.InvalidRequestError):
        raise
    except stripe.StripeError as error:
        logger.warning("Stripe gave no clear answer: %s", type(error).__name__)
        raise Unreachable(type(error).__name__) from error


def outcome_of(intent: stripe.PaymentIntent) -> Outcome:
    """Read what became of a payment."""
    error = intent.last_payment_error
    if intent.status == "requires_payment_method" and error:
        code = error["code"] or "card_declined"
        return Outcome(state=PaymentAttempt.FAILED, failure_code=code[:64], reference=intent.id)
    state = _ATTEMPTS.get(intent.status, PaymentAttempt.PENDING)
    return Outcome(
        state=state,
        failure_code=ABANDONED if state == PaymentAttempt.FAILED else "",
        action_url=_action_url(intent),
        reference=intent.id,
    )


def _action_url(intent: stripe.PaymentIntent) -> str:
    """Return where the buyer confirms, where Stripe names a page."""
    action: Any = intent.next_action
    if not action or action["type"] != "redirect_to_url":
        return ""
    url = str(action["redirect_to_url"]["url"] or "")
    return url if len(url) <= LONGEST_URL else ""


def _named(thing: Any, name: str) -> str | None:
    """Return one of the ids of ours that Stripe was given with a thing."""
    try:
        return str(thing["metadata"][name])
    except (KeyError, TypeError):
        return None


def _refuse_another_time(header: str, *, at: datetime) -> None:
    """Refuse a signature of the future too; the library looks at the past only.

    Raises:
        WebhookRefused: it is more than five minutes away.
    """
    moment = next(part[2:] for part in header.split(",") if part.startswith("t="))
    if not abs(at.timestamp() - int(moment)) <= TOLERANCE.total_seconds():
        raise WebhookRefused("The webhook's signature is of another time.")


def _hint(event: Mapping[str, Any]) -> Hint:
    kind, about = str(event["type"]), event["data"]["object"]
    ours = _named(about, "payment_id")
    return Hint(
        event_id=str(event["id"]),
        kind=kind,
        payment_id=UUID(ours) if ours else None,
        claims=_CLAIMS.get(kind),
    )
