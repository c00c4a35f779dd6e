"""Monthly partitions of the behaviour log."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from django.db import connection, transaction

from redshop.events.errors import MonthIsArchived

#: Months of which this process knows that their partition is there, committed.
_known: set[datetime] = set()

_PRESENT: Final = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events_event'::regclass
"""
_ARCHIVED: Final = """
SELECT month FROM events_archivedmonth
WHERE detached_at IS NOT NULL AND month = ANY(%s)
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

    Raises:
        MonthIsArchived: a month lies in the lake alone; half of it here would be taken for all.
    """
    missing = {month_of(moment) for moment in moments} - _known
    lacking = {name_of(month): month for month in missing}
    if missing and not lacking.keys() <= _present():
        _refuse_archived([month.date() for month in missing])
        _make(lacking)
    if missing:
        transaction.on_commit(lambda: _known.update(missing))


def ensure(*, since: datetime, until: datetime) -> list[str]:
    """Make the partitions that events between the two moments need; return the new ones' names.

    Writers are not held up: a table is made by itself and then attached.

    Locks: an advisory lock, where some partition is missing, for the transaction.
    """
    months = _months(since, until)
    return [] if months.keys() <= _present() else _make(months)


def _make(months: Mapping[str, datetime]) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('events_event partitions'))")
        missing = months.keys() - _present()
        for name in sorted(missing):
            make_table(name)
            attach(name, month=months[name])
    return sorted(missing)


def make_table(name: str) -> None:
    """Make a table that can become a partition.

    It is vacuumed whenever it grew by a fiftieth: so attribution reads almost all touches from the
    index alone, which needs to know that rows are visible to everybody.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {name} (LIKE events_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            " WITH (autovacuum_vacuum_insert_scale_factor = 0.02)"
        )


def attach(name: str, *, month: datetime) -> None:
    """Make a table the partition of a month, whose indexes and triggers it gets."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE events_event ATTACH PARTITION {name} FOR VALUES "
            f"FROM ('{month.isoformat()}') TO ('{next_month(month).isoformat()}')"
        )


def tidy() -> None:
    """Let the server know at once what came with a large import, as it would by itself later.

    Within a transaction it only counts; nothing is swept then.
    """
    how = "ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)"
    with connection.cursor() as cursor:
        cursor.execute(f"{how} events_event")


def name_of(month: date) -> str:
    """Return the name of the partition of a month."""
    return f"events_event_{month:%Y_%m}"


def months() -> list[date]:
    """Return the first days of the months that the log has a partition for, in order."""
    return sorted(
        datetime.strptime(name, "events_event_%Y_%m").replace(tzinfo=UTC).date()
        for name in _present()
    )


def _months(since: datetime, until: datetime) -> dict[str, datetime]:
    """Return the partitions of an interval: name and first instant."""
    month, months = month_of(since), {}
    while month <= until:
        months[name_of(month)] = month
        month = next_month(month)
    return months


def _refuse_archived(months: list[date]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ARCHIVED, [months])
        for (month,) in cursor:
            raise MonthIsArchived(f"{month:%Y-%m} lies in the lake alone; restore it first.")


def _present() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT)
        return {name for (name,) in cursor}
