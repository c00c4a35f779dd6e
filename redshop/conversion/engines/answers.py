"""What another engine found, brought back to PostgreSQL, where the sums of an answer are made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.db import connection

from redshop.conversion.engines.relations import NOTHING

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
_CHUNK: Final = 1 << 20


@contextmanager
def table_of(file: Path) -> Iterator[str]:
    """Yield the name of a table, there for as long as it is used, of credits written as CSV."""
    with connection.cursor() as cursor:
        columns = ", ".join(f"{name} {kind}" for name, kind in CREDIT.items())
        cursor.execute(f"CREATE TEMPORARY TABLE computed_credit ({columns}) ON COMMIT DROP")
        read_into("computed_credit", file)
        yield "computed_credit"
        cursor.execute("DROP TABLE computed_credit")


def read_into(table: str, file: Path) -> None:
    """Add the rows of a CSV file to a table of this transaction."""
    statement = f"COPY {table} FROM STDIN (FORMAT csv, NULL '{NOTHING}')"
    with connection.cursor() as cursor:
        with cursor.copy(statement) as pipe, file.open("rb") as source:
            while part := source.read(_CHUNK):
                pipe.write(part)
        cursor.execute(f"ANALYZE {table}")
