"""Questions over the lake, answered by DuckDB."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from redshop.conversion.engines import answers, relations
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.engines.relations import EVENTS, NOTHING, Relation
from redshop.conversion.engines.sources import Sources, sources
from redshop.conversion.rules import TOUCHES, shares
from redshop.conversion.types import AttributionModel
from redshop.events.lake.storage import storage

_SPAN: Final = "SELECT min(clicks_since), max(converted_at) FROM conversions"


@dataclass(frozen=True, slots=True)
class Asked:
    """A database that holds the relations of a question, and the files that hold its events.

    The events of months that do not lie in the lake are its table ``live_event``.
    """

    database: duckdb.DuckDBPyConnection
    files: list[str]


@contextmanager
def credited(*, lines: str, values: Mapping[str, Any], model: AttributionModel) -> Iterator[str]:
    """Credit the conversions in question anew, over the lake and what is not there yet.

    ``lines`` (with ``values``) answers the ids of their lines; ``values`` has ``window_days``.
    Yields the name of a table with the columns of ``answers.CREDIT``. All of it is of one moment
    where the caller's transaction is a ``snapshot``.
    """
    with tempfile.TemporaryDirectory(prefix="redshop-question-") as folder:
        answer = Path(folder) / "answer.csv"
        with asked(lines=lines, values=values) as question:
            divide(question.database, model=model, target=answer)
        with answers.table_of(answer) as table:
            yield table


@contextmanager
def asked(*, lines: str, values: Mapping[str, Any]) -> Iterator[Asked]:
    """Yield a database that has every relation of a question, its events as a view."""
    lake = storage()
    with (
        tempfile.TemporaryDirectory(prefix="redshop-question-") as name,
        lake.connect() as database,
    ):
        for relation in relations.relations(lines=lines):
            bring(database, relation, values, Path(name))
        span = database.execute(_SPAN).fetchone()
        found = Sources([], [])
        if span is not None and span[0] is not None:
            found = sources(since=span[0], until=span[1], lake=lake)
        live = relations.live_events(lines=lines, but_not=found.months)
        bring(database, live, values, Path(name))
        database.execute(f"CREATE VIEW events_event AS {_events_of(found.files)}")
        yield Asked(database, found.files)


def divide(database: duckdb.DuckDBPyConnection, *, model: AttributionModel, target: Path) -> None:
    """Divide the conversions of a database that has all relations; write the credits as CSV."""
    touches = said_in(Dialect.DUCKDB, TOUCHES)
    database.execute(f"CREATE TABLE path AS {touches}")
    divided = said_in(Dialect.DUCKDB, shares((model,)))
    database.execute(
        f"COPY (SELECT {', '.join(answers.CREDIT)} FROM ({divided}) AS answer) TO '{target}'"  # noqa: S608 - constants
        f" (FORMAT csv, HEADER false, NULLSTR '{NOTHING}')"
    )


def bring(
    database: duckdb.DuckDBPyConnection, relation: Relation, values: Mapping[str, Any], folder: Path
) -> None:
    """Make a table of a relation, as it is in the present transaction."""
    file = folder / f"{relation.name}.csv"
    relations.copy_out(relation, values, file)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in relation.columns.items())
    database.execute(
        f"CREATE TABLE {relation.name} AS SELECT * FROM read_csv('{file}', header=false,"  # noqa: S608 - constants
        f" delim=',', quote='\"', escape='\"', nullstr='{NOTHING}', allow_quoted_nulls=false,"
        f" auto_detect=false, columns={{{columns}}})"
    )
    file.unlink()


def _events_of(files: list[str]) -> str:
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
