"""What cells change by, counted by PostgreSQL where it is little, by DuckDB where it is much."""

import tempfile
from pathlib import Path
from typing import Final

from django.db import connection

from redshop.conversion.engines import answers, duck
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.engines.relations import NOTHING, Relation
from redshop.conversion.rollups import cells
from redshop.events.lake.storage import duck as file_of_its_own

#: DuckDB shares a machine with the database; what does not fit goes to the disk.
MEMORY: Final = "1GB"
_RELATIONS: Final = tuple(
    Relation(name, columns, f"SELECT {', '.join(columns)} FROM ({statement}) AS found")  # noqa: S608
    for name, columns, statement in (
        ("ways", cells.WAYS_COLUMNS, cells.WAYS),
        ("way_topics", cells.TOPICS_COLUMNS, cells.TOPICS),
    )
)


def count_cells(*, is_long: bool) -> None:
    """Fill the table ``cell_change`` with what the ways in ``ways_then`` and ``ways_now`` change.

    DuckDB sorts millions of rows some ten times as fast, but has to be brought them.
    """
    if is_long:
        _by_duckdb()
    else:
        with connection.cursor() as cursor:
            cursor.execute(cells.BY_POSTGRES)


def _by_duckdb() -> None:
    with tempfile.TemporaryDirectory(prefix="redshop-counting-") as name:
        folder = Path(name)
        target = folder / "change.csv"
        with file_of_its_own(folder / "count.duckdb") as database:
            database.execute(f"SET memory_limit = '{MEMORY}'")
            for relation in _RELATIONS:
                duck.bring(database, relation, {}, folder)
            database.execute(
                f"COPY ({said_in(Dialect.DUCKDB, cells.CHANGE)}) TO '{target}'"
                f" (FORMAT csv, HEADER false, NULLSTR '{NOTHING}')"
            )
        answers.read_into("cell_change", target)
