"""Creators, products and brands side by side: whom they reached, what was done, sold and kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from redshop.catalog.models import Brand
from redshop.conversion import rules
from redshop.conversion.deeds import Subject, acts_about
from redshop.conversion.selectors import labels
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.selectors.elsewhere import NOTE, LinkOuts, link_outs, no_link_outs
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
from redshop.core.db import snapshot
from redshop.core.money import Money

VERSION: Final = 1


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
_DEEDS: Final = f"""
stood AS (
    SELECT {{distinct}} about.id, about.kind, about.actor, {{key}} AS key
    FROM about
    LEFT JOIN notes_note ON notes_note.id = about.note_id
    LEFT JOIN catalog_product ON catalog_product.id = about.product_id
    WHERE {{key}} IS NOT NULL
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
      AND (%(author_id)s::bigint IS NULL OR notes_note.author_id = %(author_id)s)
      AND (%(keys)s::bigint[] IS NULL OR {{key}} = ANY(%(keys)s))
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
    FROM lines WHERE %(author_id)s::bigint IS NULL GROUP BY 1
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
_EARNED: Final = """
earned AS (
    SELECT key, coalesce(credited.weight, 0)::bigint AS weight,
           coalesce(credited.gross, 0)::bigint AS credited_gross,
           coalesce(credited.refunded, 0)::bigint AS credited_refunded,
           coalesce(sold.lines, 0) AS lines, coalesce(sold.gross, 0)::bigint AS gross,
           coalesce(sold.refunded, 0)::bigint AS refunded,
           coalesce(commission.earned, 0)::bigint AS earned, coalesce({net}, 0)::bigint AS net
    FROM credited FULL JOIN sold USING (key) FULL JOIN commission USING (key)
)"""
#: Who earned anything stands before who did not: of so many it need not be known what else they did
#: to know that they are on the page.
_EARNERS: Final = """
SELECT key FROM earned
WHERE key IS NOT NULL AND net > 0 ORDER BY net DESC, key LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNTS: Final = (*KINDS, "people", "openers", "saw_and_opened", "engaged")
_MONEY: Final = ("weight", "credited_gross", "credited_refunded", "lines", "gross", "refunded")
_ANSWER: Final = f"""
SELECT key, {", ".join(f"coalesce({name}, 0) AS {name}" for name in (*_COUNTS, *_MONEY, "earned"))}
FROM deeds FULL JOIN earned USING (key)
WHERE key IS NOT NULL AND (%(keys)s::bigint[] IS NULL OR key = ANY(%(keys)s))
ORDER BY coalesce(net, 0) DESC, CASE WHEN coalesce(net, 0) = 0 THEN people END DESC NULLS LAST, key
LIMIT %(limit)s OFFSET %(offset)s
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
    ``credited`` is what notes led to of it; ``commission`` is what a creator earned by it;
    ``link_outs`` is what shops elsewhere sold."""

    key: int | str | None
    label: str
    reach: Reach
    engagement: Engagement
    interest: Interest
    credited: Standing
    sold: Standing | None
    commission: Money | None
    link_outs: LinkOuts


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
    with snapshot():
        rows = _rows(question)
    shown = rows[: question.page.limit]
    keys = [row["key"] for row in shown]
    named = labels.named(question.subject.value, keys=[str(key) for key in keys])
    elsewhere = link_outs(question, by=question.subject.value, keys=keys, scope=question.scope)
    return Answer(
        results=tuple(
            _standing(row, named[str(row["key"])], question, elsewhere.get(row["key"]))
            for row in shown
        ),
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
                NOTE,
            ],
        ),
    )


def nothing(brand: Brand, question: Question) -> SubjectStanding:
    """Return the standing of a brand of which nothing is there in the days asked for."""
    elsewhere = link_outs(question, by=Subject.BRAND, keys=[brand.pk])
    return _standing(Counter[str](), (brand.pk, brand.name), question, elsewhere.get(brand.pk))


def _rows(question: Question) -> list[dict[str, Any]]:
    """Return a page of them, and one more: where all of it earned, what they did is looked up by
    index; else everybody's deeds are counted to know who comes next."""
    values = _values(question)
    if values["keys"] is None:
        earners = rows_of(f"WITH {_sales(question)}{_EARNERS}", values)
        if len(earners) == values["limit"]:
            values |= {"keys": [row["key"] for row in earners], "offset": 0}
    subject = question.subject
    of_authors = subject == Subject.AUTHOR
    is_of_brands = question.scope.brand_ids is not None
    acts = acts_about(
        subject if values["keys"] else None,
        by_product=is_of_brands or not of_authors,
        with_productless=of_authors,
    )
    is_repeated = subject == Subject.BRAND or (of_authors and is_of_brands)
    deeds = _DEEDS.format(key=_KEY[subject], distinct="DISTINCT" if is_repeated else "")
    return rows_of(f"WITH {acts},{deeds},{_sales(question)}{_ANSWER}", values)


def _sales(question: Question) -> str:
    """Return the relations that tell what each earned; ``earned`` is the last."""
    subject = question.subject
    sold = {Subject.PRODUCT: "product_id", Subject.BRAND: "brand_id"}.get(subject)
    by = "sold" if sold and question.scope.author_id is None else "credited"
    sales = _SALES.format(
        credit_key=_CREDIT_KEY[subject],
        sold_key=sold or "NULL::bigint",
        is_author="true" if subject == Subject.AUTHOR else "false",
    )
    return f"{sales},{_EARNED.format(net=f'{by}.gross - {by}.refunded')}"


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
    row: Mapping[str, Any],
    name: tuple[int | str | None, str],
    question: Question,
    elsewhere: LinkOuts | None,
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
        link_outs=elsewhere or no_link_outs(currency),
    )


def _tells_commission(question: Question) -> bool:
    """Tell whether all of it may be seen: a brand is not told what creators earn by others."""
    return question.subject == Subject.AUTHOR and question.scope.brand_ids is None
