"""The sandbox company, over HTTP (docs/sandbox.md)."""

import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from orders.errors import WebhookRefused
from orders.providers.signatures import check_signature
from orders.providers.types import (
    ABANDONED,
    BackOutcome,
    Charge,
    Hint,
    MoneyBack,
    Outcome,
    Unreachable,
)
from orders.states import PaymentAttempt, RepaymentState

SIGNATURE: Final = "Sandbox-Signature"
PATIENCE_SECONDS: Final = 4.0
MOST_LINES: Final = 16
_CLOSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
WEBHOOK_PATH: Final = "/api/v1/webhooks/payments/sandbox"
_STATES: Final = {
    "pending": PaymentAttempt.PENDING,
    "requires_action": PaymentAttempt.REQUIRES_ACTION,
    "succeeded": PaymentAttempt.SUCCEEDED,
    "failed": PaymentAttempt.FAILED,
    "canceled": PaymentAttempt.FAILED,
}
_REFUNDS: Final = {
    "pending": RepaymentState.PENDING,
    "succeeded": RepaymentState.SUCCEEDED,
    "failed": RepaymentState.FAILED,
}
#: Refusals of a refund that asking again will not change.
_FINAL: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, 422})


class Sandbox:
    """A client whose lines stay open between calls, as many as were needed at once."""

    def __init__(self, url: str, *, secret: str, webhook_secret: str) -> None:
        self._url, self._webhook_secret = urlsplit(url), webhook_secret
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._lines: deque[HTTPConnection] = deque()

    def charge(self, charge: Charge) -> Outcome:
        """Ask for the money."""
        body = {
            "amount_minor": charge.amount.amount_minor,
            "currency": charge.amount.currency,
            "token": charge.token,
            "webhook_url": webhook_url(),
        }
        status, said = self._call("PUT", _path(charge), body)
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return Outcome(state=PaymentAttempt.FAILED, failure_code=_code_of(said))
        return _outcome(said)

    def look_up(self, charge: Charge) -> Outcome | None:
        """Ask how a charge stands."""
        status, said = self._call("GET", _path(charge))
        return None if status == HTTPStatus.NOT_FOUND else _outcome(said)

    def abandon(self, charge: Charge) -> Outcome:
        """Have a charge cancelled, or barred where it never arrived."""
        _, said = self._call("POST", f"{_path(charge)}/cancel", {})
        return _outcome(said)

    def send_back(self, back: MoneyBack) -> BackOutcome:
        """Ask for a refund of the charge."""
        path = f"{_path(back.charge)}/refunds/{back.repayment_id}"
        body = {"amount_minor": back.amount.amount_minor, "webhook_url": webhook_url()}
        status, said = self._call("PUT", path, body)
        if status in _FINAL:
            return BackOutcome(state=RepaymentState.FAILED, failure_code=_code_of(said))
        return BackOutcome(state=_REFUNDS.get(_text(said, "state"), RepaymentState.PENDING))

    def check_webhook(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """Believe what is signed with the secret that we share."""
        header = headers.get(SIGNATURE, "")
        check_signature(header, body, secret=self._webhook_secret, at=at)

    def understand(self, body: bytes) -> Hint:
        """Read which charge an event is about, and how it claims that one stands."""
        try:
            event = json.loads(body)
            kind, data = str(event["type"]), event["data"]
            about = data["charge_id"] if kind.startswith("refund.") else data["id"]
            claims = _STATES.get(str(data["state"])) if kind.startswith("charge.") else None
            return Hint(event_id=str(event["id"]), kind=kind, payment_id=UUID(about), claims=claims)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WebhookRefused("The webhook says nothing that can be understood.") from error

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Call the company; dial again where a line that was kept turns out to have broken.

        Raises:
            Unreachable: there is no answer in time, or none that can be understood.
        """
        kept = self._lines.pop() if self._lines else None
        try:
            return self._ask(kept or self._dial(), method, path, body)
        except (OSError, HTTPException, ValueError) as error:
            if kept is None or isinstance(error, TimeoutError):
                raise Unreachable(str(error)) from error
        try:
            return self._ask(self._dial(), method, path, body)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(str(error)) from error

    def _ask(
        self, line: HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, Any]:
        """Send a demand over a line and keep the line for the next, or close it if it fails."""
        try:
            line.request(method, path, None if body is None else json.dumps(body), self._headers)
            response = line.getresponse()
            content = response.read()
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _CLOSED:
                raise HTTPException(f"the company answers {response.status}")
            said = json.loads(content)
        except BaseException:
            line.close()
            raise
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
        else:
            line.close()
        return response.status, said

    def _dial(self) -> HTTPConnection:
        dial = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        return dial(self._url.hostname or "", self._url.port, timeout=PATIENCE_SECONDS)


def webhook_url() -> str:
    """Return where the company tells us what happens; empty where nobody reaches us."""
    return f"{settings.WEBHOOK_BASE_URL}{WEBHOOK_PATH}" if settings.WEBHOOK_BASE_URL else ""


def _path(charge: Charge) -> str:
    return f"/v1/charges/{charge.payment_id}"


def _outcome(said: Any) -> Outcome:
    """Read a charge as the company shows it.

    Raises:
        Unreachable: it is none.
    """
    state = _STATES.get(_text(said, "state"))
    if state is None:
        raise Unreachable("the company says something else than how the charge stands")
    failure_code = _text(said, "failure_code")
    if state == PaymentAttempt.FAILED and not failure_code:
        failure_code = ABANDONED
    is_open = state == PaymentAttempt.REQUIRES_ACTION
    action_url = _text(said, "action_url") if is_open else ""
    return Outcome(state=state, failure_code=failure_code[:64], action_url=action_url[:200])


def _code_of(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    return _text(error, "code")[:64] or "refused"


def _text(said: Any, name: str) -> str:
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, str) else ""
