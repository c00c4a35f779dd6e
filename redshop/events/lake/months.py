"""Months of the log: sealed, exported to the lake, verified there, detached, restored."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from redshop.events import partitions
from redshop.events.lake import parquet
from redshop.events.lake.columns import COUNTED
from redshop.events.lake.errors import LakeDiffers, MonthNotReady
from redshop.events.lake.storage import Storage, StoredFile, storage
from redshop.events.models import ArchivedMonth
from redshop.events.services.validation import LATEST

#: After a month has ended, and no event of it can be taken any more, what is being written ends.
MARGIN: Final = timedelta(hours=1)
#: The advisory lock that one run of archiving or rewriting at a time holds.
ARCHIVE_LOCK: Final = 0x6C616B65
_SEAL: Final = """
CREATE OR REPLACE TRIGGER archived_month AFTER INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION events_month_changed('{month}')
"""
_PENDING: Final = "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = %s::regclass {and_what})"


def closed(*, at: datetime) -> list[date]:
    """Return the months of the log in which no client's event can be counted any more."""
    return [
        month
        for month in partitions.months()
        if partitions.next_month(_start(month)) + LATEST + MARGIN <= at
    ]


def unverified(*, at: datetime) -> list[date]:
    """Return the closed months of which the lake does not hold everything yet."""
    done = set(ArchivedMonth.objects.verified().values_list("month", flat=True))
    return [month for month in closed(at=at) if month not in done]


def older(*, than_months: int, at: datetime) -> list[date]:
    """Return the verified months still in the log that ended so many months ago, or earlier."""
    there = set(partitions.months())
    rows = ArchivedMonth.objects.verified().filter(detached_at=None).order_by("month")
    now = at.astimezone(UTC)
    return [
        row.month
        for row in rows
        if row.month in there
        and (now.year - row.month.year) * 12 + now.month - row.month.month > than_months
    ]


def export(month: date, *, at: datetime) -> ArchivedMonth:
    """Bring a closed month into the lake and verify it there by count and checksum.

    The month is written as one snapshot sees it. What is written into it later takes the
    verification away, so that a verified month is always whole.

    Raises:
        MonthNotReady: its events may still come, there is no such month, or it lies in the lake
            alone; or it was written to at this moment, and may be exported again.
        LakeDiffers: what lies in the lake is not what was read.
    """
    if month not in closed(at=at):
        raise MonthNotReady(f"{month:%Y-%m} is not closed, or not in the log.")
    sealed = _seal(month)
    lake = storage()
    with tempfile.TemporaryDirectory(prefix="redshop-lake-") as folder:
        scratch = Path(folder)
        counted, changes = _read(month, scratch / "rows.csv")
        edition = sealed.edition + 1
        files = parquet.write_days(
            scratch / "rows.csv", month=month, edition=edition, storage=lake, scratch=scratch
        )
    if parquet.counted(lake, files) != counted:
        raise LakeDiffers(f"{month:%Y-%m} does not lie in the lake as it was written.")
    kept = _finish(month, counted=counted, changes=changes, files=files, edition=edition, at=at)
    _remove(lake, [file for file in files_of(sealed) if file not in files])
    return kept


def verify(month: date, *, at: datetime) -> ArchivedMonth:
    """See that the lake holds a month as it was exported, and as the log has it where it still has.

    Raises:
        MonthNotReady: it was never exported.
        LakeDiffers: a file is missing or damaged, or the log has other rows.
    """
    row = _archived(month)
    _check_files(row)
    if row.detached_at is None:
        with connection.cursor() as cursor:
            cursor.execute(f"{COUNTED} FROM {partitions.name_of(month)}")
            there = cursor.fetchone()
        if (int(there[0]), int(there[1])) != (row.rows, int(row.checksum)):
            ArchivedMonth.objects.filter(pk=month).update(verified_at=None)
            raise LakeDiffers(f"{month:%Y-%m}: the log has other rows than the lake. Export it.")
    ArchivedMonth.objects.filter(pk=month, changes=row.changes).update(verified_at=at)
    return _archived(month)


def detach(month: date, *, at: datetime) -> ArchivedMonth:
    """Take a month out of the log, after the lake was seen to hold every row of it.

    It leaves the log without holding writers up, is compared once more while nobody can write to
    it, and only then dropped; a month that differs stays.

    Raises:
        MonthNotReady: it was never exported, or is out of the log already.
        LakeDiffers: the lake does not hold exactly what the log does.
    """
    if _archived(month).detached_at is not None:
        raise MonthNotReady(f"{month:%Y-%m} lies in the lake alone already.")
    row, table = verify(month, at=at), partitions.name_of(month)
    _leave(table)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        row = ArchivedMonth.objects.locked().get(pk=month)
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"{COUNTED} FROM {table}")
        there = cursor.fetchone()
        is_same = (int(there[0]), int(there[1])) == (row.rows, int(row.checksum))
        if is_same and row.verified_at is not None:
            cursor.execute(f"DROP TABLE {table}")
            row.detached_at = at
            row.save(update_fields=["detached_at"])
        else:
            partitions.attach(table, month=_start(month))
    if row.detached_at is None:
        raise LakeDiffers(f"{month:%Y-%m} was written to meanwhile. Export it again.")
    return row


