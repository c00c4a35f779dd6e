"""Creators, products and brands side by side: whom they reached, what was done, sold and kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from redshop.catalog.models import Brand
from redshop.conversion import rules
from redshop.conversion.selectors import labels
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.selectors.subjects import (
    ENGAGING,
    KINDS,
    Engagement,
    Interest,
    Reach,
    engagement_of,
    interest_of,
    reach_of,
)
from redshop.conversion.types import (
    EVERYTHING,
    AttributionModel,
    Meta,
    Period,
    Scope,
    Slice,
    Standing,
)
from redshop.core.money import Money

VERSION: Final = 1


class Subject(StrEnum):
    """What stands side by side."""

    AUTHOR = "author"
    PRODUCT = "product"
    BRAND = "brand"


_KEY: Final = {
    Subject.AUTHOR: "notes_note.author_id",
    Subject.PRODUCT: "about.product_id",
    Subject.BRAND: "catalog_product.brand_id",
}
_CREDIT_KEY: Final = {
    Subject.AUTHOR: "credit.author_id",
    Subject.PRODUCT: "line.product_id",
    Subject.BRAND: "catalog_product.brand_id",
}
#: An act is about its product, or about every product that its note showed at the time; a creator
#: is stood for by any act on a note of theirs, whatever it shows.
_ABOUT: Final = """
acts AS (
    SELECT event.id, event.kind, event.occurred_at, event.note_id, event.product_id,
           coalesce(coalesce(event.person_id, events_identity.person_id)::text,
                    event.visitor_id::text) AS actor
    FROM events_event AS event
    LEFT JOIN events_identity ON event.person_id IS NULL
                             AND events_identity.visitor_id = event.visitor_id
    WHERE event.kind = ANY(%(kinds)s)
      AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
      AND event.population = ANY(%(populations)s) AND event.suspicion = ''
),
about AS (
    SELECT acts.* FROM acts WHERE acts.product_id IS NOT NULL
    UNION ALL
    SELECT acts.id, acts.kind, acts.occurred_at, acts.note_id, notes_producttag.product_id,
           acts.actor
    FROM acts
    {join} JOIN notes_producttag
      ON notes_producttag.note_id = acts.note_id
     AND notes_producttag.valid_from <= acts.occurred_at
     AND (notes_producttag.valid_until IS NULL OR notes_producttag.valid_until > acts.occurred_at)
    WHERE acts.product_id IS NULL
)"""
_DEEDS: Final = f"""
stood AS (
    SELECT DISTINCT about.id, about.kind, about.actor, {{key}} AS key
    FROM about
    LEFT JOIN notes_note ON notes_note.id = about.note_id
    LEFT JOIN catalog_product ON catalog_product.id = about.product_id
    WHERE {{key}} IS NOT NULL
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
      AND (%(author_id)s::bigint IS NULL OR notes_note.author_id = %(author_id)s)
),
people AS (
    SELECT key, actor, {
    ", ".join(f"count(*) FILTER (WHERE kind = '{kind}') AS {name}" for name, kind in KINDS.items())
}
    FROM stood GROUP BY key, actor
),
deeds AS (
    SELECT key, {", ".join(f"sum({name})::bigint AS {name}" for name in KINDS)},
           count(*) FILTER (WHERE impressions > 0) AS people,
           count(*) FILTER (WHERE opens > 0) AS openers,
           count(*) FILTER (WHERE impressions > 0 AND opens > 0) AS saw_and_opened,
           count(*) FILTER (WHERE {" + ".join(ENGAGING)} > 0) AS engaged
    FROM people GROUP BY key
)"""  # noqa: S608 - constants
_SALES: Final = """
lines AS (
    SELECT line.id, line.product_id, catalog_product.brand_id, line.total_minor,
           line.refunded_minor
    FROM orders_order
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    JOIN catalog_product ON catalog_product.id = line.product_id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.currency = %(currency)s
      AND orders_order.population = ANY(%(populations)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
),
credited AS (
    SELECT {credit_key} AS key,
           sum(credit.weight_billionths) FILTER (WHERE credit.refund_id IS NULL) AS weight,
           sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NULL) AS gross,
           -sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NOT NULL) AS refunded
    FROM lines AS line
    JOIN conversion_credit AS credit ON credit.line_id = line.id AND credit.model = %(model)s
    JOIN catalog_product ON catalog_product.id = line.product_id
    WHERE %(author_id)s::bigint IS NULL OR credit.author_id = %(author_id)s
    GROUP BY 1
),
sold AS (
    SELECT {sold_key} AS key, count(*) AS lines, sum(total_minor) AS gross,
           sum(refunded_minor) AS refunded
    FROM lines GROUP BY 1
),
commission AS (
    SELECT orders_ledgeraccount.owner::bigint AS key, -sum(entry.amount_minor) AS earned
    FROM orders_order
    JOIN orders_posting AS posting ON posting.order_id = orders_order.id
                                  AND posting.kind IN ('commission', 'claw_back')
    JOIN orders_entry AS entry ON entry.posting_id = posting.id
    JOIN orders_ledgeraccount ON orders_ledgeraccount.id = entry.account_id
                             AND orders_ledgeraccount.kind = 'creator_payable'
                             AND orders_ledgeraccount.currency = %(currency)s
    WHERE {is_author} AND orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.population = ANY(%(populations)s)
    GROUP BY 1
)"""
_ANSWER: Final = f"""
SELECT key, {", ".join(f"coalesce({name}, 0) AS {name}" for name in KINDS)},
       {", ".join(f"coalesce({name}, 0) AS {name}" for name in ("people", "openers"))},
       {", ".join(f"coalesce({name}, 0) AS {name}" for name in ("saw_and_opened", "engaged"))},
       coalesce(credited.weight, 0)::bigint AS weight,
       coalesce(credited.gross, 0)::bigint AS credited_gross,
       coalesce(credited.refunded, 0)::bigint AS credited_refunded,
       coalesce(sold.lines, 0) AS lines, coalesce(sold.gross, 0)::bigint AS gross,
       coalesce(sold.refunded, 0)::bigint AS refunded,
       coalesce(commission.earned, 0)::bigint AS earned
