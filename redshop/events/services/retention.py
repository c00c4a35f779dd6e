"""What the log no longer needs."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from redshop.events.suspicion import minute_of

#: How long an id is remembered; longer than its event is taken, so that none counts twice.
LEDGER: Final = timedelta(days=35)
#: How long an analyst can look at bad rows.
REJECTED: Final = timedelta(days=90)
CHUNK: Final = 10_000
#: How long it is known how fast a sender was.
PACE: Final = timedelta(days=1)

_FORGET: Final = """
DELETE FROM {table} WHERE id IN (
    SELECT id FROM {table} WHERE received_at < %s ORDER BY received_at LIMIT %s
)
"""
_FORGET_PACE: Final = """
DELETE FROM events_pace WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM events_pace WHERE minute < %s LIMIT %s
))
"""


def forget_ids(*, at: datetime, limit: int = CHUNK) -> int:
    """Forget ids that were taken more than 35 days ago; return how many, at most ``limit``."""
    return _forget("events_eventid", before=at - LEDGER, limit=limit)


def forget_rejected(*, at: datetime, limit: int = CHUNK) -> int:
    """Delete rows set aside more than 90 days ago; return how many, at most ``limit``."""
    return _forget("events_rejectedevent", before=at - REJECTED, limit=limit)


def forget_pace(*, at: datetime, limit: int = CHUNK) -> int:
    """Forget how fast senders were more than a day ago; return how many minutes, at most."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_PACE, [minute_of(at - PACE), limit])
        return int(cursor.rowcount)


def _forget(table: str, *, before: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET.format(table=table), [before, limit])
        return int(cursor.rowcount)
