"""Keeping sums of credits in line with the ledger and the log, exactly once.

Whoever attributes a line leaves a mark in the same transaction. A turn takes marks away, adds those
lines up again and changes the sums by what is different, in one transaction.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from redshop.conversion.models import RollUp
from redshop.conversion.rollups import sales
from redshop.core.db import requires_transaction
from redshop.core.writes import write

#: So many marks are read in one transaction.
MARKS: Final = 5_000
#: From so many on, tables are looked at before they are joined.
MANY: Final = 500
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('conversion sums of sales'))"


@requires_transaction
def mark(line_ids: Collection[int]) -> None:
    """Have the credits of these lines added up again."""
    write(sales.MARK, [list(line_ids)])


@transaction.atomic(durable=True)
def turn(*, at: datetime, most: int = MARKS) -> int:
    """Bring the sums up to what was credited for some lines; return how many marks were read.

    Fewer than ``most`` means that all that was attributed by ``at`` is in the sums now. The first
    turn of all makes them from everything that there is; ``rebuild`` has it do so again.

    Locks: an advisory lock of these sums, under which alone they are written; then the marks.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        rollup = RollUp.objects.filter(pk=RollUp.Of.CREDITS).first() or _begin(cursor)
        with _tables(cursor):
            cursor.execute(sales.TAKE, {"most": most})
            taken = int(cursor.fetchone()[0])
            if taken:
                _read(cursor, is_long=taken >= MANY)
                for statement in sales.FOLLOW:
                    cursor.execute(statement)
    if taken < most:
        rollup.fresh_at = at
    rollup.save()
    return taken


@transaction.atomic(durable=True)
def rebuild() -> None:
    """Forget all sums; the turns that follow make them anew."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        RollUp.objects.filter(pk=RollUp.Of.CREDITS).delete()
        _begin(cursor)


def differences() -> Iterator[str]:
    """Yield how sums differ from those that ledger and log give: first shares, then cells. Lines
    whose marks wait to be read are left out; before the first turn there is nothing to compare."""
    if not RollUp.objects.filter(pk=RollUp.Of.CREDITS).exists():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        with _tables(cursor):
            cursor.execute(sales.ALL_BUT_UNREAD)
            _read(cursor, is_long=True)
            cursor.execute(sales.DIFFERENT_SHARES)
            for what, line_id, model, windows, note_id in cursor.fetchall():
                yield f"{what}: line {line_id}, {model}, note {note_id}, windows {windows:05b}"
        with _tables(cursor):
            cursor.execute(sales.ALL_SHARES)
            cursor.execute(sales.DIFFERENT_CELLS)
            for row in cursor.fetchall():
                yield f"cell {' '.join(map(str, row[:7]))}: {row[7:11]}, should be {row[11:]}"


def _begin(cursor: Any) -> RollUp:
    for table in ("saleshare", "salecell", "unreadsale"):
        cursor.execute(f"DELETE FROM conversion_{table}")  # noqa: S608 - names of ours
    cursor.execute(sales.MARK_ALL)
    return RollUp.objects.create(name=RollUp.Of.CREDITS)


def _read(cursor: Any, *, is_long: bool) -> None:
    """Fill shares_then and shares_now for the lines in marks."""
    if is_long:
        cursor.execute("ANALYZE marks")
    cursor.execute(sales.THEN)
    cursor.execute(sales.NOW, {"zone": settings.PLATFORM_TIME_ZONE})
    if is_long:
        cursor.execute("ANALYZE shares_then, shares_now")


@contextmanager
def _tables(cursor: Any) -> Iterator[None]:
    """Make the tables in which lines are added up again; they go with the transaction."""
    cursor.execute(sales.TABLES)
    yield
    cursor.execute(sales.NO_TABLES)
