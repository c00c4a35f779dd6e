"""Monthly partitions of the behaviour log."""

from datetime import UTC, datetime

from django.db import connection


def month_of(moment: datetime) -> datetime:
    """Return the first instant of the moment's month, in UTC."""
    utc = moment.astimezone(UTC)
    return utc.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """Return the first instant of the month after."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def ensure(*, since: datetime, until: datetime) -> list[str]:
    """Make the partitions that events between the two moments need; return the new ones' names."""
    month, made = month_of(since), []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'events_event'::regclass"
        )
        present = {name for (name,) in cursor}
        while month <= until:
            name = f"events_event_{month:%Y_%m}"
            if name not in present:
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF events_event FOR VALUES "
                    f"FROM ('{month.isoformat()}') TO ('{next_month(month).isoformat()}')"
                )
                made.append(name)
            month = next_month(month)
    return made
