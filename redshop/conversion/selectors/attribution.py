"""What notes earned: credits summed by note, author, surface, provenance, topic or day.

Whatever is not credited to anything, because it had no touch or waits for its turn, is counted
as unattributed, so that the parts always add up to everything that was paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from orders.models import OrderLine
from redshop.conversion import rules
from redshop.conversion.errors import RangeTooWide
from redshop.conversion.selectors import labels, paths, populations
from redshop.conversion.types import (
    EVERYTHING,
    AttributionModel,
    Basis,
    CreditGroup,
    Meta,
    Period,
    Scope,
    Share,
    Slice,
    Standing,
)
from redshop.core import outbox
from redshop.core.money import Money

#: So many conversions are attributed anew for one answer with a window of its own.
MOST_COMPUTED: Final = 20_000

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
_COMPUTED: Final = (
    "SELECT * FROM unnest(%(line_ids)s::bigint[], %(refund_ids)s::uuid[], %(note_ids)s::bigint[],"
    " %(author_ids)s::bigint[], %(surfaces)s::text[], %(provenances)s::text[],"
    " %(weights)s::bigint[], %(amounts)s::bigint[])"
    " AS shares (line_id, refund_id, note_id, author_id, surface, provenance, weight,"
    " amount_minor)"
)
#: A credit of a note with several topics is divided among them equally, the earlier topics
#: getting what does not divide (PostgreSQL's / and %% both cut towards zero).
_BY_TOPIC: Final = """
    SELECT entries.moment, entries.note_id, entries.author_id, entries.surface,
           entries.provenance, topics.topic_id,
           part(weight) AS weight, part(gross) AS gross, part(refunded) AS refunded
    FROM entries
    LEFT JOIN (
        SELECT note_id, topic_id,
               row_number() OVER (PARTITION BY note_id ORDER BY topic_id) AS place,
               count(*) OVER (PARTITION BY note_id) AS many
        FROM notes_note_topics
    ) AS topics ON topics.note_id = entries.note_id
"""
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
    """What is asked about credits."""

    period: Period
    population: str
    currency: str
    model: AttributionModel = AttributionModel.LAST_TOUCH
    group_by: CreditGroup = CreditGroup.NOTE
    basis: Basis = Basis.ORDER
    window_days: int | None = None
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
    """Answer what was credited to whom; ``unattributed`` is all that no group has.

    Raises:
        RangeTooWide: a window of its own is asked for over too many conversions.
    """
    rows = _ask(question)
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
            waiting=0 if is_of_one_author else sums["waiting"][0],
            at=at,
        ),
    )


def _ask(question: Question) -> list[Any]:
    window = question.window_days
    statement = _STATEMENT.format(
        moment=_MOMENT[question.basis],
        credits=_LEDGER if window is None else _COMPUTED,
        pieces=_pieces(question.group_by),
        key=_KEY[question.group_by],
        whole=rules.WHOLE,
        order="key" if question.group_by == CreditGroup.DAY else "gross - refunded DESC, key",
    )
    computed = {} if window is None else _computed(question, window)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_values(question), **computed})
        return list(cursor.fetchall())


def _pieces(group_by: CreditGroup) -> str:
    if group_by != CreditGroup.TOPIC:
        return "SELECT * FROM entries"
    part = (
        "CASE WHEN many IS NULL THEN {0} ELSE {0} / many +"
        " CASE WHEN place <= abs({0} %% many) THEN sign({0}) ELSE 0 END END"
    )
    statement = _BY_TOPIC
    for column in ("weight", "gross", "refunded"):
        statement = statement.replace(f"part({column})", part.format(f"entries.{column}"))
    return statement


def _values(question: Question) -> dict[str, Any]:
    brands = question.scope.brand_ids
    return {
        "since": question.period.since,
        "until": question.period.until,
        "zone": question.period.zone.key,
        "currency": question.currency,
        "populations": populations.members(question.population),
        "model": question.model.value,
        "brand_ids": None if brands is None else list(brands),
        "author_id": question.scope.author_id,
        "limit": question.page.limit + 1,
        "offset": question.page.offset,
    }


def _computed(question: Question, days: int) -> dict[str, list[Any]]:
    """Return, as columns, what the conversions in question get with a window of their own."""
    shares = _shares_within(question, days)
    return {
        "line_ids": [line_id for line_id, _ in shares],
        "refund_ids": [share.refund_id for _, share in shares],
        "note_ids": [share.touch.note_id for _, share in shares],
        "author_ids": [share.touch.author_id for _, share in shares],
        "surfaces": [share.touch.surface for _, share in shares],
        "provenances": [share.touch.provenance for _, share in shares],
        "weights": [share.weight_billionths for _, share in shares],
        "amounts": [share.amount_minor for _, share in shares],
    }


def _shares_within(question: Question, days: int) -> list[tuple[int, Share]]:
    found = [
        replace(each, window_days=days) for each in paths.conversions(line_ids=_lines_of(question))
    ]
    return [
        (plan.conversion.line_id, share)
        for plan in paths.plans(found, model=question.model)
        for share in plan.shares
    ]


def _lines_of(question: Question) -> list[int]:
    period = question.period
    in_time = Q(order__paid_at__gte=period.since, order__paid_at__lt=period.until)
    if question.basis == Basis.REFUND:
        in_time |= Q(
            order__refunds__refunded_at__gte=period.since,
            order__refunds__refunded_at__lt=period.until,
        )
    lines = OrderLine.objects.filter(
        in_time,
        order__currency=question.currency,
        order__population__in=populations.members(question.population),
    )
    if question.scope.brand_ids is not None:
        lines = lines.filter(product__brand_id__in=question.scope.brand_ids)
    found = list(lines.distinct().values_list("pk", flat=True)[: MOST_COMPUTED + 1])
    if len(found) > MOST_COMPUTED:
        raise RangeTooWide
    return found


def _standing(key: int | str | None, label: str, numbers: Sequence[int], currency: str) -> Standing:
    weight, gross, refunded = numbers
    return Standing(
        key=key,
        label=label,
        conversions=weight / rules.WHOLE,
        gross=Money(gross, currency),
        refunded=Money(refunded, currency),
    )


def _meta(question: Question, *, n: int, waiting: int, at: datetime) -> Meta:
    notes = ["Refunds count on the day of the " + question.basis.value + "."]
    if question.window_days is None:
        notes.append("The window is the lookback of each product's category.")
    if question.group_by == CreditGroup.TOPIC:
        notes.append("A note's credit is divided equally among its topics.")
    if waiting:
        notes.append(f"{waiting} conversions wait to be attributed and count as unattributed.")
    if question.population == populations.ALL:
        notes.append("Real and simulated people together.")
    behind = outbox.backlog(at=at).oldest_due_seconds
    return Meta(
        definition=f"attribution.{question.model}",
        version=rules.VERSION,
        period=question.period,
        window_days=question.window_days,
        population=question.population,
        n=n,
        fresh_at=at - timedelta(seconds=behind),
        kind=populations.kind_of(question.population),
        notes=tuple(notes),
    )
