"""Many rows at once by PostgreSQL's binary COPY, straight from arrays.

A batch in which each column has values of one length is one array of records in the server's own
format: neither Python nor the server reads it value by value.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from redshop.core.db import requires_transaction

#: Microseconds from 1970 to 2000, from which PostgreSQL counts.
_TO_2000: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
#: What each kind of array is to the server; its integers and floats end with their lowest byte.
_TYPES: Final = {"i8": ">i8", "i4": ">i4", "i2": ">i2", "f8": ">f8", "V16": "V16", "b1": "u1"}
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
#: So many bytes are sent at a time.
_CHUNK: Final = 1 << 20


class NotCopyable(TypeError):
    """An array whose values the server could not take as they are."""


@requires_transaction
def copy(table: str, columns: Mapping[str, NDArray[Any] | str]) -> int:
    """Write rows as they are; return how many. Columns that are left out have their defaults.

    Args:
        columns: int64 for bigint, int32 for integer, int16 for smallint, float64 for double
            precision, bool for boolean, datetime64[us] (UTC) for timestamps, 16 bytes (``V16``)
            for uuid; a text is the same in all rows.

    Raises:
        NotCopyable: an array is of another type, or no column has a length.
    """
    lengths = {len(each) for each in columns.values() if not isinstance(each, str)}
    if len(lengths) != 1:
        raise NotCopyable(f"columns of lengths {sorted(lengths)}")
    (count,) = lengths
    if not count:
        return 0
    rows = _rows(columns, count)
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT binary)') as pipe,
    ):
        pipe.write(_HEAD)
        sent = memoryview(rows.tobytes())
        for start in range(0, len(sent), _CHUNK):
            pipe.write(sent[start : start + _CHUNK])
        pipe.write(_END)
    return count


def _rows(columns: Mapping[str, NDArray[Any] | str], count: int) -> NDArray[Any]:
    """Return the records: how many columns, and before each value its length in bytes."""
    given = {name: _given(name, each) for name, each in columns.items()}
    fields: list[tuple[str, Any]] = [("columns", ">i2")]
    for name, values in given.items():
        fields += [(f"length of {name}", ">i4"), (name, values.dtype)]
    records = np.empty(count, dtype=fields)
    records["columns"] = len(columns)
    for name, values in given.items():
        records[f"length of {name}"] = values.dtype.itemsize
        records[name] = values
    return records


def _given(name: str, values: NDArray[Any] | str) -> NDArray[Any]:
    if isinstance(values, str):
        return np.array(np.void(values.encode()))
    if values.dtype.kind == "M":
        since_2000 = values.astype("datetime64[us]").astype(np.int64) - _TO_2000
        return since_2000.astype(">i8")
    if (kind := _TYPES.get(values.dtype.str.lstrip("<>|="))) is None:
        raise NotCopyable(f"{name} is of type {values.dtype}")
    return values.astype(kind)
