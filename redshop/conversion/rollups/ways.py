"""Who got how far from which start, within each standard window: one ``FunnelWay`` each.

An event belongs to the latest start that leads to it. That start is the same for every window (no
other is nearer), so one walk serves all: within a window are those events that lie no farther from
their start. So a way bears a bit for each measure within each window.
"""

from typing import Final

from redshop.conversion.chains import OPTIONAL, STEPS, acts_of_some, chained
from redshop.conversion.rollups.windows import WINDOWS
from redshop.conversion.rules import PROVENANCE

_MANY: Final = len(WINDOWS)
_LATER: Final = len(STEPS) - 1
#: Measures as the cells know them: 0 the first step, 1 to 5 the later ones, 6 to 10 a later one and
#: the one before from the same start, 11 kept something of what was paid.
FIRST: Final = 0
KEPT: Final = 2 * _LATER + 1
#: Set in every way: the first step was reached, whatever the window.
STARTED: Final = 1 << (KEPT * _MANY)


def bit(measure: int, window: int) -> int:
    """Return the bit that says that a measure was reached within a window."""
    if measure == FIRST:
        return STARTED
    return 1 << ((measure - 1) * _MANY + WINDOWS.index(window))


#: What a note and a product are known as where the way began.
_COLUMNS: Final = {
    "actor": "begun.actor",
    "population": "split_part(begun.actor, ':', 1)",
    "product_id": "begun.about",
    "day": "begun.day",
    "note_id": "begun.note_id",
    "surface": "begun.surface",
    "currency": "begun.currency",
    "provenance": f"coalesce({PROVENANCE}, '')",
    "note_type": "coalesce(notes_note.type, '')",
    "author_id": "notes_note.author_id",
    "topic_ids": """coalesce((SELECT array_agg(topic_id ORDER BY topic_id)
                     FROM notes_note_topics
                     WHERE notes_note_topics.note_id = begun.note_id), '{}')""",
    "category_id": "catalog_product.category_id",
    "brand_id": "catalog_product.brand_id",
    "reached": "begun.reached",
    "net_minor": "begun.net_minor",
}
NAMES: Final = tuple(_COLUMNS)
KEY: Final = ("actor", "product_id", "day", "note_id", "surface", "currency")

#: A bit for each window that an act lies within.
_FITS: Final = " | ".join(
    f"CASE WHEN chained.occurred_at - chained.began <= {days} * INTERVAL '24 hours'"
    f" THEN {1 << place} ELSE 0 END"
    for place, days in enumerate(["lookbacks.days", *WINDOWS[1:]])
)
_WALKED: Final = f"""
lookbacks AS (
    SELECT * FROM unnest(%(category_ids)s::bigint[], %(lookbacks)s::int[]) AS given (id, days)
),
walked AS MATERIALIZED (
    SELECT chained.*, ({_FITS})::bigint AS fits
    FROM chained
    JOIN catalog_product ON catalog_product.id = chained.about
    JOIN lookbacks ON lookbacks.id = catalog_product.category_id
),
bought AS (
    SELECT actor, about, start, order_id, bit_or(fits) AS fits
    FROM walked WHERE step = {_LATER} GROUP BY actor, about, start, order_id
),
kept AS (
    SELECT bought.*, orders_order.currency,
           sum(line.quantity - line.refunded_quantity) AS units,
           sum(line.total_minor - line.refunded_minor) AS net_minor
    FROM bought
    JOIN orders_order ON orders_order.id = bought.order_id
    JOIN orders_orderline AS line ON line.order_id = bought.order_id
                                 AND line.product_id = bought.about
    GROUP BY actor, about, start, bought.order_id, fits, orders_order.currency
)"""  # noqa: S608 - constants
#: Acts and sales of a start are put together by grouping, not by joins: relations of which the
#: planner knows nothing are joined in time that grows with the square of what somebody did.
#: Where a step and the one before were reached within a window, the window's bits of both meet when
#: those of the one before are shifted by a step; the first step is always there.
_BEGUN: Final = f"""
pieces AS (
    SELECT actor, about, start, coalesce(note_id, 0) AS note_id, surface, began, step,
           CASE WHEN step = 0 THEN 0 ELSE fits << ((step - 1) * {_MANY}) END AS steps,
           0 AS keeps, NULL::jsonb AS sale
    FROM walked
    UNION ALL
    SELECT actor, about, start, NULL, NULL, NULL, NULL, 0,
           CASE WHEN units > 0 THEN fits ELSE 0 END,
           jsonb_build_object('currency', currency, {
    ", ".join(
        f"'net{place}', CASE WHEN fits & {1 << place} > 0 THEN net_minor ELSE 0 END"
        for place in range(_MANY)
    )
})
    FROM kept
),
by_start AS (
    SELECT actor, about, max(note_id) FILTER (WHERE step = 0) AS note_id,
           max(surface) FILTER (WHERE step = 0) AS surface,
           (min(began) AT TIME ZONE %(zone)s)::date AS day,
           bit_or(steps) AS steps, bit_or(keeps) AS keeps,
           jsonb_agg(sale) FILTER (WHERE sale IS NOT NULL) AS sales
    FROM pieces GROUP BY actor, about, start
),
starts AS (
    SELECT actor, about, day, note_id, surface, steps, keeps, '' AS currency, {
    ", ".join(f"0::bigint AS net{place}" for place in range(_MANY))
}
    FROM by_start
    UNION ALL
    SELECT actor, about, day, note_id, surface, steps, keeps, sale.currency, {
    ", ".join(f"sale.net{place}" for place in range(_MANY))
}
    FROM by_start
    CROSS JOIN LATERAL jsonb_to_recordset(sales) AS sale (
        currency text, {", ".join(f"net{place} bigint" for place in range(_MANY))})
    WHERE sales IS NOT NULL
),
begun AS (
    SELECT actor, about, day, note_id, surface, currency,
           {STARTED} | bit_or(
               steps
               | ((steps & ((steps << {_MANY}) | {(1 << _MANY) - 1})) << {_LATER * _MANY})
               | (keeps << {(KEPT - 1) * _MANY})) AS reached,
           ARRAY[{", ".join(f"sum(net{place})::bigint" for place in range(_MANY))}] AS net_minor
    FROM starts
    WHERE %(horizon)s::date IS NULL OR day >= %(horizon)s
    GROUP BY actor, about, day, note_id, surface, currency
)"""  # noqa: S608 - constants

#: The ways of everybody in the table ``who`` (person_id or visitor_id, and actor, the id as text of
#: whom it turned out to be), but those that began before ``horizon``, whose events may be gone.
#: Parameters: ``steps``, ``category_ids`` with ``days`` (longer than any window) and ``lookbacks``
#: of each, ``zone``, ``horizon``; ``brand_ids`` and ``author_id`` are None.
WAYS: Final = f"""
WITH {acts_of_some(STEPS, actor="event.population || ':' || who.actor")},
{chained(len(STEPS), optional=frozenset(map(STEPS.index, OPTIONAL)))},
{_WALKED},
{_BEGUN}
SELECT {", ".join(f"{expression} AS {name}" for name, expression in _COLUMNS.items())}
FROM begun
JOIN catalog_product ON catalog_product.id = begun.about
LEFT JOIN notes_note ON notes_note.id = begun.note_id
"""  # noqa: S608 - constants