def restore(month: date, *, at: datetime) -> ArchivedMonth:
    """Bring a month back from the lake into the log, also one of which only the lake knows.

    Raises:
        MonthNotReady: the log has it, or the lake has not.
        LakeDiffers: the lake does not hold what was exported.
    """
    table = partitions.name_of(month)
    if month in partitions.months():
        raise MonthNotReady(f"{month:%Y-%m} is in the log.")
    row = ArchivedMonth.objects.filter(pk=month).first() or _told_by_lake(month)
    _check_files(row)
    with tempfile.TemporaryDirectory(prefix="redshop-lake-") as folder:
        rows = Path(folder) / "rows.csv"
        if row.files:
            parquet.write_rows(storage(), files_of(row), rows)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            partitions.make_table(table)
            if row.files:
                parquet.put_in(table, rows)
            cursor.execute(f"{COUNTED} FROM {table}")
            there = cursor.fetchone()
            if (int(there[0]), int(there[1])) != (row.rows, int(row.checksum)):
                raise LakeDiffers(f"{month:%Y-%m} came back with other rows; nothing was changed.")
            partitions.attach(table, month=_start(month))
            cursor.execute(_SEAL.format(table=table, month=month))
            row.detached_at, row.verified_at = None, at
            row.save()
    return row


def files_of(row: ArchivedMonth) -> list[StoredFile]:
    """Return the files in which a month lies."""
    return [StoredFile(**each) for each in row.files]


def _start(month: date) -> datetime:
    return datetime.combine(month, time(), tzinfo=UTC)


def _archived(month: date) -> ArchivedMonth:
    row = ArchivedMonth.objects.filter(pk=month, exported_at__isnull=False).first()
    if row is None:
        raise MonthNotReady(f"{month:%Y-%m} was never exported.")
    return row


@transaction.atomic(durable=True)
def _seal(month: date) -> ArchivedMonth:
    """From now on, have whoever writes into the month say so; wait for those who are writing."""
    row, _ = ArchivedMonth.objects.get_or_create(month=month)
    with connection.cursor() as cursor:
        cursor.execute(_SEAL.format(table=partitions.name_of(month), month=month))
    return row


@transaction.atomic(durable=True)
def _read(month: date, target: Path) -> tuple[tuple[int, int], int]:
    """Write a month's rows into a file; return their number and checksum, and the changes so far.

    All of it is of one snapshot.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        changes = ArchivedMonth.objects.values_list("changes", flat=True).get(pk=month)
        table = partitions.name_of(month)
        parquet.take_out(table, target)
        cursor.execute(f"{COUNTED} FROM {table}")
        rows, checksum = cursor.fetchone()
    return (int(rows), int(checksum)), changes


def _finish(
    month: date,
    *,
    counted: tuple[int, int],
    changes: int,
    files: Sequence[StoredFile],
    edition: int,
    at: datetime,
) -> ArchivedMonth:
    """Say that the lake holds the month, unless it was written to since it was read."""
    found = {
        "edition": edition,
        "rows": counted[0],
        "checksum": counted[1],
        "files": [asdict(file) for file in files],
    }
    is_whole = ArchivedMonth.objects.filter(pk=month, changes=changes).update(
        **found, exported_at=at, verified_at=at
    )
    if not is_whole:
        _remove(storage(), files)
        raise MonthNotReady(f"{month:%Y-%m} was written to while it was read. Export it again.")
    told = {**found, "month": f"{month:%Y-%m}", "checksum": str(counted[1])}
    storage().write_text(_manifest(month), json.dumps(told, indent=1))
    return _archived(month)


def _manifest(month: date) -> str:
    return f"events_event/month={month:%Y-%m}/_manifest.json"


def _told_by_lake(month: date) -> ArchivedMonth:
    """Return what the lake itself says of a month.

    Raises:
        MonthNotReady: it says nothing.
    """
    try:
        told = json.loads(storage().read_text(_manifest(month)))
    except FileNotFoundError as error:
        raise MonthNotReady(f"{month:%Y-%m} is not in the lake.") from error
    return ArchivedMonth(
        month=month,
        edition=told["edition"],
        rows=told["rows"],
        checksum=int(told["checksum"]),
        files=told["files"],
    )


def _check_files(row: ArchivedMonth) -> None:
    lake, files = storage(), files_of(row)
    for file in files:
        try:
            digest = lake.digest(file.path)
        except OSError as error:
            raise LakeDiffers(f"{file.path} cannot be read: {error}") from error
        if digest != file.sha256:
            raise LakeDiffers(f"{file.path} is not as it was written.")
    if parquet.counted(lake, files) != (row.rows, int(row.checksum)):
        raise LakeDiffers(f"{row}: the lake holds other rows than were exported.")


def _leave(table: str) -> None:
    """Detach a partition without holding writers up; finish what an interrupted run began."""
    with connection.cursor() as cursor:
        cursor.execute(_PENDING.format(and_what="AND inhdetachpending"), [table])
        is_pending = cursor.fetchone()[0]
        cursor.execute(_PENDING.format(and_what=""), [table])
        is_attached = cursor.fetchone()[0]
        if is_attached:
            how = "FINALIZE" if is_pending else "CONCURRENTLY"
            cursor.execute(f"ALTER TABLE events_event DETACH PARTITION {table} {how}")


def _remove(lake: Storage, files: Sequence[StoredFile]) -> None:
    for file in files:
        lake.remove(file.path)
