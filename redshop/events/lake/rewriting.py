"""The lake without somebody: the months that hold more than their number, written anew."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from redshop.core.data_map import as_eraser
from redshop.core.db import session_lock
from redshop.events import partitions
from redshop.events.lake import months
from redshop.events.lake.storage import storage
from redshop.events.models import ArchivedMonth, Forgotten
from redshop.events.services import forgetting

_FOUND: Final = """
SELECT count(*) FROM read_parquet(?)
WHERE (person_id = ? OR person_id IS NULL AND list_contains(?, visitor_id))
  AND (person_id IS NULL OR visitor_id IS NOT NULL OR session_id IS NOT NULL OR query <> '')
"""
_THEIRS: Final = """
SELECT * FROM read_parquet(?)
WHERE person_id = ? OR person_id IS NULL AND list_contains(?, visitor_id)
ORDER BY occurred_at, id
"""


def forget_in_lake(*, at: datetime) -> int:
    """Write the months anew in which somebody who was erased is still found; return how many.

    A month that lies in the lake alone comes back into the log for it, and leaves again. Whoever
    was asked for is forgotten here too when all of it is done; interrupted, it begins again.
    """
    with session_lock(months.ARCHIVE_LOCK):
        asked = list(Forgotten.objects.order_by("pk"))
        exported = ArchivedMonth.objects.filter(exported_at__isnull=False).order_by("month")
        written = [row.month for row in exported if _write_anew(row, asked, at=at)]
        Forgotten.objects.filter(pk__in=[each.pk for each in asked]).delete()
    return len(written)


def _write_anew(row: ArchivedMonth, asked: Sequence[Forgotten], *, at: datetime) -> bool:
    found = [each for each in asked if _is_in(row, each.person_id, each.visitor_ids)]
    if not found:
        return False
    if row.detached_at is None:
        months.export(row.month, at=at)
        return True
    months.restore(row.month, at=at)
    _blank(row.month, found)
    months.export(row.month, at=at)
    months.detach(row.month, at=at)
    return True


def _is_in(row: ArchivedMonth, person_id: int, visitor_ids: Sequence[UUID]) -> bool:
    lake, files = storage(), months.files_of(row)
    if not files:
        return False
    with lake.connect() as database:
        told = database.execute(
            _FOUND,
            [[lake.address(file.path) for file in files], person_id, list(visitor_ids)],
        ).fetchone()
    return bool(told and told[0])


def rows_of(*, person_id: int, visitor_ids: Sequence[UUID]) -> list[dict[str, object]]:
    """Return a person's events of the months that lie in the lake alone, oldest first."""
    lake = storage()
    away = ArchivedMonth.objects.filter(detached_at__isnull=False).order_by("month")
    files = [lake.address(file.path) for row in away for file in months.files_of(row)]
    if not files:
        return []
    with lake.connect() as database:
        found = database.execute(_THEIRS, [files, person_id, list(visitor_ids)])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@transaction.atomic(durable=True)
def _blank(month: date, found: Sequence[Forgotten]) -> None:
    with as_eraser():
        for each in found:
            forgetting.blank(
                partitions.name_of(month), person_id=each.person_id, visitor_ids=each.visitor_ids
            )
