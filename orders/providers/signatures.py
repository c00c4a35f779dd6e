"""Who sent a webhook, and when: ``t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

from orders.errors import WebhookRefused
from orders.providers.types import TOLERANCE

_MOST_DIGITS: Final = 12


def check_signature(header: str, body: bytes, *, secret: str, at: datetime) -> None:
    """Go on only with what somebody who has the secret signed within five minutes.

    Raises:
        WebhookRefused: the header is missing or malformed, the body is another, or it is old.
    """
    moment, digest = _parts(header)
    expected = signature_of(body, secret=secret, moment=moment)
    if not secret or not hmac.compare_digest(expected.encode(), digest.encode()):
        raise WebhookRefused
    if abs(at - datetime.fromtimestamp(moment, tz=UTC)) > TOLERANCE:
        raise WebhookRefused("The webhook's signature is too old.")


def signature_of(body: bytes, *, secret: str, moment: int) -> str:
    """Return the hex digest for a body at a moment (seconds since 1970)."""
    signed = f"{moment}.".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _parts(header: str) -> tuple[int, str]:
    named = dict(part.strip().partition("=")[::2] for part in header.split(","))
    moment = named.get("t", "")
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= _MOST_DIGITS):
        raise WebhookRefused
    return int(moment), named.get("v1", "")
