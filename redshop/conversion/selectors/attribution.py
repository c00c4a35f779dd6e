"""What notes earned: credits summed by note, author, surface, provenance, topic or day.

Whatever is not credited to anything, because it had no touch or waits for its turn, is counted
as unattributed, so that the parts always add up to everything that was paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Min

from orders.models import Order
from redshop.conversion import rules
from redshop.conversion.engines import duck, spark
from redshop.conversion.selectors import computed, labels, populations, rolled_sales, topics
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.types import (
    EVERYTHING,
    AttributionModel,
    Basis,
    CreditGroup,
    Engine,
    Meta,
    Period,
    Scope,
    Slice,
    Standing,
)
from redshop.core import outbox
from redshop.core.db import snapshot
from redshop.core.money import Money
from redshop.events.models import ArchivedMonth

#: So many conversions are attributed anew by PostgreSQL; more, by DuckDB, which reads the lake.
MOST_COMPUTED: Final = 20_000

#: A month that begins so long before a moment may still hold it.
_MONTH: Final = timedelta(days=31)
_MOMENT: Final = {Basis.ORDER: "orders_order.paid_at", Basis.REFUND: "orders_refund.refunded_at"}
_KEY: Final = {
    CreditGroup.NOTE: "note_id::text",
    CreditGroup.AUTHOR: "author_id::text",
    CreditGroup.SURFACE: "nullif(surface, '')",
    CreditGroup.PROVENANCE: "provenance",
    CreditGroup.TOPIC: "topic_id::text",
    CreditGroup.DAY: "((moment AT TIME ZONE %(zone)s)::date)::text",
}
_LEDGER: Final = (
    "SELECT line_id, refund_id, note_id, author_id, surface, provenance,"
    " weight_billionths AS weight, amount_minor FROM conversion_credit WHERE model = %(model)s"
)
#: The lines that an answer is about, where credits are computed anew.
_LINES: Final = """
SELECT line.id
FROM orders_order
JOIN orders_orderline AS line ON line.order_id = orders_order.id
JOIN catalog_product ON catalog_product.id = line.product_id
WHERE ((orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s)
       OR EXISTS (SELECT FROM orders_refund
                  WHERE orders_refund.order_id = orders_order.id AND %(is_by_refund)s
                    AND orders_refund.refunded_at >= %(since)s
                    AND orders_refund.refunded_at < %(until)s))
  AND orders_order.currency = %(currency)s
  AND orders_order.population = ANY(%(populations)s)
  AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
