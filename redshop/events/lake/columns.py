"""The columns of the log as PostgreSQL and DuckDB name them, and a checksum that both can tell."""

from typing import Final

from redshop.events.services.writing import COLUMNS

#: Every column, by the name of its type in DuckDB.
DUCKDB: Final = {
    name: {"text": "VARCHAR", "double precision": "DOUBLE"}.get(kind, kind.upper())
    for name, kind in COLUMNS.items()
}
#: What stands between the fields of a row and for an absent one; no field holds either.
_BETWEEN, _ABSENT = "chr(31)", "chr(30)"


def _told(name: str, kind: str, *, micros: str) -> str:
    """Return a column as text that both engines write alike; doubles to 2^-53."""
    if kind == "timestamptz":
        said = micros.format(name)
    elif kind == "double precision":
        said = f"CAST(floor({name} * 9007199254740992) AS bigint)"
    else:
        said = name
    return f"coalesce(CAST({said} AS varchar), {_ABSENT})"


def _row(*, micros: str) -> str:
    told = [_told(name, kind, micros=micros) for name, kind in COLUMNS.items()]
    return f" || {_BETWEEN} || ".join(told)


#: How many rows there are, and the sum of the first 60 bits of the MD5 of each: whatever their
#: order, and whichever engine asks.
COUNTED: Final = (
    "SELECT count(*), coalesce(sum(CAST(CAST('x' || substr(md5({}), 1, 15) AS bit(60)) AS bigint)),"
    " 0)".format(_row(micros="CAST(extract(epoch FROM {}) * 1000000 AS bigint)"))
)
COUNTED_BY_DUCKDB: Final = (
    "SELECT count(*), coalesce(sum(CAST('0x' || substr(md5({}), 1, 15) AS bigint)), 0)".format(
        _row(micros="epoch_us({})")
    )
)
