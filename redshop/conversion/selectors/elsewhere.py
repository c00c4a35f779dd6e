"""What shops elsewhere sold of what notes led to: clicks as counted, sales as estimated.

Such sales are no orders and no part of any credit: shops report a sample of them, so that they are
known within an interval only. Each is its click's note's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from orders.sampling import Estimate, total_amount, total_over
from redshop.conversion.selectors.asking import OfPeople
from redshop.conversion.selectors.populations import members
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import EVERYTHING, Scope
from redshop.core.money import Money

#: What a click counts for.
KEYS: Final = {
    "note": "click.note_id",
    "author": "notes_note.author_id",
    "product": "click.product_id",
    "brand": "catalog_product.brand_id",
}
NOTE: Final = (
    "link_outs: clicks to shops elsewhere, and their sales as estimated from the samples that those"
    " shops report, with 95 % intervals; they are no part of any credit."
)
_JOINS: Final = """
JOIN catalog_product ON catalog_product.id = click.product_id
LEFT JOIN notes_note ON notes_note.id = click.note_id
"""
_ASKED: Final = """
{key} = ANY(%(keys)s) AND click.population = ANY(%(populations)s)
AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
AND (%(author_id)s::bigint IS NULL OR notes_note.author_id = %(author_id)s)
"""
_CLICKS: Final = """
SELECT {key} AS key, count(*) AS clicks FROM orders_linkout AS click {joins}
WHERE click.clicked_at >= %(since)s AND click.clicked_at < %(until)s AND {asked} GROUP BY 1
"""
_SALES: Final = """
SELECT {key} AS key, report.sample_share AS share, count(*) AS sampled,
       coalesce(array_agg(sale.amount_minor) FILTER (WHERE sale.currency = %(currency)s), '{{}}')
           AS amounts
FROM orders_linkoutconversion AS sale
JOIN orders_linkoutreport AS report ON report.id = sale.report_id
JOIN orders_linkout AS click ON click.id = sale.click_id {joins}
WHERE sale.converted_at >= %(since)s AND sale.converted_at < %(until)s AND {asked}
GROUP BY 1, 2
"""
_SHARES: Final = """
SELECT DISTINCT sample_share AS share FROM orders_linkoutreport
WHERE since_at < %(until)s AND until_at > %(since)s
"""


class OfMoney(OfPeople, Protocol):
    """A question in one currency."""

    @property
    def currency(self) -> str: ...


@dataclass(frozen=True, slots=True)
class MoneyEstimate:
    """A sum of money, with a 95 % interval."""

    value: Money
    low: Money
    high: Money


@dataclass(frozen=True, slots=True)
class LinkOuts:
    """What came of ways to shops elsewhere: ``sampled`` sales were reported, ``sales`` and
    ``gross`` are what there was in all."""

    clicks: int
    sampled: int
    sales: Estimate
    gross: MoneyEstimate


def link_outs(
    question: OfMoney, *, by: str, keys: Iterable[Any], scope: Scope = EVERYTHING
) -> dict[Any, LinkOuts]:
    """Return what there is of each key (by ``note``, ``author``, ``product`` or ``brand``).

    Clicks are those of the days asked for, sales those that were made in them. Shares of reports
    on these days count where they held nothing of a key, too: nothing seen is not nothing there.
    Keys of which there is neither click nor sale are left out.
    """
    values = {
        "keys": list(keys),
        "since": question.period.since,
        "until": question.period.until,
        "populations": members(question.population),
        "currency": question.currency,
        "brand_ids": None if scope.brand_ids is None else list(scope.brand_ids),
        "author_id": scope.author_id,
    }
    parts = {"key": KEYS[by], "joins": _JOINS, "asked": _ASKED.format(key=KEYS[by])}
    clicks = {row["key"]: row["clicks"] for row in rows_of(_CLICKS.format(**parts), values)}
    sales: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows_of(_SALES.format(**parts), values):
        sales.setdefault(row["key"], []).append(row)
    if not clicks and not sales:
        return {}
    shares = [row["share"] for row in rows_of(_SHARES, values)]
    return {
        key: _estimated(clicks.get(key, 0), sales.get(key, []), shares, question.currency)
        for key in clicks | sales
    }


def no_link_outs(currency: str) -> LinkOuts:
    """Return what there is where nobody was led elsewhere."""
    return _estimated(0, [], [], currency)


def _estimated(
    clicks: int, rows: Iterable[Mapping[str, Any]], shares: Iterable[float], currency: str
) -> LinkOuts:
    found = {row["share"]: row for row in rows}
    counts = dict.fromkeys(shares, 0) | {share: row["sampled"] for share, row in found.items()}
    gross = total_amount({share: row["amounts"] for share, row in found.items()})
    return LinkOuts(
        clicks=clicks,
        sampled=sum(counts.values()),
        sales=total_over(counts),
        gross=MoneyEstimate(
            *(Money(round(minor), currency) for minor in (gross.value, gross.low, gross.high))
        ),
    )
