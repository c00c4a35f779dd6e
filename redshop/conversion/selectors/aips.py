"""How near people have come to a brand: awareness, interest, true interest, purchase, share.

The stages are those of the platform that this one is modelled on; the rule of each is stated here
and in every answer, because there is no public one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from redshop.catalog.models import Brand
from redshop.conversion.deeds import Subject, acts_about
from redshop.conversion.rates import rate
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.asking import meta_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.selectors.subjects import KINDS
from redshop.conversion.types import Meta, Period, Rate

VERSION: Final = 1
#: Where no window is named: so long before the end of the days asked for.
WINDOW_DAYS: Final = 90
#: Deep reading: so much of a note, or so long.
DEEP_COMPLETION, DEEP_DWELL_MS = 0.8, 30_000

RULES: Final = {
    "awareness": "Saw a note that showed one of the brand's products.",
    "interest": "Opened or read such a note, or looked at a product of the brand.",
    "true_interest": (
        "Of one product: read deeply (80 % or 30 seconds of a note that showed it) and acted"
        " deeply (saved, commented on or shared such a note, or put it into the cart)."
    ),
    "purchase": "Bought something of the brand and kept it.",
    "share": "Bought something of the brand, kept it, and later published or shared a note on it.",
}
STAGES: Final = tuple(RULES)
_STAGED: Final = f"""
WITH shelf AS (SELECT id FROM catalog_product WHERE brand_id = ANY(%(keys)s)),
{acts_about(Subject.BRAND)},
kept AS (
    SELECT orders_order.buyer_id::text AS actor, line.product_id,
           min(orders_order.paid_at) AS paid_at
    FROM orders_order
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.population = ANY(%(populations)s)
      AND line.product_id IN (SELECT id FROM shelf) AND line.refunded_quantity < line.quantity
    GROUP BY 1, 2
),
shared AS (
    SELECT kept.actor FROM kept
    JOIN about ON about.actor = kept.actor AND about.product_id = kept.product_id
              AND about.kind = 'share' AND about.occurred_at > kept.paid_at
    UNION
    SELECT kept.actor FROM kept
    JOIN notes_producttag ON notes_producttag.product_id = kept.product_id
    JOIN notes_note ON notes_note.id = notes_producttag.note_id
    WHERE notes_note.author_id::text = kept.actor AND notes_note.state = 'published'
      AND notes_note.published_at > kept.paid_at AND notes_note.published_at < %(until)s
),
by_product AS (
    SELECT actor, product_id,
           bool_or(kind = 'impression') AS saw,
           bool_or(kind IN ('note_open', 'read', 'product_view')) AS looked,
           bool_or(kind = 'read' AND (coalesce(completion, 0) >= {DEEP_COMPLETION}
                                      OR coalesce(dwell_ms, 0) >= {DEEP_DWELL_MS}))
           AND bool_or(kind IN ('save', 'comment', 'share', 'cart_add')) AS meant_it
    FROM about WHERE actor IS NOT NULL AND product_id IN (SELECT id FROM shelf)
    GROUP BY actor, product_id
),
people AS (
    SELECT coalesce(seen.actor, bought.actor) AS actor,
           CASE WHEN EXISTS (SELECT FROM shared WHERE shared.actor = bought.actor) THEN 5
                WHEN bought.actor IS NOT NULL THEN 4
                WHEN seen.meant_it THEN 3 WHEN seen.looked THEN 2 ELSE 1 END AS stage
    FROM (SELECT actor, bool_or(saw) AS saw, bool_or(looked) AS looked,
                 bool_or(meant_it) AS meant_it
          FROM by_product GROUP BY actor) AS seen
    FULL JOIN (SELECT DISTINCT actor FROM kept) AS bought ON bought.actor = seen.actor
)
SELECT stage, count(*) AS people FROM people GROUP BY stage
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Question:
    """Which brand's people are asked about, as they stood at the end of the days asked for."""

    brand: Brand
    period: Period
    population: str
    window_days: int = WINDOW_DAYS


@dataclass(frozen=True, slots=True)
class Stage:
    """How many stand at a stage, how many have come at least so far, and who of them went on."""

    key: str
    label: str
    rule: str
    people: int
    reached: int
    of_previous: Rate


@dataclass(frozen=True, slots=True)
class Answer:
    """The stages in order; everybody stands at the deepest that they came to."""

    results: tuple[Stage, ...]
    has_more: bool
    meta: Meta


def aips(question: Question, *, at: datetime) -> Answer:
    """Answer how many people stand at which stage with a brand."""
    until = question.period.until
    rows = rows_of(
        _STAGED,
        {
            "keys": [question.brand.pk],
            "kinds": [kind.value for kind in KINDS.values()],
            "since": until - question.window_days * timedelta(hours=24),
            "until": until,
            "populations": populations.members(question.population),
        },
    )
    people = {row["stage"]: row["people"] for row in rows}
    standing = [people.get(place, 0) for place in range(1, len(STAGES) + 1)]
    reached = [sum(standing[place:]) for place in range(len(STAGES))]
    before = [reached[0], *reached[:-1]]
    return Answer(
        results=tuple(
            Stage(
                name, name.replace("_", " ").capitalize(), rule, there, so_far, rate(so_far, all_)
            )
            for (name, rule), there, so_far, all_ in zip(
                RULES.items(), standing, reached, before, strict=True
            )
        ),
        has_more=False,
        meta=meta_of(
            question,
            definition="aips",
            version=VERSION,
            n=reached[0],
            fresh_at=at,
            notes=[
                f"{question.brand.name}, at the end of the days asked for, by the window before.",
                "Everybody stands at the deepest stage that they came to.",
                *(f"{name}: {rule}" for name, rule in RULES.items()),
            ],
            window_days=question.window_days,
        ),
    )


def label_of(stage: str) -> str:
    """Return what people call a stage."""
    return stage.replace("_", " ").capitalize()