FROM deeds
FULL JOIN credited USING (key) FULL JOIN sold USING (key) FULL JOIN commission USING (key)
WHERE key IS NOT NULL AND (%(keys)s::bigint[] IS NULL OR key = ANY(%(keys)s))
ORDER BY {{net}} DESC, people DESC NULLS LAST, key LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about creators, products or brands."""

    subject: Subject
    period: Period
    population: str
    currency: str
    model: AttributionModel = AttributionModel.LAST_TOUCH
    keys: tuple[int, ...] | None = None
    scope: Scope = EVERYTHING
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class SubjectStanding:
    """One of them. ``sold`` is what orders say, of products and brands, where it may be seen;
    ``credited`` is what notes led to of it; ``commission`` is what a creator earned by it."""

    key: int | str | None
    label: str
    reach: Reach
    engagement: Engagement
    interest: Interest
    credited: Standing
    sold: Standing | None
    commission: Money | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One page, what earned most first."""

    results: tuple[SubjectStanding, ...]
    has_more: bool
    meta: Meta


def standings(question: Question, *, at: datetime) -> Answer:
    """Answer what creators, products or brands did in the days asked for.

    An author sees what their own notes did; of products not what was sold without them.
    """
    rows = rows_of(_statement(question.subject), _values(question))
    shown = rows[: question.page.limit]
    named = labels.named(question.subject.value, keys=[str(row["key"]) for row in shown])
    return Answer(
        results=tuple(_standing(row, named[str(row["key"])], question) for row in shown),
        has_more=len(rows) > question.page.limit,
        meta=meta_of(
            question,
            definition=f"{question.subject}s",
            version=VERSION,
            n=sum(row["people"] for row in shown),
            fresh_at=at,
            notes=[
                "Refunds count on the day of the order.",
                f"Credits are those of {question.model}; n is the people of the rows, added up.",
            ],
        ),
    )


def nothing(brand: Brand, question: Question) -> SubjectStanding:
    """Return the standing of a brand of which nothing is there in the days asked for."""
    none = Counter[str]()
    return _standing(none, (brand.pk, brand.name), question)


def _statement(subject: Subject) -> str:
    sold = {Subject.PRODUCT: "product_id", Subject.BRAND: "brand_id"}.get(subject)
    is_author = subject == Subject.AUTHOR
    parts = [
        _ABOUT.format(join="LEFT" if is_author else ""),
        _DEEDS.format(key=_KEY[subject]),
        _SALES.format(
            credit_key=_CREDIT_KEY[subject],
            sold_key=sold or "NULL::bigint",
            is_author="true" if is_author else "false",
        ),
    ]
    net = "coalesce(sold.gross - sold.refunded, 0)" if sold else "coalesce(credited.gross, 0)"
    return "WITH " + ",".join(parts) + _ANSWER.format(net=net)


def _values(question: Question) -> dict[str, Any]:
    keys = question.keys
    if question.subject == Subject.AUTHOR and question.scope.author_id is not None:
        keys = (question.scope.author_id,)
    return {
        **values_of(question),
        "kinds": [kind.value for kind in KINDS.values()],
        "model": question.model.value,
        "keys": None if keys is None else list(keys),
    }


def _standing(
    row: Mapping[str, Any], name: tuple[int | str | None, str], question: Question
) -> SubjectStanding:
    key, label = name
    currency = question.currency
    is_author = question.subject == Subject.AUTHOR
    sold = Standing(
        key, label, row["lines"], Money(row["gross"], currency), Money(row["refunded"], currency)
    )
    return SubjectStanding(
        key=key,
        label=label,
        reach=reach_of(row),
        engagement=engagement_of(row),
        interest=interest_of(row),
        credited=Standing(
            key,
            label,
            row["weight"] / rules.WHOLE,
            Money(row["credited_gross"], currency),
            Money(row["credited_refunded"], currency),
        ),
        sold=None if is_author or question.scope.author_id is not None else sold,
        commission=Money(row["earned"], currency) if _tells_commission(question) else None,
    )


def _tells_commission(question: Question) -> bool:
    """Tell whether all of it may be seen: a brand is not told what creators earn by others."""
    return question.subject == Subject.AUTHOR and question.scope.brand_ids is None
