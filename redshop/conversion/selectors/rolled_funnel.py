"""The funnel from sums that Celery keeps: an answer costs the same however long the log is."""

from datetime import datetime
from enum import Enum
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import connection

from redshop.conversion.chains import OPTIONAL, STEPS
from redshop.conversion.models import RollUp
from redshop.conversion.rollups.cells import BOTH, NEVER
from redshop.conversion.rollups.ways import KEPT
from redshop.conversion.rollups.windows import WINDOWS
from redshop.conversion.selectors import populations, sums
from redshop.conversion.selectors.asking import OfSales
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import FunnelGroup, Unit
from redshop.core.db import snapshot

#: Where a stretch of days reaches to the present, one row a day holds all that began on it and did
#: not begin again; else those are added up that lie within.
_WITHIN: Final = {
    "to the present": f"first = ANY(%(days)s) AND last = '{NEVER}'",
    "in the past": "first = ANY(%(days)s) AND last < %(end)s",
    "each day": "first = ANY(%(days)s) AND last = first",
}
_BEYOND: Final = """
SELECT EXISTS (SELECT FROM conversion_funnelcell
               WHERE grain = 'all' AND population = ANY(%(populations)s) AND "window" = 0
                 AND measure = 0 AND first >= %(end)s)
"""
_STATEMENT: Final = """
WITH found AS (
    SELECT {key} AS key, measure, people FROM conversion_funnelcell
    WHERE grain = %(grain)s AND population = ANY(%(populations)s) AND "window" = 0 AND measure = 0
      AND {within} AND {scope}
    UNION ALL
    SELECT {key}, measure, people FROM conversion_funnelcell
    WHERE grain = %(grain)s AND population = ANY(%(populations)s) AND "window" = %(window)s
      AND measure > 0 AND {within} AND {scope}
),
counted AS (
    SELECT key, {counts} FROM found GROUP BY key HAVING sum(people) FILTER (WHERE measure = 0) > 0
),
money AS (
    SELECT {taken} AS key, sum(net_minor)::bigint AS net_minor FROM conversion_funneltaking
    WHERE grain = %(grain)s AND population = ANY(%(populations)s) AND "window" = %(window)s
      AND day = ANY(%(days)s) AND currency = %(currency)s AND {scope}
    GROUP BY 1
),
everybody AS (
    SELECT coalesce(sum(people), 0)::bigint AS n FROM conversion_funnelcell
    WHERE grain = %(whole)s AND population = ANY(%(populations)s) AND "window" = 0 AND measure = 0
      AND {throughout} AND {scope}
)
SELECT nullif(counted.key, '') AS key, {names},
       coalesce(money.net_minor, 0) AS net_minor, everybody.n
FROM counted LEFT JOIN money USING (key) CROSS JOIN everybody
ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s
"""
#: The columns that the statements over the log have, by the measure that they count.
_COLUMNS: Final = {
    **{f"n{step}": step for step in range(len(STEPS))},
    **{f"m{step}": measure for step, measure in BOTH.items()},
    "keep": KEPT,
}


class OfFunnel(OfSales, Protocol):
    """A question about a funnel."""

    @property
    def group_by(self) -> FunnelGroup | None: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def optional(self) -> frozenset[str]: ...
    @property
    def unit(self) -> Unit: ...
    @property
    def window_days(self) -> int | None: ...


class Source(Enum):
    """What answers a question: sums, the log of an author's audience, or all of the log."""

    SUMS = "sums"
    AUDIENCE = "audience"
    LOG = "log"


def source_of(question: OfFunnel, *, at: datetime) -> tuple[Source, datetime]:
    """Return what answers a question, and as of when.

    Sums are made for the usual steps, the days of the platform and the standard windows; for
    everything or one brand. The ways that they are made of tell who was at an author's notes. What
    else is asked is computed from the log, and so is everything where nobody kept the sums up for
    five minutes.
    """
    source = _source_of(question)
    if source == Source.LOG:
        return source, at
    fresh_at = sums.fresh_at(RollUp.Of.FUNNELS, at=at)
    return (Source.LOG, at) if fresh_at is None else (source, fresh_at)


def rows(question: OfFunnel) -> list[dict[str, Any]]:
    """Return the rows that the statement over the log would, as far as the sums have read it."""
    brands = question.scope.brand_ids
    whole = "all" if brands is None else "brand"
    by_itself = {None, FunnelGroup.DAY}
    values = {
        "grain": whole if question.group_by in by_itself else question.group_by,
        "whole": whole,
        "populations": populations.members(question.population),
        "window": question.window_days or 0,
        "days": question.period.days,
        "end": question.period.end,
        "currency": question.currency,
        "brand": None if brands is None else str(brands[0]),
        "limit": question.page.limit + 1,
        "offset": question.page.offset,
    }
    with snapshot():
        return rows_of(_statement(question, is_past=_is_past(values)), values)


def _statement(question: OfFunnel, *, is_past: bool) -> str:
    by_day = question.group_by == FunnelGroup.DAY
    key = {None: "'all'", FunnelGroup.DAY: "{day}::text"}.get(question.group_by, "key")
    throughout = _WITHIN["in the past" if is_past else "to the present"]
    return _STATEMENT.format(
        key=key.format(day="first"),
        taken=key.format(day="day"),
        within=_WITHIN["each day"] if by_day else throughout,
        throughout=throughout,
        scope="true" if question.scope.brand_ids is None else "key = %(brand)s",
        counts=", ".join(
            f"coalesce(sum(people) FILTER (WHERE measure = {measure}), 0)::bigint AS {name}"
            for name, measure in _COLUMNS.items()
        ),
        names=", ".join(_COLUMNS),
        order="key" if by_day else "n0 DESC, key",
    )


def _source_of(question: OfFunnel) -> Source:
    """Return the best source that a question can have, if it is fresh."""
    scope = question.scope
    if question.unit != Unit.PEOPLE or question.steps[0] != STEPS[0]:
        return Source.LOG
    if scope.author_id is not None:
        return Source.AUDIENCE
    is_of_one = scope.brand_ids is None or (
        len(scope.brand_ids) == 1
        and question.group_by in {None, FunnelGroup.DAY, FunnelGroup.BRAND}
    )
    is_usual = (
        question.steps == STEPS
        and question.optional == OPTIONAL
        and question.period.zone.key == settings.PLATFORM_TIME_ZONE
        and (question.window_days or 0) in WINDOWS
    )
    return Source.SUMS if is_of_one and is_usual else Source.LOG


def _is_past(values: dict[str, Any]) -> bool:
    """Tell whether anything began after the days asked for."""
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND, values)
        return bool(cursor.fetchone()[0])