"""
#: What a question with a window of its own reaches back to, and how many conversions it is about.
_REACH: Final = f"""
SELECT count(*), min(paid_at) - %(window_days)s * INTERVAL '24 hours'
FROM orders_orderline AS line JOIN orders_order ON orders_order.id = line.order_id
WHERE orders_order.paid_at IS NOT NULL AND line.id IN ({_LINES})
"""  # noqa: S608 - constants
_STATEMENT: Final = """
WITH sold AS (
    SELECT line.id AS line_id, line.total_minor, orders_order.paid_at AS moment
    FROM orders_order
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    JOIN catalog_product ON catalog_product.id = line.product_id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.currency = %(currency)s
      AND orders_order.population = ANY(%(populations)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
),
given_back AS (
    SELECT line.id AS line_id, orders_refund.id AS refund_id, refunded.amount_minor,
           {moment} AS moment
    FROM orders_refund
    JOIN orders_refundline AS refunded ON refunded.refund_id = orders_refund.id
    JOIN orders_orderline AS line ON line.id = refunded.line_id
    JOIN orders_order ON orders_order.id = line.order_id
    JOIN catalog_product ON catalog_product.id = line.product_id
    WHERE {moment} >= %(since)s AND {moment} < %(until)s
      AND orders_order.currency = %(currency)s
      AND orders_order.population = ANY(%(populations)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
),
credits AS NOT MATERIALIZED ({credits}),
entries AS (
    SELECT sold.line_id, sold.moment, note_id, author_id, surface, provenance,
           weight, credits.amount_minor AS gross, 0 AS refunded
    FROM sold JOIN credits ON credits.line_id = sold.line_id AND credits.refund_id IS NULL
    WHERE %(author_id)s::bigint IS NULL OR author_id = %(author_id)s
    UNION ALL
    SELECT given_back.line_id, given_back.moment, note_id, author_id, surface, provenance,
           0, 0, -credits.amount_minor
    FROM given_back JOIN credits ON credits.line_id = given_back.line_id
                                AND credits.refund_id = given_back.refund_id
    WHERE %(author_id)s::bigint IS NULL OR author_id = %(author_id)s
),
by_note AS (
    SELECT note_id, sum(weight)::bigint AS weight, sum(gross)::bigint AS gross,
           sum(refunded)::bigint AS refunded
    FROM entries GROUP BY note_id
),
pieces AS ({pieces}),
grouped AS (
    SELECT {key} AS key, sum(weight)::bigint AS weight, sum(gross)::bigint AS gross,
           sum(refunded)::bigint AS refunded
    FROM pieces GROUP BY 1
    HAVING sum(weight) <> 0 OR sum(gross) <> 0 OR sum(refunded) <> 0
)
SELECT 'total' AS part, NULL AS key,
       (SELECT count(*) FROM sold) * {whole},
       (SELECT coalesce(sum(total_minor), 0) FROM sold)::bigint,
       (SELECT coalesce(sum(amount_minor), 0) FROM given_back)::bigint
UNION ALL
SELECT 'credited', NULL, coalesce(sum(weight), 0)::bigint, coalesce(sum(gross), 0)::bigint,
       coalesce(sum(refunded), 0)::bigint
FROM grouped
UNION ALL
SELECT 'lines', NULL, count(DISTINCT line_id), 0, 0 FROM entries
UNION ALL
SELECT 'waiting', NULL, count(*), 0, 0
FROM sold WHERE NOT EXISTS (
    SELECT 1 FROM conversion_attribution WHERE conversion_attribution.line_id = sold.line_id)
UNION ALL
(SELECT 'group', key, weight, gross, refunded FROM grouped
 ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s)
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about credits; by which engine matters to those with a window of their own,
    and to nothing but how long they take."""

    period: Period
    population: str
    currency: str
    model: AttributionModel = AttributionModel.LAST_TOUCH
    group_by: CreditGroup = CreditGroup.NOTE
    basis: Basis = Basis.ORDER
    window_days: int | None = None
    engine: Engine | None = None
    scope: Scope = EVERYTHING
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of groups, the best first (days in order); with the rest they make up the total."""

    results: tuple[Standing, ...]
    unattributed: Standing
    total: Standing
    has_more: bool
    meta: Meta


def attribution(question: Question, *, at: datetime) -> Answer:
    """Answer what was credited to whom; ``unattributed`` is all that no group has."""
    rolled_at = rolled_sales.fresh_at(question, at=at)
    rows = _ask(question) if rolled_at is None else rolled_sales.rows(question)
    sums = {part: numbers for part, _, *numbers in rows if part != "group"}
    groups = [(key, *numbers) for part, key, *numbers in rows if part == "group"]
    shown = groups[: question.page.limit]
    is_of_one_author = question.scope.author_id is not None
    whole = sums["credited"] if is_of_one_author else sums["total"]
    rest = [all_of - part for all_of, part in zip(whole, sums["credited"], strict=True)]
    named = labels.of_credits(question.group_by, keys=[key for key, *_ in shown])
    return Answer(
        results=tuple(
            _standing(*named[key], numbers, question.currency) for key, *numbers in shown
        ),
        unattributed=_standing(None, "Unattributed", rest, question.currency),
        total=_standing(None, "Total", whole, question.currency),
        has_more=len(groups) > question.page.limit,
        meta=_meta(
            question,
            n=sums["lines"][0] if is_of_one_author else sums["total"][0] // rules.WHOLE,
            waiting=0 if is_of_one_author or rolled_at else sums["waiting"][0],
            at=at,
            rolled_at=rolled_at,
        ),
    )


def first_day(*, population: str, zone: ZoneInfo) -> date | None:
    """Return the day of the first payment there is, None where there is none."""
    paid = Order.objects.filter(population__in=populations.members(population))
    first: datetime | None = paid.aggregate(first=Min("paid_at"))["first"]
    return None if first is None else first.astimezone(zone).date()


def _ask(question: Question) -> list[Any]:
    if question.window_days is None:
        return _sum(question, _LEDGER)
    with snapshot():
        if (question.engine or _engine_for(question)) == Engine.POSTGRESQL:
            return _sum(question, computed.by_postgres(lines=_LINES, model=question.model))
        credited = spark.credited if question.engine == Engine.SPARK else duck.credited
        with credited(lines=_LINES, values=_values(question), model=question.model) as table:
            return _sum(question, f"SELECT * FROM {table}")  # noqa: S608 - a name of ours


def _engine_for(question: Question) -> Engine:
    """Return who answers soonest: PostgreSQL, unless it would be long or has not all of it."""
    with connection.cursor() as cursor:
        cursor.execute(_REACH, _values(question))
        conversions, since = cursor.fetchone()
    if since is None:
        return Engine.POSTGRESQL
    gone = ArchivedMonth.objects.filter(detached_at__isnull=False, month__gte=since - _MONTH)
    is_long = conversions > MOST_COMPUTED or gone.exists()
    return Engine.DUCKDB if is_long else Engine.POSTGRESQL


def _sum(question: Question, credits_: str) -> list[Any]:
    statement = _STATEMENT.format(
        moment=_MOMENT[question.basis],
        credits=credits_,
        pieces=topics.BY_TOPIC if question.group_by == CreditGroup.TOPIC else "TABLE entries",
        key=_KEY[question.group_by],
        whole=rules.WHOLE,
        order="key" if question.group_by == CreditGroup.DAY else "gross - refunded DESC, key",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(question))
        return list(cursor.fetchall())


def _values(question: Question) -> dict[str, Any]:
    return {
        **values_of(question),
        "model": question.model.value,
        "window_days": question.window_days,
        "is_by_refund": question.basis == Basis.REFUND,
    }


def _standing(key: int | str | None, label: str, numbers: Sequence[int], currency: str) -> Standing:
    weight, gross, refunded = numbers
    return Standing(
        key=key,
        label=label,
        conversions=weight / rules.WHOLE,
        gross=Money(gross, currency),
        refunded=Money(refunded, currency),
    )


def _meta(
    question: Question, *, n: int, waiting: int, at: datetime, rolled_at: datetime | None
) -> Meta:
    notes = ["Refunds count on the day of the " + question.basis.value + "."]
    if question.window_days is None:
        notes.append("The window is the lookback of each product's category.")
    if question.group_by == CreditGroup.TOPIC:
        notes.append("A note's credit is divided equally among its topics.")
    if waiting:
        notes.append(f"{waiting} conversions wait to be attributed and count as unattributed.")
    if rolled_at is not None:
        notes.append("From sums that are kept up with the ledger.")
    known_at = at - timedelta(seconds=outbox.backlog(at=at).oldest_due_seconds)
    return meta_of(
        question,
        definition=f"attribution.{question.model}",
        version=rules.VERSION,
        n=n,
        fresh_at=known_at if rolled_at is None else min(known_at, rolled_at),
        notes=notes,
        window_days=question.window_days,
    )
