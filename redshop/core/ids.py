"""Identifiers: UUIDv7, which sort by the moment they were made."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat


def uuid7(at: datetime | None = None) -> UUID:
    """Return a new UUIDv7, stamped with ``at`` where a simulated or past moment is meant."""
    if at is None:
        return uuid_utils.compat.uuid7()
    return uuid_utils.compat.uuid7(nanoseconds=int(at.timestamp()) * 10**9 + at.microsecond * 1_000)
