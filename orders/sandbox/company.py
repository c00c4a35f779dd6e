"""The company's mind: charges and refunds, each asked for under an id that the shop chose."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from orders.sandbox.behaviour import Behaviour
from orders.sandbox.cards import Card, Course, card_of
from orders.sandbox.journal import Journal
from orders.sandbox.types import Charge, ChargeState, Refund, RefundState

#: How long an asynchronous card and a slow refund take to settle.
LATER_SECONDS: Final = 1.0

#: Prepares the news of an event for the journal, given its kind, the charge that it is about and
#: what the API says of its subject; and sends off what it has prepared.
Prepare = Callable[[str, Charge, dict[str, Any]], list[dict[str, Any]]]
Send = Callable[[list[dict[str, Any]]], None]


class Refused(Exception):
    """What was asked for is not done; nothing has changed."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Company:
    """Everything is done under one lock and is in the journal before anybody is told."""

    def __init__(self, journal: Journal, *, address: str, prepare: Prepare, send: Send) -> None:
        self.address = address
        self.behaviour = Behaviour()
        self._journal, self._prepare, self._send = journal, prepare, send
        self._lock = threading.RLock()
        self._charges: dict[str, Charge] = {}
        self._unsettled: set[str] = set()

    def remember(self, entry: dict[str, Any]) -> None:
        """Take up one line of the journal."""
        if "charge" in entry:
            charge = Charge(**entry["charge"])
            charge.state = ChargeState(charge.state)
            known = self._charges.get(charge.id)
            charge.refunds = known.refunds if known else {}
            self._charges[charge.id] = charge
            self._unsettled.add(charge.id)
        elif "refund" in entry:
            refund = Refund(**entry["refund"])
            refund.state = RefundState(refund.state)
            self._charges[refund.charge_id].refunds[refund.id] = refund
            self._unsettled.add(refund.charge_id)
        elif "behaviour" in entry:
            self.behaviour = Behaviour(**entry["behaviour"])

    def behave(self, wanted: Any) -> Behaviour:
        """Turn switches.

        Raises:
            BehaviourRefused: one of them cannot be turned so.
        """
        with self._lock:
            self.behaviour = self.behaviour.changed(wanted)
            self._journal.append({"behaviour": self.behaviour.shown()})
            return self.behaviour

    def charge(
        self,
        charge_id: str,
        *,
        amount_minor: int,
        currency: str,
        token: str,
        return_url: str,
        webhook_url: str,
        now: float,
    ) -> tuple[dict[str, Any], bool]:
        """Charge a card once, however often it is asked for; tell whether it was the first time.

        Raises:
            Refused: the id belongs to a charge of another amount.
        """
        with self._lock:
            if known := self._charges.get(charge_id):
                return self._same(known, amount_minor, currency), False
            charge = Charge(
                id=charge_id,
                amount_minor=amount_minor,
                currency=currency,
                state=ChargeState.PENDING,
                created_at=now,
                return_url=return_url,
                webhook_url=webhook_url,
                token=token,
            )
            self._charges[charge_id] = charge
            self._begin(charge, card_of(token), now=now)
            return charge.shown(), True

    def look_up(self, charge_id: str) -> dict[str, Any]:
        """Return a charge.

        Raises:
            Refused: there is none of that id.
        """
        with self._lock:
            return self._known(charge_id).shown()

    def page_of(self, charge_id: str) -> Charge:
        """Return a charge for the page on which its card's owner decides.

        Raises:
            Refused: there is none of that id.
        """
        with self._lock:
            return self._known(charge_id)

    def cancel(self, charge_id: str, *, now: float) -> dict[str, Any]:
        """End a charge unless it has succeeded; bar the id where it never was asked for."""
        with self._lock:
            charge = self._charges.get(charge_id)
            if charge is None:
                charge = Charge(
                    id=charge_id,
                    amount_minor=0,
                    currency="",
                    state=ChargeState.PENDING,
                    created_at=now,
                    is_tombstone=True,
                )
                self._charges[charge_id] = charge
            if charge.state in {ChargeState.PENDING, ChargeState.REQUIRES_ACTION}:
                self._settle(charge, ChargeState.CANCELED, now=now)
            return charge.shown()

    def decide(self, charge_id: str, *, is_approved: bool, now: float) -> Charge:
        """Let the card's owner approve or refuse a charge that waits for it.

        Raises:
            Refused: there is none of that id.
        """
        with self._lock:
            charge = self._known(charge_id)
            if charge.state == ChargeState.REQUIRES_ACTION:
                charge.failure_code = "" if is_approved else "authentication_failed"
                end = ChargeState.SUCCEEDED if is_approved else ChargeState.FAILED
                self._settle(charge, end, now=now)
            return charge

    def refund(
        self, charge_id: str, refund_id: str, *, amount_minor: int, webhook_url: str, now: float
    ) -> tuple[dict[str, Any], bool]:
        """Give money of a charge back once, however often it is asked for.

        Raises:
            Refused: there is no such charge, it did not succeed, less than that is left of it,
                or the id belongs to a refund of another amount.
        """
        with self._lock:
            charge = self._known(charge_id)
            if known := charge.refunds.get(refund_id):
                if known.amount_minor != amount_minor:
                    raise Refused(409, "refund_differs", "This id belongs to another refund.")
                return known.shown(), False
            _refuse_refund(charge, amount_minor)
            refund = Refund(
                id=refund_id,
                charge_id=charge_id,
                amount_minor=amount_minor,
                currency=charge.currency,
                state=RefundState.PENDING,
                created_at=now,
                webhook_url=webhook_url or charge.webhook_url,
            )
            charge.refunds[refund_id] = refund
            self._keep_refund(refund)
            if self.behaviour.refunds != "later":
                self._settle_refund(charge, refund, now=now)
            return refund.shown(), True

    def look_up_refund(self, charge_id: str, refund_id: str) -> dict[str, Any]:
        """Return a refund.

        Raises:
            Refused: there is none of that id.
        """
        with self._lock:
            refund = self._known(charge_id).refunds.get(refund_id)
            if refund is None:
                raise Refused(404, "unknown_refund", "There is no such refund.")
            return refund.shown()

    def record(self) -> dict[str, Any]:
        """Return everything, for a shop that compares its books."""
        with self._lock:
            charges = list(self._charges.values())
            refunds = [refund.shown() for each in charges for refund in each.refunds.values()]
            return {"charges": [each.shown() for each in charges], "refunds": refunds}

    def settle_due(self, *, now: float) -> None:
        """Settle what was to be settled by now."""
        with self._lock:
            for charge in [self._charges[charge_id] for charge_id in self._unsettled]:
                if charge.settles_at is not None and charge.settles_at <= now:
                    self._settle(charge, charge.settles_to or ChargeState.SUCCEEDED, now=now)
                slow = [one for one in charge.refunds.values() if one.state == RefundState.PENDING]
                for refund in slow:
                    if refund.created_at + LATER_SECONDS <= now:
                        self._settle_refund(charge, refund, now=now)
                if charge.settles_at is None and not slow:
                    self._unsettled.discard(charge.id)

    def _begin(self, charge: Charge, card: Card, *, now: float) -> None:
        """Take a new charge as far as its card and the behaviour let it come at once."""
        charge.failure_code = card.failure_code if card.course == Course.FAILS else ""
        later = self.behaviour.settle_later_ms / 1_000
        match card.course:
            case Course.FAILS:
                self._settle(charge, ChargeState.FAILED, now=now)
            case Course.NEEDS_ACTION:
                charge.action_url = f"{self.address}/3ds/{charge.id}"
                charge.state = ChargeState.REQUIRES_ACTION
                self._changed(charge)
            case Course.SUCCEEDS if not later:
                self._settle(charge, ChargeState.SUCCEEDED, now=now)
            case _:
                charge.settles_at = now + (later or LATER_SECONDS)
                fails = card.course == Course.FAILS_LATER
                charge.settles_to = ChargeState.FAILED if fails else ChargeState.SUCCEEDED
                self._keep(charge)

    def _settle(self, charge: Charge, state: ChargeState, *, now: float) -> None:
        charge.state, charge.settled_at = state, now
        charge.settles_at = charge.settles_to = None
        if state == ChargeState.FAILED and not charge.failure_code:
            charge.failure_code = card_of(charge.token).failure_code or "card_declined"
        is_late = state != ChargeState.SUCCEEDED and not charge.is_tombstone
        if is_late and self.behaviour.late_success_ms:
            charge.settles_at = now + self.behaviour.late_success_ms / 1_000
            charge.settles_to = ChargeState.SUCCEEDED
        if state == ChargeState.SUCCEEDED:
            charge.failure_code = ""
        self._changed(charge)

    def _settle_refund(self, charge: Charge, refund: Refund, *, now: float) -> None:
        is_failing = self.behaviour.refunds == "failing"
        refund.state = RefundState.FAILED if is_failing else RefundState.SUCCEEDED
        refund.settled_at = now
        charge.events += 1
        news = self._prepare(f"refund.{refund.state}", charge, refund.shown())
        self._keep_refund(refund, news=news)

    def _changed(self, charge: Charge) -> None:
        charge.events += 1
        is_news = not charge.is_tombstone
        kind = f"charge.{charge.state}"
        self._keep(charge, news=self._prepare(kind, charge, charge.shown()) if is_news else ())

    def _keep(self, charge: Charge, *, news: Sequence[dict[str, Any]] = ()) -> None:
        self._write({"charge": charge.kept()}, charge_id=charge.id, news=news)

    def _keep_refund(self, refund: Refund, *, news: Sequence[dict[str, Any]] = ()) -> None:
        kept = {**refund.shown(), "webhook_url": refund.webhook_url}
        self._write({"refund": kept}, charge_id=refund.charge_id, news=news)

    def _write(
        self, entry: dict[str, Any], *, charge_id: str, news: Sequence[dict[str, Any]]
    ) -> None:
        """Write what changed and the news of it in one line, then send the news off.

        Should the journal fail, the process ends: what it remembers from then on would be lost.
        """
        self._unsettled.add(charge_id)
        try:
            self._journal.append({**entry, "deliveries": list(news)})
        except OSError:
            os.abort()
        self._send(list(news))

    def _same(self, charge: Charge, amount_minor: int, currency: str) -> dict[str, Any]:
        is_same = (charge.amount_minor, charge.currency) == (amount_minor, currency)
        if not (is_same or charge.is_tombstone):
            raise Refused(409, "charge_differs", "This id belongs to a charge of another amount.")
        return charge.shown()

    def _known(self, charge_id: str) -> Charge:
        charge = self._charges.get(charge_id)
        if charge is None:
            raise Refused(404, "unknown_charge", "There is no such charge.")
        return charge


def _refuse_refund(charge: Charge, amount_minor: int) -> None:
    if charge.state != ChargeState.SUCCEEDED:
        raise Refused(409, "charge_not_succeeded", "Only a charge that succeeded can be refunded.")
    if charge.refunded_minor + amount_minor > charge.amount_minor:
        raise Refused(422, "refund_exceeds_charge", "Less than that is left of the charge.")
