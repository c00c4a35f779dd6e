"""Keeping sums of the funnel in line with the log, exactly once.

Whatever is written about somebody leaves a mark in its own transaction. A turn takes marks away,
reads those people's events again and changes the sums by what is different, in one transaction: a
turn that dies has not been, and nothing is ever added twice.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from redshop.conversion.chains import STEPS
from redshop.conversion.engines.counting import count_cells
from redshop.conversion.models import RollUp
from redshop.conversion.rollups import cells, reading
from redshop.conversion.rollups.windows import WINDOWS
from redshop.conversion.selectors import lookback
from redshop.core.db import requires_transaction
from redshop.events.models import ArchivedMonth
from redshop.events.partitions import next_month

#: So many marks are read in one transaction.
MARKS: Final = 20_000
#: From so many on, tables are looked at before they are joined, and DuckDB counts.
MANY: Final = 1_000
#: What a long turn may sort in.
MEMORY: Final = "256MB"
#: One turn at a time, whoever starts it.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('conversion roll-ups'))"


@transaction.atomic(durable=True)
def turn(*, at: datetime, most: int = MARKS, many: int = MANY) -> int:
    """Bring the sums up to what was written about some people; return how many marks were read.

    Fewer than ``most`` means that all that was committed by ``at`` is in the sums now. The first
    turn of all makes them from everything that there is; ``rebuild`` has it do so again. From
    ``many`` marks on, DuckDB counts.

    Locks: an advisory lock of roll-ups, under which alone sums are written; then the marks.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        rollup = RollUp.objects.filter(pk=RollUp.Of.FUNNELS).first() or _begin(cursor)
        windows = lookback.days_by_category()
        _mark_what_moved(cursor, rollup, windows, at=at)
        with _tables(cursor):
            cursor.execute(reading.TAKE, {"most": most})
            taken: int = cursor.rowcount
            if taken:
                is_long = taken >= many
                _read(cursor, windows, is_long=is_long)
                _do(cursor, reading.ONLY_CHANGED)
                count_cells(is_long=is_long)
                _do(cursor, reading.FOLLOW)
    if taken < most:
        rollup.fresh_at = at
    rollup.save()
    return taken


@transaction.atomic(durable=True)
def rebuild() -> None:
    """Forget all sums; the turns that follow make them anew from the log.

    Of months that are in the lake alone the ways are kept, and summed again.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        RollUp.objects.filter(pk=RollUp.Of.FUNNELS).delete()
        _begin(cursor)


@requires_transaction
def mark_buyers(*, order_ids: Collection[UUID]) -> None:
    """Have the ways of these orders' buyers read again, since what they kept has changed."""
    with connection.cursor() as cursor:
        cursor.execute(reading.MARK_BUYERS, {"order_ids": list(order_ids)})


def differences() -> Iterator[str]:
    """Yield how sums differ from those that the log gives: first ways from events, then cells and
    takings from ways. People whose marks wait to be read are left out; before the first turn there
    is nothing to compare."""
    if not RollUp.objects.filter(pk=RollUp.Of.FUNNELS).exists():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        with _tables(cursor):
            yield from _different_ways(cursor)
        with _tables(cursor):
            cursor.execute(reading.ALL_WAYS)
            count_cells(is_long=True)
            for statement in cells.DIFFERENT:
                cursor.execute(statement)
                for name, *key, kept, found in cursor.fetchall():
                    yield f"{name} {' '.join(map(str, key))}: {kept}, should be {found}"


def _different_ways(cursor: Any) -> Iterator[str]:
    cursor.execute(
        f"INSERT INTO marks ({reading.EVERYBODY}) UNION {reading.OF_WAYS}", {"steps": list(STEPS)}
    )
    cursor.execute(reading.BUT_UNREAD)
    _read(cursor, lookback.days_by_category(), is_long=True)
    cursor.execute(reading.DIFFERENT)
    for what, actor, product_id, day, note_id in cursor.fetchall():
        yield f"{what}: {actor}, product {product_id}, note {note_id}, since {day}"


@contextmanager
def _tables(cursor: Any) -> Iterator[None]:
    """Make the tables in which somebody's events are read again; they go with the transaction."""
    cursor.execute(reading.TABLES)
    yield
    cursor.execute(reading.NO_TABLES)


def _begin(cursor: Any) -> RollUp:
    horizon = _horizon()
    cursor.execute(
        "DELETE FROM conversion_funnelway WHERE %(horizon)s::date IS NULL OR day >= %(horizon)s",
        {"horizon": horizon},
    )
    cursor.execute("DELETE FROM conversion_funnelcell")
    cursor.execute("DELETE FROM conversion_funneltaking")
    if horizon is not None:
        with _tables(cursor):
            cursor.execute(reading.ALL_WAYS)
            count_cells(is_long=True)
            _do(cursor, (cells.ADD_CELLS, cells.ADD_TAKINGS))
    cursor.execute("DELETE FROM events_unread")
    cursor.execute(reading.MARK_EVERYBODY, {"steps": list(STEPS)})
    return RollUp.objects.create(name=RollUp.Of.FUNNELS)


def _mark_what_moved(cursor: Any, rollup: RollUp, windows: dict[int, int], *, at: datetime) -> None:
    """Mark those whose ways are of categories with another lookback than before; once a day, those
    whose notes or products have become something else. Then cells of nobody are swept away too."""
    lookbacks = {str(category_id): days for category_id, days in windows.items()}
    if rollup.lookbacks != lookbacks:
        changed = [int(pk) for pk, days in lookbacks.items() if rollup.lookbacks.get(pk) != days]
        cursor.execute(reading.MARK_CATEGORIES, {"category_ids": changed})
        rollup.lookbacks = lookbacks
    if rollup.dimensions != at.date():
        cursor.execute(reading.MARK_MOVED)
        cursor.execute("DELETE FROM conversion_funnelcell WHERE people = 0")
        rollup.dimensions = at.date()


def _read(cursor: Any, windows: dict[int, int], *, is_long: bool) -> None:
    """Fill ways_then and ways_now for everybody in marks."""
    longest = max(*WINDOWS, *windows.values())
    values = {
        "steps": list(STEPS),
        "category_ids": list(windows),
        "days": [longest] * len(windows),
        "lookbacks": list(windows.values()),
        "zone": settings.PLATFORM_TIME_ZONE,
        "horizon": _horizon(),
        "brand_ids": None,
        "author_id": None,
    }
    if is_long:
        cursor.execute(f"SET LOCAL work_mem = '{MEMORY}'")
    cursor.execute(reading.WHO)
    if is_long:
        cursor.execute("ANALYZE who")
    cursor.execute(reading.THEN)
    cursor.execute(reading.NOW, values)
    if is_long:
        cursor.execute("ANALYZE ways_then, ways_now")


def _do(cursor: Any, statements: Iterable[str]) -> None:
    for statement in statements:
        cursor.execute(statement)


def _horizon() -> date | None:
    """Return the first day of which the log has every start, None where it has all days.

    The day on which a month begins, in UTC, may be half in the month before.
    """
    gone = ArchivedMonth.objects.filter(detached_at__isnull=False)
    last: date | None = gone.aggregate(last=Max("month"))["last"]
    if last is None:
        return None
    return next_month(datetime.combine(last, time(), tzinfo=UTC)).date() + timedelta(days=1)
