"""How long it takes from a touch to the sale that it led to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from redshop.conversion.rates import Z, rate
from redshop.conversion.rules import VERSION
from redshop.conversion.selectors import labels
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import EVERYTHING, Meta, Period, Rate, Scope, Slice


class Since(StrEnum):
    """From which touch the time is told."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"


class TimingGroup(StrEnum):
    """What sales are grouped by."""

    CATEGORY = "category"
    BRAND = "brand"
    PRODUCT = "product"
    SURFACE = "surface"
    AUTHOR = "author"
    NOTE = "note"


_KEYS: Final[dict[TimingGroup | None, str]] = {
    None: "'all'",
    TimingGroup.CATEGORY: "catalog_product.category_id::text",
    TimingGroup.BRAND: "catalog_product.brand_id::text",
    TimingGroup.PRODUCT: "line.product_id::text",
    TimingGroup.SURFACE: "nullif(touched.surface, '')",
    TimingGroup.AUTHOR: "touched.author_id::text",
    TimingGroup.NOTE: "touched.note_id::text",
}
#: Whole days of 24 hours by which it is told how many had bought.
WITHIN_DAYS: Final = (1, 3, 7, 15, 30, 60, 90)
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
_HOURS: Final = """
WITH touched AS (
    SELECT credit.line_id, credit.touch_id, credit.note_id, credit.author_id, credit.surface,
           credit.touched_at
    FROM conversion_credit AS credit
    WHERE credit.model = %(since_touch)s AND credit.refund_id IS NULL
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING sum(credit.weight_billionths) > 0
),
timed AS (
    SELECT {key} AS key,
           extract(epoch FROM orders_order.paid_at - touched.touched_at)::double precision / 3600
               AS hours
    FROM orders_order
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    JOIN catalog_product ON catalog_product.id = line.product_id
    JOIN touched ON touched.line_id = line.id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.currency = %(currency)s
      AND orders_order.population = ANY(%(populations)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
      AND (%(author_id)s::bigint IS NULL OR touched.author_id = %(author_id)s)
)
SELECT key, count(*) AS n, avg(hours) AS mean,
       percentile_disc(%(quantiles)s::double precision[]) WITHIN GROUP (ORDER BY hours)
           AS quantiles,
       (array_agg(hours ORDER BY hours))[greatest(
           floor(count(*) / 2.0 - %(z)s * sqrt(count(*)) / 2)::int, 1)] AS low,
       (array_agg(hours ORDER BY hours))[least(
           ceil(count(*) / 2.0 + %(z)s * sqrt(count(*)) / 2)::int + 1, count(*))] AS high,
       {within}
FROM timed GROUP BY key ORDER BY n DESC, key LIMIT %(limit)s OFFSET %(offset)s
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the time that sales took."""

    period: Period
    population: str
    currency: str
    since: Since = Since.FIRST_TOUCH
    group_by: TimingGroup | None = None
    scope: Scope = EVERYTHING
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class Within:
    """How many had bought so many days after the touch."""

    days: int
    share: Rate


@dataclass(frozen=True, slots=True)
class Median:
    """The median with its distribution-free 95 % interval, from order statistics; hours."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the sales of a group took, in hours."""

    key: int | str | None
    label: str
    conversions: int
    mean: float
    median: Median
    p10: float
    p25: float
    p75: float
    p90: float
    within: tuple[Within, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of groups, those with the most sales first."""

    results: tuple[Timing, ...]
    has_more: bool
    meta: Meta


def time_to_convert(question: Question, *, at: datetime) -> Answer:
    """Answer how long it took from the first (or last) touch to the payment.

    Sales without a touch have no such time and are left out; none is longer than its lookback.
    The interval of a median is that of the sign test: order statistics n/2 -+ z sqrt(n)/2
    (Conover 1999, Practical Nonparametric Statistics, 3.2).
    """
    within = ", ".join(
        f"count(*) FILTER (WHERE hours <= {days} * 24) AS within_{days}" for days in WITHIN_DAYS
    )
    rows = rows_of(_HOURS.format(key=_KEYS[question.group_by], within=within), _values(question))
    shown = rows[: question.page.limit]
    named = labels.named(
        question.group_by.value if question.group_by else "all", keys=[row["key"] for row in shown]
    )
    return Answer(
        results=tuple(_timing(row, named[row["key"]]) for row in shown),
        has_more=len(rows) > question.page.limit,
        meta=meta_of(
            question,
            definition=f"time_to_convert.{question.since}",
            version=VERSION,
            n=sum(row["n"] for row in shown),
            fresh_at=at,
            notes=["Hours from the touch to the payment; sales without a touch are left out."],
        ),
    )


def _values(question: Question) -> dict[str, Any]:
    return {
        **values_of(question),
        "since_touch": question.since.value,
        "quantiles": list(QUANTILES),
        "z": Z,
    }


def _timing(row: Mapping[str, Any], name: labels.Name) -> Timing:
    p10, p25, median, p75, p90 = row["quantiles"]
    return Timing(
        key=name[0],
        label=name[1],
        conversions=row["n"],
        mean=row["mean"],
        median=Median(median, row["low"], row["high"]),
        p10=p10,
        p25=p25,
        p75=p75,
        p90=p90,
        within=tuple(Within(days, rate(row[f"within_{days}"], row["n"])) for days in WITHIN_DAYS),
    )
