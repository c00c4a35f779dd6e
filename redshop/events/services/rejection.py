"""Rows that could not be taken, kept aside for the analyst with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7
from redshop.events.models import RejectedEvent

LONGEST_BODY: Final = 2_000
LONGEST_ID: Final = 64
LONGEST_MESSAGE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row as it came, why it was not taken, and by what it is known when it comes again."""

    person_id: int | None
    visitor_id: UUID | None
    event_id: str
    code: str
    message: str
    body: str
    fingerprint: UUID | None


@requires_transaction
def set_aside(rows: Sequence[Rejected], *, received_at: datetime) -> None:
    """Keep bad rows, cut to what is readable; one that comes again leaves no second copy."""
    RejectedEvent.objects.bulk_create(
        [
            RejectedEvent(
                received_at=received_at,
                person_id=row.person_id,
                visitor_id=row.visitor_id,
                event_id=row.event_id[:LONGEST_ID],
                code=row.code,
                message=readable(row.message)[:LONGEST_MESSAGE],
                body=readable(row.body)[:LONGEST_BODY],
                fingerprint=row.fingerprint or uuid7(),
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def fingerprint(*parts: str) -> UUID:
    """Return what is the same for the same parts and for no others."""
    text = "\x1f".join(parts).encode("utf-8", "backslashreplace")
    return UUID(bytes=blake2b(text, digest_size=16).digest())


def readable(text: str) -> str:
    """Replace what neither PostgreSQL nor UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
