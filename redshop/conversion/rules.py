"""Which touches count, and what each model gives them: the definition, once.

The statements are plain relational SQL over named tables and relations that the caller supplies,
in the words of PostgreSQL; ``engines.dialects`` says them in those of other engines, which run them
over the same tables in a lake. So they use nothing but windows, whole numbers and one power; a
division is of whole numbers (BIGINT by BIGINT) unless it divides a DOUBLE PRECISION.
"""

from collections.abc import Collection
from typing import Final

from redshop.conversion.types import AttributionModel

#: Raised whenever a rule below changes what is credited.
VERSION: Final = 2
#: The weight of a whole conversion.
WHOLE: Final = 1_000_000_000
MOST_TOUCHES: Final = 500
VIEW_HOURS: Final = 24
#: Acts on a note that count as clicks; an impression is a view.
CLICKS: Final = (
    "note_open",
    "read",
    "like",
    "save",
    "comment",
    "share",
    "product_view",
    "cart_add",
)

#: How a note is known in statistics: its origin, whether it was paid for, what AI did.
PROVENANCE: Final = (
    "notes_note.origin || CASE WHEN notes_note.is_sponsored THEN '+sponsored' ELSE '' END"
    " || CASE WHEN notes_note.ai_use = 'none' THEN '' ELSE '+ai_' || notes_note.ai_use END"
)

#: ``conversions`` has line_id, person_id, product_id, converted_at, clicks_since, views_since.
#: Answers the touches of each line, the most recent first (``recency`` 1), at most MOST_TOUCHES,
#: with the number of all that counted (``considered``).
TOUCHES: Final = f"""
WITH acts AS (
    SELECT conversions.line_id, conversions.product_id, conversions.views_since,
           events_event.id AS event_id, events_event.kind, events_event.occurred_at,
           events_event.note_id, events_event.surface
    FROM conversions
    JOIN events_event ON events_event.person_id = conversions.person_id
    WHERE events_event.suspicion = '' AND events_event.occurred_at >= conversions.clicks_since
      AND events_event.occurred_at <= conversions.converted_at
    UNION ALL
    SELECT conversions.line_id, conversions.product_id, conversions.views_since,
           events_event.id AS event_id, events_event.kind, events_event.occurred_at,
           events_event.note_id, events_event.surface
    FROM conversions
    JOIN events_identity ON events_identity.person_id = conversions.person_id
    JOIN events_event ON events_event.visitor_id = events_identity.visitor_id
    WHERE events_event.person_id IS NULL AND events_event.suspicion = ''
      AND events_event.occurred_at >= conversions.clicks_since
      AND events_event.occurred_at <= conversions.converted_at
),
touches AS (
    SELECT acts.line_id, acts.event_id, acts.occurred_at, acts.note_id, acts.surface,
           CASE WHEN acts.kind = 'impression' THEN 0 ELSE 1 END AS is_click
    FROM acts
    WHERE (acts.kind IN ({", ".join(f"'{kind}'" for kind in CLICKS)})
           OR (acts.kind = 'impression' AND acts.occurred_at >= acts.views_since))
      AND EXISTS (
          SELECT 1 FROM notes_producttag
          WHERE notes_producttag.note_id = acts.note_id
            AND notes_producttag.product_id = acts.product_id
            AND notes_producttag.valid_from <= acts.occurred_at
            AND (notes_producttag.valid_until IS NULL
                 OR notes_producttag.valid_until > acts.occurred_at)
      )
),
compared AS (
    SELECT touches.*, MAX(is_click) OVER (PARTITION BY line_id) AS is_click_there
    FROM touches
),
ranked AS (
    SELECT compared.*,
           ROW_NUMBER() OVER (
               PARTITION BY line_id ORDER BY occurred_at DESC, event_id DESC) AS recency,
           COUNT(*) OVER (PARTITION BY line_id) AS considered
    FROM compared
    WHERE is_click = is_click_there
)
SELECT ranked.line_id, ranked.event_id, ranked.occurred_at, ranked.note_id,
       notes_note.author_id, ranked.surface, {PROVENANCE} AS provenance, ranked.considered
FROM ranked
JOIN notes_note ON notes_note.id = ranked.note_id
WHERE ranked.recency <= {MOST_TOUCHES}
ORDER BY ranked.line_id, ranked.recency
"""  # noqa: S608 - constants of this module only

