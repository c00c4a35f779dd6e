"""A month of rows as Parquet, and Parquet as rows."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
from django.db import connection

from redshop.events.lake.columns import COUNTED_BY_DUCKDB, DUCKDB
from redshop.events.lake.storage import Storage, StoredFile, duck

#: Nothing and an empty text are different things; the log's texts hold no backslash-N.
_NOTHING: Final = "\\N"
_OUT: Final = (
    "COPY (SELECT {columns} FROM {table}) TO STDOUT"
    " (FORMAT csv, NULL '{nothing}', FORCE_QUOTE ({texts}))"
)
_IN: Final = "COPY {table} ({columns}) FROM STDIN (FORMAT csv, NULL '{nothing}')"
_COLUMNS: Final = ", ".join(DUCKDB)
_TEXTS: Final = ", ".join(name for name, kind in DUCKDB.items() if kind == "VARCHAR")
_CHUNK: Final = 1 << 20
#: Enough for a scan to run on many cores; small enough to read a few minutes of a day.
_ROW_GROUP: Final = 122_880


def take_out(table: str, target: Path) -> None:
    """Write the rows of a partition into a file, as they are in the present transaction."""
    statement = _OUT.format(columns=_COLUMNS, table=table, nothing=_NOTHING, texts=_TEXTS)
    with (
        connection.cursor() as cursor,
        cursor.copy(statement) as pipe,
        target.open("wb") as file,
    ):
        for part in pipe:
            file.write(part)


def put_in(table: str, source: Path) -> None:
    """Append the rows of a file that ``write_rows`` wrote to a table of the log's shape."""
    statement = _IN.format(columns=_COLUMNS, table=table, nothing=_NOTHING)
    with (
        connection.cursor() as cursor,
        cursor.copy(statement) as pipe,
        source.open("rb") as file,
    ):
        while part := file.read(_CHUNK):
            pipe.write(part)


def write_days(
    rows: Path, *, month: date, edition: int, storage: Storage, scratch: Path
) -> list[StoredFile]:
    """Bring the rows of a month into the lake, one file a day that has any, ordered by moment."""
    with duck(scratch / "month.duckdb") as database:
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in DUCKDB.items())
        database.execute(
            f"CREATE TABLE event AS SELECT * FROM read_csv(?, header=false, delim=',', quote='\"',"  # noqa: S608 - constants
            f" escape='\"', nullstr='{_NOTHING}', allow_quoted_nulls=false, auto_detect=false,"
            f" max_line_size=10000000, columns={{{columns}}})",
            [str(rows)],
        )
        return [
            _write_day(database, day, edition=edition, storage=storage, scratch=scratch)
            for day in _days_with_rows(database)
        ]


def counted(storage: Storage, files: Sequence[StoredFile]) -> tuple[int, int]:
    """Return how many rows files of the lake hold, and their checksum."""
    if not files:
        return 0, 0
    with storage.connect() as database:
        row = database.execute(
            f"{COUNTED_BY_DUCKDB} FROM read_parquet(?)",
            [[storage.address(file.path) for file in files]],
        ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return int(row[0]), int(row[1])


def write_rows(storage: Storage, files: Sequence[StoredFile], target: Path) -> None:
    """Write the rows of files of the lake into a file that ``put_in`` understands."""
    with storage.connect() as database:
        database.execute(
            f"COPY (SELECT {_COLUMNS} FROM read_parquet(?)) TO '{target}'"  # noqa: S608 - constants
            f" (FORMAT csv, HEADER false, NULLSTR '{_NOTHING}', FORCE_QUOTE ({_TEXTS}))",
            [[storage.address(file.path) for file in files]],
        )


def _days_with_rows(database: duckdb.DuckDBPyConnection) -> Iterator[date]:
    rows: list[Any] = database.execute(
        "SELECT DISTINCT CAST(occurred_at AT TIME ZONE 'UTC' AS date) AS day FROM event ORDER BY 1"
    ).fetchall()
    for (day,) in rows:
        yield day


def _write_day(
    database: duckdb.DuckDBPyConnection, day: date, *, edition: int, storage: Storage, scratch: Path
) -> StoredFile:
    file, since = scratch / f"{day}.parquet", datetime.combine(day, time(), tzinfo=UTC)
    wrote = database.execute(
        f"COPY (SELECT {_COLUMNS} FROM event WHERE occurred_at >= ? AND occurred_at < ?"  # noqa: S608 - constants
        f" ORDER BY occurred_at, id) TO '{file}'"
        f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})",
        [since, since + timedelta(days=1)],
    ).fetchone()
    assert wrote is not None  # noqa: S101 - COPY answers how many rows
    path = f"events_event/month={day:%Y-%m}/day={day}/part-{edition}.parquet"
    stored = storage.put(file, path, rows=int(wrote[0]))
    file.unlink()
    return stored
