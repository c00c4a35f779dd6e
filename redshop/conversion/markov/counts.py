"""How often paths go on from one group to another: counted by SQL, at most so many groups.

A path is what a model with touches divides: the touches of a sale. What did not convert is a path
as well: what would count as touches, had the person bought the product at the moment of their last
touch. Touches of somebody nobody knows are their visitor's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from redshop.conversion.rules import CLICKS, PROVENANCE, TOUCHES, VIEW_HOURS
from redshop.conversion.selectors import lookback
from redshop.conversion.types import CreditGroup

#: The most groups that are told apart; the others are one.
MOST_GROUPS: Final = 1_000
START, CONVERSION, NOTHING = "start", "conversion", "nothing"

#: What a touch is a state of, in terms of its note (``notes_note``) and itself (``touch``). A note
#: of several topics passes through them, in the order in which they were made.
_STATES: Final = {
    CreditGroup.NOTE: "touch.note_id::text",
    CreditGroup.AUTHOR: "notes_note.author_id::text",
    CreditGroup.SURFACE: "nullif(touch.surface, '')",
    CreditGroup.PROVENANCE: PROVENANCE,
    CreditGroup.TOPIC: "notes_note_topics.topic_id::text",
}
_SOLD: Final = f"""
conversions AS MATERIALIZED (
    SELECT line.id AS line_id, orders_order.buyer_id AS person_id, line.product_id,
           orders_order.paid_at AS converted_at,
           orders_order.paid_at - days.days * INTERVAL '24 hours' AS clicks_since,
           orders_order.paid_at - INTERVAL '{VIEW_HOURS} hours' AS views_since
    FROM orders_order
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    JOIN catalog_product ON catalog_product.id = line.product_id
    JOIN windows AS days ON days.category_id = catalog_product.category_id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
      AND orders_order.currency = %(currency)s
      AND orders_order.population = ANY(%(populations)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
),
path AS MATERIALIZED ({TOUCHES})"""  # noqa: S608 - constants
_OPEN: Final = f"""
acted AS (
    SELECT coalesce(coalesce(event.person_id, events_identity.person_id)::text,
                    event.visitor_id::text) AS actor,
           notes_producttag.product_id, event.id AS event_id, event.occurred_at, event.note_id,
           event.surface, event.kind <> 'impression' AS is_click
    FROM events_event AS event
    LEFT JOIN events_identity ON event.person_id IS NULL
                             AND events_identity.visitor_id = event.visitor_id
    JOIN notes_producttag ON notes_producttag.note_id = event.note_id
                         AND notes_producttag.valid_from <= event.occurred_at
                         AND (notes_producttag.valid_until IS NULL
                              OR notes_producttag.valid_until > event.occurred_at)
    JOIN catalog_product ON catalog_product.id = notes_producttag.product_id
    WHERE event.kind IN ({", ".join(f"'{kind}'" for kind in (*CLICKS, "impression"))})
      AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
      AND event.population = ANY(%(populations)s) AND event.suspicion = ''
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
),
bought AS (
    SELECT orders_order.buyer_id::text AS actor, line.product_id,
           max(orders_order.paid_at) AS paid_at
    FROM orders_order JOIN orders_orderline AS line ON line.order_id = orders_order.id
    WHERE orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
    GROUP BY 1, 2
),
unsold AS (
    SELECT acted.*, max(acted.occurred_at) OVER (
               PARTITION BY acted.actor, acted.product_id) AS last_at
    FROM acted
    LEFT JOIN bought ON bought.actor = acted.actor AND bought.product_id = acted.product_id
    WHERE acted.actor IS NOT NULL
      AND (bought.paid_at IS NULL OR acted.occurred_at > bought.paid_at)
),
recent AS (
    SELECT unsold.*, bool_or(is_click) OVER (
               PARTITION BY unsold.actor, unsold.product_id) AS has_click
    FROM unsold
    JOIN catalog_product ON catalog_product.id = unsold.product_id
    JOIN windows AS days ON days.category_id = catalog_product.category_id
    WHERE unsold.occurred_at >= unsold.last_at - CASE
        WHEN is_click THEN days.days * INTERVAL '24 hours' ELSE INTERVAL '{VIEW_HOURS} hours' END
)"""  # noqa: S608 - constants
_STEPS: Final = """
WITH windows AS (
    SELECT category_id, coalesce(%(window_days)s, days) AS days FROM ({lookback}) AS kept
),
{sold},
{open},
touch AS (
    SELECT 'sold ' || line_id AS path_id, occurred_at, event_id, note_id, surface, TRUE AS converts
    FROM path
    UNION ALL
    SELECT actor || ' ' || product_id, occurred_at, event_id, note_id, surface, FALSE
    FROM recent WHERE is_click = has_click
)
SELECT path_id, row_number() OVER (PARTITION BY path_id ORDER BY occurred_at, event_id, topic)
           AS place,
       state, CASE WHEN converts THEN 1 ELSE 0 END AS converted,
       CASE WHEN converts THEN 0 ELSE 1 END AS unconverted
FROM (
    SELECT touch.*, {topic} AS topic, coalesce({state}, '') AS state
    FROM touch
    JOIN notes_note ON notes_note.id = touch.note_id
    {topics}
) AS stated
"""
#: ``steps`` has path_id, place, state, and how many paths like it converted and did not. Answers
#: state, next and count; whatever is not among the most frequent groups of paths that converted is
#: one group, named NULL.
TRANSITIONS: Final = f"""
WITH chosen AS (
    SELECT state FROM steps GROUP BY state
    ORDER BY sum(converted) DESC, count(*) DESC, state LIMIT {MOST_GROUPS - 1}
),
told AS (
    SELECT steps.path_id, steps.place, chosen.state, converted, unconverted
    FROM steps LEFT JOIN chosen ON chosen.state = steps.state
),
moved AS (
    SELECT told.*, lead(state) OVER by_place AS next,
           lead(place) OVER by_place IS NULL AS is_last
    FROM told WINDOW by_place AS (PARTITION BY path_id ORDER BY place)
)
SELECT '{START}' AS kind, NULL AS state, state AS next, sum(converted + unconverted)
FROM moved WHERE place = 1 GROUP BY state
UNION ALL
SELECT 'move', state, next, sum(converted + unconverted)
FROM moved WHERE NOT is_last GROUP BY state, next
UNION ALL
SELECT '{CONVERSION}', state, NULL, sum(converted) FROM moved WHERE is_last GROUP BY state
UNION ALL
SELECT '{NOTHING}', state, NULL, sum(unconverted) FROM moved WHERE is_last GROUP BY state
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Counted:
    """How often paths went on: the groups in order, and what ``removal_effects`` takes.

    A group named None is all that are not told apart; one named "" is what has no name.
    """

    groups: list[str | None]
    counts: NDArray[np.float64]


def count(values: Mapping[str, Any], *, group_by: CreditGroup) -> Counted:
    """Count the paths of a time; ``values`` has since, until, populations, currency, brand_ids and
    window_days (none: each category's lookback)."""
    topics = "LEFT JOIN notes_note_topics ON notes_note_topics.note_id = notes_note.id"
    is_topic = group_by == CreditGroup.TOPIC
    steps = _STEPS.format(
        lookback=lookback.DAYS_BY_CATEGORY,
        sold=_SOLD,
        open=_OPEN,
        state=_STATES[group_by],
        topic="notes_note_topics.topic_id" if is_topic else "NULL",
        topics=topics if is_topic else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH steps AS MATERIALIZED ({steps}) SELECT * FROM ({TRANSITIONS}) AS counted",  # noqa: S608 - constants
            values,
        )
        return arranged(cursor.fetchall())


def arranged(rows: list[tuple[str, str | None, str | None, Any]]) -> Counted:
    """Arrange what TRANSITIONS answers."""
    named = {state for kind, state, _, _ in rows if kind != START}
    groups = sorted(named, key=lambda state: (state is None, state or ""))
    place = {state: number for number, state in enumerate(groups)}
    counts = np.zeros((len(groups) + 1, len(groups) + 2))
    for kind, state, following, many in rows:
        row = 0 if kind == START else place[state] + 1
        column = {CONVERSION: len(groups), NOTHING: len(groups) + 1}.get(kind)
        counts[row, place[following] if column is None else column] += float(many)
    return Counted(groups, counts)