#: How each model weighs the touches of a line against one another: whole numbers, of which only
#: the proportions count, and rows only for touches that get anything. Decay is rounded to
#: billionths of what a touch at the moment of payment counts, so that engines that differ in the
#: last bit of a power agree; its half-life is a quarter of the window, at least a day, both in
#: seconds. Shapley's value of a note, where a path converts if it holds all of
#: its notes, is the same for each; within a note its touches share what the note has.
_PULLS: Final = {
    AttributionModel.FIRST_TOUCH: (
        "SELECT line_id, place, 'first_touch' AS model, CAST(1 AS BIGINT) AS pull"
        " FROM placed WHERE place = 1"
    ),
    AttributionModel.LAST_TOUCH: (
        "SELECT line_id, place, 'last_touch' AS model, CAST(1 AS BIGINT) AS pull"
        " FROM placed WHERE place = touches"
    ),
    AttributionModel.LINEAR: (
        "SELECT line_id, place, 'linear' AS model, CAST(1 AS BIGINT) AS pull FROM placed"
    ),
    AttributionModel.TIME_DECAY: """
    SELECT line_id, place, 'time_decay' AS model,
           CAST(FLOOR(1000000000 * POWER(CAST(2 AS DOUBLE PRECISION),
                                         CAST(-age AS DOUBLE PRECISION) / half_life) + 0.5)
                AS BIGINT) AS pull
    FROM placed""",
    AttributionModel.POSITION: """
    SELECT line_id, place, 'position' AS model,
           CASE WHEN touches <= 2 THEN CAST(1 AS BIGINT)
                WHEN place = 1 OR place = touches THEN 2 * (touches - 2)
                ELSE 1 END AS pull
    FROM placed""",
}
#: The touches of a note share what it has; the notes of a line share it equally.
_BY_NOTE: Final = f"""
    SELECT line_id, place, 'shapley' AS model,
           of_note / touches_of_note
           + CASE WHEN place_in_note <= MOD(of_note, touches_of_note) THEN 1 ELSE 0 END AS weight
    FROM (
        SELECT ranked.*,
               {WHOLE} / notes + CASE WHEN note_place <= MOD({WHOLE}, notes) THEN 1 ELSE 0 END
                   AS of_note
        FROM (
            SELECT placed.*,
                   DENSE_RANK() OVER (PARTITION BY line_id ORDER BY note_began) AS note_place
            FROM placed
        ) AS ranked
    ) AS by_note"""  # noqa: S608 - constants of this module only
#: Whole numbers in the proportions of the pulls that add up to WHOLE: the floor of each quota, what
#: is left going one by one to the largest remainders, earlier touches first among equals.
_BY_PULL: Final = f"""
    SELECT line_id, place, model,
           base + CASE WHEN ROW_NUMBER() OVER (PARTITION BY line_id, model
                                                ORDER BY remainder DESC, place)
                             <= {WHOLE} - SUM(base) OVER (PARTITION BY line_id, model)
                        THEN 1 ELSE 0 END AS weight
    FROM (
        SELECT line_id, place, model, {WHOLE} * pull / pulled AS base,
               MOD({WHOLE} * pull, pulled) AS remainder
        FROM (
            SELECT pulls.*,
                   CAST(SUM(pull) OVER (PARTITION BY line_id, model) AS BIGINT) AS pulled
            FROM (%(pulls)s) AS pulls
        ) AS summed
    ) AS quotas"""  # noqa: S608 - constants of this module only

