"""Credits from sums that Celery keeps: an answer reads days and weeks, and not sales."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import connection

from redshop.conversion.models import RollUp
from redshop.conversion.rollups.sales import TOTAL
from redshop.conversion.rollups.windows import WINDOWS, flag
from redshop.conversion.selectors import populations, sums
from redshop.conversion.selectors.asking import OfSales
from redshop.conversion.selectors.topics import BY_TOPIC
from redshop.conversion.types import (
    EVERYTHING,
    AttributionModel,
    Basis,
    CreditGroup,
    Engine,
)

_WEEK: Final = timedelta(days=7)
_REFUNDED: Final = {
    Basis.ORDER: "refunded_minor",
    Basis.REFUND: "refunded_then_minor",
}
_CELLS: Final = """
    FROM conversion_salecell
    WHERE grain = '{grain}' AND model = {model} AND population = ANY(%(populations)s)
      AND currency = %(currency)s AND day = ANY(%(days)s) AND windows & %(flag)s > 0
"""
#: Of notes there are cells of whole weeks: these first, and what days are left at both ends.
_CELLS_OF_NOTES: Final = """
    FROM (
        SELECT * FROM conversion_salecell
        WHERE grain = 'note_week' AND model = %(model)s AND population = ANY(%(populations)s)
          AND currency = %(currency)s AND day = ANY(%(mondays)s) AND windows & %(flag)s > 0
        UNION ALL
        SELECT * FROM conversion_salecell
        WHERE grain = 'note' AND model = %(model)s AND population = ANY(%(populations)s)
          AND currency = %(currency)s AND day = ANY(%(other_days)s) AND windows & %(flag)s > 0
    ) AS cells
"""
_SUMS: Final = (
    "coalesce(sum(weight), 0)::bigint AS weight, coalesce(sum(gross_minor), 0)::bigint AS gross,"
    " coalesce(sum({refunded}), 0)::bigint AS refunded"
)
_STATEMENT: Final = """
WITH by_key AS (
    SELECT {key} AS key, {sums} {cells} GROUP BY 1
),
{more}
grouped AS (
    SELECT key, weight, gross, refunded FROM {source}
    WHERE weight <> 0 OR gross <> 0 OR refunded <> 0
)
SELECT 'total' AS part, NULL AS key, {sums} {total}
UNION ALL
SELECT 'credited', NULL, {sums} {credited}
UNION ALL
(SELECT 'group', key, weight, gross, refunded FROM grouped
 ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s)
"""
_TOPICS: Final = f"""
by_note AS (SELECT key::bigint AS note_id, weight, gross, refunded FROM by_key),
by_topic AS (
    SELECT topic_id::text AS key, sum(weight)::bigint AS weight, sum(gross)::bigint AS gross,
           sum(refunded)::bigint AS refunded
    FROM ({BY_TOPIC}) AS pieces GROUP BY topic_id
),
"""  # noqa: S608 - constants


class OfCredits(OfSales, Protocol):
    """A question about credits."""

    @property
    def model(self) -> AttributionModel: ...
    @property
    def group_by(self) -> CreditGroup: ...
    @property
    def basis(self) -> Basis: ...
    @property
    def window_days(self) -> int | None: ...
    @property
    def engine(self) -> Engine | None: ...


def fresh_at(question: OfCredits, *, at: datetime) -> datetime | None:
    """Return how fresh the sums are that answer a question, None where none do.

    They are made for the days of the platform, the standard windows and everything. What else is
    asked is answered from the ledger or computed, and so is everything where nobody kept the sums
    up for five minutes.
    """
    is_kept = (
        question.scope == EVERYTHING
        and question.period.zone.key == settings.PLATFORM_TIME_ZONE
        and (question.window_days or 0) in WINDOWS
        and question.engine is None
    )
    return sums.fresh_at(RollUp.Of.CREDITS, at=at) if is_kept else None


def rows(question: OfCredits) -> Sequence[tuple[Any, ...]]:
    """Return the parts of an answer: total, credited and a page of groups, each with its key,
    weight, gross and refunded."""
    period, by_day = question.period, question.group_by == CreditGroup.DAY
    by_topic = question.group_by == CreditGroup.TOPIC
    of_model = "%(model)s"
    grain = {CreditGroup.DAY: "all", CreditGroup.TOPIC: "note"}.get(
        question.group_by, question.group_by.value
    )
    statement = _STATEMENT.format(
        key="day::text" if by_day else "nullif(key, '')",
        sums=_SUMS.format(refunded=_REFUNDED[question.basis]),
        cells=_CELLS_OF_NOTES if grain == "note" else _CELLS.format(grain=grain, model=of_model),
        total=_CELLS.format(grain="all", model=f"'{TOTAL}'"),
        credited=_CELLS.format(grain="all", model=of_model),
        more=_TOPICS if by_topic else "",
        source="by_topic" if by_topic else "by_key",
        order="key" if by_day else "gross - refunded DESC, key",
    )
    days = period.days
    mondays = [day for day in days if day.weekday() == 0 and day + _WEEK <= period.end]
    in_weeks = {monday + timedelta(days=n) for monday in mondays for n in range(7)}
    values = {
        "model": question.model.value,
        "populations": populations.members(question.population),
        "currency": question.currency,
        "days": days,
        "mondays": mondays,
        "other_days": [day for day in days if day not in in_weeks],
        "flag": flag(question.window_days),
        "limit": question.page.limit + 1,
        "offset": question.page.offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
