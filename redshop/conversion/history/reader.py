"""The lines of a log, read as they are needed: CSV, packed or not, or Parquet."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, Final

import duckdb

from redshop.conversion.history.types import LogUnreadable, RawLine

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_DELIMITERS: Final = ",;\t|"
_LONGEST_HEADER: Final = 64 * 1024
_ENDS: Final = 1 << 20
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Log:
    """A file, or a folder of Parquet files: the names of its columns, how long it is, in what, and
    a digest by which it is known again (of its size, its first and its last mebibyte)."""

    path: Path
    names: tuple[str, ...]
    length: int
    unit: str
    digest: str
    is_parquet: bool


def look_at(path: Path) -> Log:
    """Return what can be told of a log before it is read.

    Raises:
        LogUnreadable: it is no log, or there is nothing in it.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise LogUnreadable(f"There is no Parquet file in {path.name}.")
    digest = blake2b(digest_size=16)
    for file in files:
        _digest(file, digest)
    if path.is_dir() or _begins_with(path, _PARQUET):
        with _parquet(path) as (database, where):
            database.execute("SELECT * FROM read_parquet(?) LIMIT 0", [where])
            names = tuple(column[0] for column in database.description or ())
            (length,) = _first(database, "SELECT count(*) FROM read_parquet(?)", where)
        return Log(path, names, int(length), " lines", digest.hexdigest(), is_parquet=True)
    for header in _csv_rows(path):
        names = tuple(name.strip() for name in header.cells)
        size = path.stat().st_size
        return Log(path, names, size, "B", digest.hexdigest(), is_parquet=False)
    raise LogUnreadable(f"{path.name} is empty.")


def lines_of(log: Log, *, after: int = 0) -> Iterator[RawLine]:
    """Yield the lines after the header, and after the line of a number.

    Raises:
        LogUnreadable: the file is damaged; what was yielded before is good.
    """
    if log.is_parquet:
        yield from _parquet_rows(log, after=after)
        return
    rows = _csv_rows(log.path)
    next(rows, None)
    yield from (row for row in rows if row.number > after)


def _csv_rows(path: Path) -> Iterator[RawLine]:
    number = 1
    try:
        with path.open("rb") as file:
            is_packed = file.peek(2)[:2] == _GZIP
            unpacked = gzip.GzipFile(fileobj=file) if is_packed else file
            text = io.TextIOWrapper(unpacked, "utf-8-sig", errors="replace", newline="")
            header = text.readline(_LONGEST_HEADER)
            rows = csv.reader(chain([header], text), delimiter=_delimiter(header))
            for cells in rows:
                number = rows.line_num
                if cells:
                    yield RawLine(number, file.tell(), tuple(cells))
    except (OSError, EOFError, csv.Error, zlib.error) as error:
        raise LogUnreadable(f"{path.name}, after line {number}: {error}") from error


def _parquet_rows(log: Log, *, after: int) -> Iterator[RawLine]:
    """Yield the rows as texts, numbered like the lines of a CSV file: the first is line 2."""
    number = max(after, 1)
    quoted = (name.replace('"', '""') for name in log.names)
    texts = ", ".join(f"coalesce(CAST(\"{name}\" AS varchar), '')" for name in quoted)
    with _parquet(log.path) as (database, where):
        database.execute(f"SELECT {texts} FROM read_parquet(?) OFFSET {number - 1}", [where])  # noqa: S608 - names are quoted
        while some := database.fetchmany(_AT_ONCE):
            for cells in some:
                number += 1
                yield RawLine(number, number - 1, tuple(cells))


@contextmanager
def _parquet(path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Open a DuckDB, and say where Parquet is, whose rows it reads in the order of the files.

    Raises:
        LogUnreadable: it is damaged, or its files have other columns.
    """
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        try:
            yield database, f"{path}/**/*.parquet" if path.is_dir() else str(path)
        except duckdb.Error as error:
            raise LogUnreadable(f"{path.name}: {error}") from error


def _first(database: duckdb.DuckDBPyConnection, question: str, where: str) -> tuple[Any, ...]:
    row = database.execute(question, [where]).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return tuple(row)


def _begins_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError as error:
        raise LogUnreadable(f"{path.name}: {error}") from error


def _digest(path: Path, digest: "blake2b") -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest.update(f"{size} ".encode() + file.read(_ENDS))
            file.seek(max(size - _ENDS, 0))
            digest.update(file.read(_ENDS))
    except OSError as error:
        raise LogUnreadable(f"{path.name}: {error}") from error


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)