#: Every share of every conversion. ``conversions`` has line_id, amount_minor, window_days and
#: converted_at; ``path`` is what TOUCHES answers; ``given_back`` has line_id, refund_id,
#: refunded_at and amount_minor. Answers line_id, model, refund_id (none: the sale), the touch, its
#: weight in billionths and its money, negative for a refund, with ``touches`` and ``considered``.
#:
#: All of it is whole numbers divided by largest remainder: each part gets the floor of its quota,
#: what is left goes one by one to the largest remainders, earlier touches first among equals.
#: Money is divided in two steps, whole multiples of WHOLE and the rest, so that no product
#: outgrows 64 bits. The refund that completes a line takes what its parts have left: only so does
#: every single credit, and not just their sum, come out at zero.
_SHARES: Final = f"""
WITH ordered AS (
    SELECT path.*, conversions.amount_minor,
           CAST(GREATEST(conversions.window_days * 21600, 86400) AS DOUBLE PRECISION) AS half_life,
           CAST(EXTRACT(EPOCH FROM conversions.converted_at - path.occurred_at)
                AS DOUBLE PRECISION) AS age,
           ROW_NUMBER() OVER (PARTITION BY path.line_id
                              ORDER BY path.occurred_at, path.event_id) AS place,
           COUNT(*) OVER (PARTITION BY path.line_id) AS touches,
           COUNT(*) OVER (PARTITION BY path.line_id, path.note_id) AS touches_of_note,
           ROW_NUMBER() OVER (PARTITION BY path.line_id, path.note_id
                              ORDER BY path.occurred_at, path.event_id) AS place_in_note
    FROM path JOIN conversions ON conversions.line_id = path.line_id
),
placed AS (
    SELECT ordered.*,
           MIN(place) OVER (PARTITION BY line_id, note_id) AS note_began,
           SUM(CASE WHEN place_in_note = 1 THEN 1 ELSE 0 END)
               OVER (PARTITION BY line_id) AS notes
    FROM ordered
),
weighed AS (%(weighed)s),
sums AS (
    SELECT conversions.line_id, CAST(NULL AS UUID) AS refund_id, 0 AS turn,
           conversions.amount_minor AS amount, FALSE AS completes
    FROM conversions
    UNION ALL
    SELECT given_back.line_id, given_back.refund_id,
           ROW_NUMBER() OVER by_moment,
           given_back.amount_minor,
           given_back.amount_minor > 0
           AND SUM(given_back.amount_minor) OVER by_moment = conversions.amount_minor
    FROM given_back JOIN conversions ON conversions.line_id = given_back.line_id
    WINDOW by_moment AS (PARTITION BY given_back.line_id
                         ORDER BY given_back.refunded_at, given_back.refund_id)
),
divided AS (
    SELECT weighed.line_id, weighed.place, weighed.model, weighed.weight,
           sums.refund_id, sums.turn, sums.completes, sums.amount,
           sums.amount / {WHOLE} * weighed.weight
           + MOD(sums.amount, {WHOLE}) * weighed.weight / {WHOLE} AS base,
           MOD(MOD(sums.amount, {WHOLE}) * weighed.weight, {WHOLE}) AS remainder
    FROM weighed JOIN sums ON sums.line_id = weighed.line_id
),
parts AS (
    SELECT divided.*,
           base + CASE WHEN ROW_NUMBER() OVER (PARTITION BY line_id, model, turn
                                                ORDER BY remainder DESC, place)
                             <= amount - SUM(base) OVER (PARTITION BY line_id, model, turn)
                        THEN 1 ELSE 0 END AS part
    FROM divided
),
taken AS (
    SELECT parts.*,
           SUM(CASE WHEN turn = 0 THEN part ELSE -part END)
               OVER (PARTITION BY line_id, model, place ORDER BY turn
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS held
    FROM parts
)
SELECT taken.line_id, taken.model, taken.refund_id,
       placed.event_id, placed.occurred_at, placed.note_id, placed.author_id, placed.surface,
       placed.provenance, taken.weight,
       CAST(CASE WHEN turn = 0 THEN part WHEN completes THEN -held ELSE -part END
            AS BIGINT) AS amount_minor,
       placed.touches, placed.considered
FROM taken
JOIN placed ON placed.line_id = taken.line_id AND placed.place = taken.place
ORDER BY taken.line_id, taken.model, taken.turn, taken.place
"""  # noqa: S608 - constants of this module only


def shares(models: Collection[AttributionModel] = tuple(AttributionModel)) -> str:
    """Return the statement that divides every conversion, and its refunds, by these models."""
    pulls = [_PULLS[model] for model in AttributionModel if model in models and model in _PULLS]
    weighed = [_BY_PULL % {"pulls": "\n    UNION ALL\n    ".join(pulls)}] if pulls else []
    if AttributionModel.SHAPLEY in models:
        weighed.append(_BY_NOTE)
    return _SHARES % {"weighed": "\n    UNION ALL".join(weighed)}


SHARES: Final = shares()
