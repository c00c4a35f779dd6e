"""Monthly partitions of the behaviour log."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction

#: Months of which this process knows that their partition is there, committed.
_known: set[datetime] = set()

_PRESENT: Final = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events_event'::regclass
"""


def month_of(moment: datetime) -> datetime:
    """Return the first instant of the moment's month, in UTC."""
    utc = moment.astimezone(UTC)
    return utc.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """Return the first instant of the month after."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def cover(moments: Iterable[datetime]) -> None:
    """Make the partitions that these moments lack; once known, a month costs nothing.

    Beat makes partitions ahead of time, so that this finds them there unless it stood still.
    """
    missing = {month_of(moment) for moment in moments} - _known
    for month in missing:
        ensure(since=month, until=month)
    if missing:
        transaction.on_commit(lambda: _known.update(missing))


def ensure(*, since: datetime, until: datetime) -> list[str]:
    """Make the partitions that events between the two moments need; return the new ones' names.

    Writers are not held up: a table is made by itself and then attached.

    Locks: an advisory lock, where some partition is missing, for the transaction.
    """
    months = _months(since, until)
    if months.keys() <= _present():
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('events_event partitions'))")
        missing = months.keys() - _present()
        for name in sorted(missing):
            start = months[name]
            cursor.execute(
                f"CREATE TABLE {name}"
                " (LIKE events_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
                f"ALTER TABLE events_event ATTACH PARTITION {name} FOR VALUES "
                f"FROM ('{start.isoformat()}') TO ('{next_month(start).isoformat()}')"
            )
    return sorted(missing)


def _months(since: datetime, until: datetime) -> dict[str, datetime]:
    """Return the partitions of an interval: name and first instant."""
    month, months = month_of(since), {}
    while month <= until:
        months[f"events_event_{month:%Y_%m}"] = month
        month = next_month(month)
    return months


def _present() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT)
        return {name for (name,) in cursor}
