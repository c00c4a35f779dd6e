"""Who came back: people who began together, and what they did later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from redshop.conversion.rates import rate
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.asking import meta_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import Meta, Period, Rate, Slice
from redshop.core.money import Money

VERSION: Final = 1


class Beginning(StrEnum):
    """What makes people begin together."""

    JOINED = "joined"
    FIRST_PAID = "first_paid"


class Span(StrEnum):
    """How time is divided: calendar days, weeks from Monday, months, of a time zone."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


#: The spans that a cohort is followed for, its first included.
MOST_SPANS: Final = 14
_BEGINNINGS: Final = {
    Beginning.JOINED: """
        SELECT id AS person_id, joined_at AS began_at FROM accounts_user
        WHERE population = ANY(%(populations)s)
    """,
    Beginning.FIRST_PAID: """
        SELECT buyer_id AS person_id, min(paid_at) AS began_at FROM orders_order
        WHERE population = ANY(%(populations)s) AND paid_at IS NOT NULL
        GROUP BY buyer_id
    """,
}
_COHORTS: Final = """
WITH begun AS ({beginning}),
cohort AS (
    SELECT person_id, began_at,
           date_trunc(%(span)s, began_at AT TIME ZONE %(zone)s)::date AS began_in
    FROM begun WHERE began_at >= %(since)s AND began_at < %(until)s
),
sizes AS (SELECT began_in, count(*) AS size FROM cohort GROUP BY began_in),
active AS (
    SELECT DISTINCT cohort.person_id, cohort.began_in,
           date_trunc(%(span)s, event.occurred_at AT TIME ZONE %(zone)s)::date AS active_in
    FROM cohort
    JOIN events_event AS event ON event.person_id = cohort.person_id
                              AND event.occurred_at >= cohort.began_at
                              AND event.occurred_at < %(latest)s AND event.suspicion = ''
),
bought AS (
    SELECT cohort.began_in,
           date_trunc(%(span)s, orders_order.paid_at AT TIME ZONE %(zone)s)::date AS active_in,
           count(DISTINCT cohort.person_id) AS buyers, count(DISTINCT orders_order.id) AS orders,
           coalesce(sum(line.total_minor - line.refunded_minor)
                    FILTER (WHERE orders_order.currency = %(currency)s), 0) AS net_minor
    FROM cohort
    JOIN orders_order ON orders_order.buyer_id = cohort.person_id
                     AND orders_order.paid_at >= cohort.began_at
                     AND orders_order.paid_at < %(latest)s
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    GROUP BY 1, 2
),
counted AS (
    SELECT began_in, active_in, count(*) AS people FROM active GROUP BY 1, 2
)
SELECT sizes.began_in, sizes.size, active_in, coalesce(people, 0) AS people,
       coalesce(buyers, 0) AS buyers, coalesce(orders, 0) AS orders,
       coalesce(net_minor, 0)::bigint AS net_minor
FROM sizes
LEFT JOIN (counted FULL JOIN bought USING (began_in, active_in)) USING (began_in)
ORDER BY began_in, active_in
"""


@dataclass(frozen=True, slots=True)
class Question:
    """Which cohorts are asked about, and how finely they are followed."""

    period: Period
    population: str
    currency: str
    beginning: Beginning = Beginning.JOINED
    span: Span = Span.WEEK
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class Later:
    """What a cohort did so many spans after its first (0: in it)."""

    offset: int
    active: Rate
    buyers: Rate
    orders: int
    net: Money


@dataclass(frozen=True, slots=True)
class Cohort:
    """People who began in the same span, named by its first day."""

    key: str
    label: str
    size: int
    spans: tuple[Later, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of cohorts, in order."""

    results: tuple[Cohort, ...]
    has_more: bool
    meta: Meta


def cohorts(question: Question, *, at: datetime) -> Answer:
    """Answer who came back, and bought, in each span after they began; up to now."""
    values = {
        "since": question.period.since,
        "until": question.period.until,
        "latest": at,
        "zone": question.period.zone.key,
        "span": question.span.value,
        "currency": question.currency,
        "populations": populations.members(question.population),
    }
    rows = rows_of(_COHORTS.format(beginning=_BEGINNINGS[question.beginning]), values)
    by_beginning: dict[date, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_beginning.setdefault(row["began_in"], []).append(row)
    chosen = list(by_beginning.items())
    page = question.page
    last = at.astimezone(question.period.zone).date()
    return Answer(
        results=tuple(
            _cohort(began, some, question, last=last)
            for began, some in chosen[page.offset : page.offset + page.limit]
        ),
        has_more=len(chosen) > page.offset + page.limit,
        meta=meta_of(
            question,
            definition=f"cohorts.{question.beginning}.{question.span}",
            version=VERSION,
            n=sum(some[0]["size"] for some in by_beginning.values()),
            fresh_at=at,
            notes=[
                "Active: anything in the log. Buyers: paid at least once. Net: what was kept.",
                "The last span shown is not over. Visitors whom nobody knows are in no cohort.",
            ],
        ),
    )


def _cohort(
    began: date, rows: list[Mapping[str, Any]], question: Question, *, last: date
) -> Cohort:
    size = rows[0]["size"]
    by_offset = {
        offset_of(question.span, began, row["active_in"]): row
        for row in rows
        if row["active_in"] is not None
    }
    reached = min(offset_of(question.span, began, last), MOST_SPANS - 1)
    nothing = {"people": 0, "buyers": 0, "orders": 0, "net_minor": 0}
    return Cohort(
        key=str(began),
        label=f"{question.span} of {began}",
        size=size,
        spans=tuple(
            Later(
                offset=offset,
                active=rate(row["people"], size),
                buyers=rate(row["buyers"], size),
                orders=row["orders"],
                net=Money(row["net_minor"], question.currency),
            )
            for offset in range(reached + 1)
            for row in [by_offset.get(offset, nothing)]
        ),
    )


def offset_of(span: Span, began: date, later: date) -> int:
    """Return how many spans a day lies after the span that began on a day; rounded down."""
    if span == Span.MONTH:
        return (later.year - began.year) * 12 + later.month - began.month
    return (later - began).days // (7 if span == Span.WEEK else 1)
