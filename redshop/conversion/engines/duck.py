"""Questions over the lake, answered by DuckDB."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
from django.db import connection

from redshop.conversion.engines import relations
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.engines.relations import EVENTS, NOTHING, Relation
from redshop.conversion.rules import TOUCHES, shares
from redshop.conversion.types import AttributionModel
from redshop.events.lake import months
from redshop.events.lake.storage import Storage, storage
from redshop.events.models import ArchivedMonth

#: What an answer about attribution needs of each credit.
CREDIT: Final = {
    "line_id": "bigint",
    "refund_id": "uuid",
    "note_id": "bigint",
    "author_id": "bigint",
    "surface": "text",
    "provenance": "text",
    "weight": "bigint",
    "amount_minor": "bigint",
}
_SPAN: Final = "SELECT min(clicks_since), max(converted_at) FROM conversions"


@dataclass(frozen=True, slots=True)
class Sources:
    """Which months are read from which files of the lake; the others are read from the log."""

    months: list[date]
    files: list[str]


def sources(*, since: datetime, until: datetime, lake: Storage) -> Sources:
    """Return where the events between two moments are read from."""
    first = since.astimezone(UTC).date().replace(day=1)
    rows = list(ArchivedMonth.objects.verified().filter(month__gte=first, month__lte=until))
    start = since.astimezone(UTC).date()
    days = {str(start + timedelta(days=n)) for n in range(_days(since, until))}
    return Sources(
        [row.month for row in rows],
        [
            lake.address(file.path)
            for row in rows
            for file in months.files_of(row)
            if file.path.rpartition("day=")[2].partition("/")[0] in days
        ],
    )


@contextmanager
def credited(*, lines: str, values: Mapping[str, Any], model: AttributionModel) -> Iterator[str]:
    """Credit the conversions in question anew, over the lake and what is not there yet.

    ``lines`` (with ``values``) answers the ids of their lines; ``values`` has ``window_days``.
    Yields the name of a table with the columns of CREDIT. All of it is of one moment where the
    caller's transaction is a ``snapshot``.
    """
    with tempfile.TemporaryDirectory(prefix="redshop-question-") as folder:
        answer = Path(folder) / "answer.csv"
        with asked(lines=lines, values=values) as database:
            answer_shares(database, model=model, target=answer)
        with connection.cursor() as cursor:
            columns = ", ".join(f"{name} {kind}" for name, kind in CREDIT.items())
            cursor.execute(f"CREATE TEMPORARY TABLE computed_credit ({columns}) ON COMMIT DROP")
            with cursor.copy(
                f"COPY computed_credit FROM STDIN (FORMAT csv, NULL '{NOTHING}')"
            ) as pipe:
                pipe.write(answer.read_bytes())
            cursor.execute("ANALYZE computed_credit")
        yield "computed_credit"
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE computed_credit")


def answer_shares(
    database: duckdb.DuckDBPyConnection, *, model: AttributionModel, target: Path
) -> None:
    """Divide the conversions of a database that has all relations; write the credits as CSV."""
    touches = said_in(Dialect.DUCKDB, TOUCHES)
    database.execute(f"CREATE TABLE path AS {touches}")
    divided = said_in(Dialect.DUCKDB, shares((model,)))
    database.execute(
        f"COPY (SELECT {', '.join(CREDIT)} FROM ({divided}) AS answer) TO '{target}'"  # noqa: S608 - constants
        f" (FORMAT csv, HEADER false, NULLSTR '{NOTHING}')"
    )


def load(database: duckdb.DuckDBPyConnection, relation: Relation, source: Path) -> None:
    """Make a table of a relation that ``copy_out`` wrote."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in relation.columns.items())
    database.execute(
        f"CREATE TABLE {relation.name} AS SELECT * FROM read_csv('{source}', header=false,"  # noqa: S608 - constants
        f" delim=',', quote='\"', escape='\"', nullstr='{NOTHING}', allow_quoted_nulls=false,"
        f" auto_detect=false, columns={{{columns}}})"
    )


@contextmanager
def asked(*, lines: str, values: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database that has every relation of a question, its events as a view."""
    lake = storage()
    with (
        tempfile.TemporaryDirectory(prefix="redshop-question-") as name,
        lake.connect() as database,
    ):
        folder = Path(name)
        for relation in relations.relations(lines=lines):
            _bring(database, relation, values, folder)
        row = database.execute(_SPAN).fetchone()
        since, until = row or (None, None)
        found = Sources([], [])
        if since is not None:
            found = sources(since=since, until=until, lake=lake)
        live = relations.live_events(lines=lines, but_not=found.months)
        _bring(database, live, values, folder)
        database.execute(f"CREATE VIEW events_event AS {events_of(found.files)}")
        yield database


def events_of(files: list[str]) -> str:
    """Return the statement that answers what may be a touch, in the lake and beside it."""
    names = ", ".join(EVENTS)
    live = f"SELECT {names} FROM live_event"  # noqa: S608 - constants
    if not files:
        return live
    listed = ", ".join(f"'{file}'" for file in files)
    return (
        f"{live} UNION ALL SELECT {names} FROM read_parquet([{listed}])"  # noqa: S608 - constants
        f" WHERE note_id IS NOT NULL AND kind IN ({relations.KINDS})"
    )


def _bring(
    database: duckdb.DuckDBPyConnection, relation: Relation, values: Mapping[str, Any], folder: Path
) -> None:
    file = folder / f"{relation.name}.csv"
    relations.copy_out(relation, values, file)
    load(database, relation, file)
    file.unlink()


def _days(since: datetime, until: datetime) -> int:
    return (until.astimezone(UTC).date() - since.astimezone(UTC).date()).days + 1
