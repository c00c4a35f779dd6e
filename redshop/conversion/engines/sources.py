"""Where the events of a question are read from: files of the lake, and the log for the rest."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from redshop.events.lake import months
from redshop.events.lake.storage import Storage
from redshop.events.models import ArchivedMonth


@dataclass(frozen=True, slots=True)
class Sources:
    """Which months are read from which files of the lake; the others are read from the log."""

    months: list[date]
    files: list[str]


def sources(*, since: datetime, until: datetime, lake: Storage) -> Sources:
    """Return where the events between two moments are read from."""
    start, end = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    days = {str(start + timedelta(days=n)) for n in range((end - start).days + 1)}
    rows = list(
        ArchivedMonth.objects.verified().filter(month__gte=start.replace(day=1), month__lte=end)
    )
    return Sources(
        [row.month for row in rows],
        [
            lake.address(file.path)
            for row in rows
            for file in months.files_of(row)
            if file.path.rpartition("day=")[2].partition("/")[0] in days
        ],
    )
