"""Signed messages from outside: who sent them, and that they are fresh."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from orders.errors import SignatureInvalid

#: How far a message's own moment may be from ours, either way.
WINDOW: Final = timedelta(minutes=5)
_SHAPE: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(body: bytes, *, secret: str, at: datetime) -> str:
    """Return the header of a message: its moment, and the HMAC-SHA256 of moment and raw body."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_digest(body, secret=secret, moment=moment)}"


def verify(body: bytes, *, header: str, secret: str, at: datetime) -> None:
    """Go on only with a message that was signed with the secret at about this moment.

    Raises:
        SignatureInvalid: it was not, or there is no secret to believe anyone by.
    """
    found = _SHAPE.fullmatch(header)
    if not secret or found is None:
        raise SignatureInvalid
    moment = int(found[1])
    expected = _digest(body, secret=secret, moment=moment)
    is_theirs = hmac.compare_digest(found[2], expected)
    if not is_theirs or abs(at.timestamp() - moment) > WINDOW.total_seconds():
        raise SignatureInvalid


def _digest(body: bytes, *, secret: str, moment: int) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
