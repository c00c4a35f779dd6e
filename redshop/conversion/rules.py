"""Which touches count, and what each model gives them: the definition, once.

The statement is plain relational SQL over named tables and one relation, ``conversions``, that
the caller supplies, so that other engines can run it over the same tables in a lake.
"""

from collections.abc import Sequence
from typing import Final

from redshop.conversion.types import AttributionModel, Conversion, GivenBack, Path, Share
from redshop.core.money import split_minor

#: Raised whenever a rule below changes what is credited.
VERSION: Final = 1
#: The weight of a whole conversion.
WHOLE: Final = 1_000_000_000
MOST_TOUCHES: Final = 500
VIEW_HOURS: Final = 24

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
    WHERE events_event.occurred_at >= conversions.clicks_since
      AND events_event.occurred_at <= conversions.converted_at
    UNION ALL
    SELECT conversions.line_id, conversions.product_id, conversions.views_since,
           events_event.id AS event_id, events_event.kind, events_event.occurred_at,
           events_event.note_id, events_event.surface
    FROM conversions
    JOIN events_identity ON events_identity.person_id = conversions.person_id
    JOIN events_event ON events_event.visitor_id = events_identity.visitor_id
    WHERE events_event.person_id IS NULL
      AND events_event.occurred_at >= conversions.clicks_since
      AND events_event.occurred_at <= conversions.converted_at
),
touches AS (
    SELECT acts.line_id, acts.event_id, acts.occurred_at, acts.note_id, acts.surface,
           CASE WHEN acts.kind = 'impression' THEN 0 ELSE 1 END AS is_click
    FROM acts
    WHERE (acts.kind IN ('note_open', 'read', 'like', 'save', 'comment', 'share',
                         'product_view', 'cart_add')
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


def weights(model: AttributionModel, *, touches: int) -> list[int]:
    """Return the weight of each touch, oldest first, in billionths; they sum to WHOLE.

    What does not divide evenly goes to the earlier touches (largest remainder).
    """
    match model:
        case AttributionModel.FIRST_TOUCH:
            return [WHOLE] + [0] * (touches - 1)
        case AttributionModel.LAST_TOUCH:
            return [0] * (touches - 1) + [WHOLE]
        case AttributionModel.LINEAR:
            return split_minor(WHOLE, [1] * touches)


def shares(
    conversion: Conversion,
    path: Path,
    *,
    refunds: Sequence[GivenBack] = (),
    models: Sequence[AttributionModel] = tuple(AttributionModel),
) -> list[Share]:
    """Return every share of a conversion, and of its refunds in the order they happened."""
    if not path.touches:
        return []
    return [
        share
        for model in models
        for share in _shares_of_model(model, conversion=conversion, path=path, refunds=refunds)
    ]


def _shares_of_model(
    model: AttributionModel, *, conversion: Conversion, path: Path, refunds: Sequence[GivenBack]
) -> list[Share]:
    chosen = [
        (touch, weight)
        for touch, weight in zip(
            path.touches, weights(model, touches=len(path.touches)), strict=True
        )
        if weight
    ]
    by_weight = [weight for _, weight in chosen]
    left = split_minor(conversion.amount_minor, by_weight)
    entries: list[tuple[GivenBack | None, list[int]]] = [(None, left)]
    for refund in sorted(refunds, key=lambda refund: (refund.refunded_at, refund.refund_id)):
        taken = _take(refund.amount_minor, left=left, by_weight=by_weight)
        left = [before + part for before, part in zip(left, taken, strict=True)]
        entries.append((refund, taken))
    return [
        Share(model, touch, weight, amount, refund.refund_id if refund else None)
        for refund, amounts in entries
        for (touch, weight), amount in zip(chosen, amounts, strict=True)
    ]


def _take(amount_minor: int, *, left: Sequence[int], by_weight: Sequence[int]) -> list[int]:
    """Return the negative parts of a refund: by weight, or all that is left where it completes.

    Only so does every single credit, and not just their sum, come out at zero.
    """
    if amount_minor == sum(left):
        return [-part for part in left]
    return split_minor(-amount_minor, by_weight)
