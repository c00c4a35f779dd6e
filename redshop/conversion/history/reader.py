"""The lines of a CSV file, packed or not, read as they are needed."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from redshop.conversion.history.types import LogUnreadable, RawLine

_GZIP: Final = b"\x1f\x8b"
_DELIMITERS: Final = ",;\t|"
_LONGEST_HEADER: Final = 64 * 1024


def names_of(path: Path) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises:
        LogUnreadable: there is no such file, or it cannot be read.
    """
    for header in _rows(path):
        return tuple(name.strip() for name in header.cells)
    raise LogUnreadable(f"{path.name} is empty.")


def lines_of(path: Path) -> Iterator[RawLine]:
    """Yield the lines after the header.

    Raises:
        LogUnreadable: the file is damaged; what was yielded before is good.
    """
    rows = _rows(path)
    next(rows, None)
    yield from rows


def _rows(path: Path) -> Iterator[RawLine]:
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


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)
