"""Who is seen: the share of small creators, how unequal it is, how long a new note waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection

from notes.discovery.ranking.arrays import Bools, Floats

#: A note has found its first readers once it was seen so often.
FIRST: Final = 100
_SEEN: Final = """
WITH seen AS (
    SELECT note_id, count(*) AS impressions,
           (array_agg(occurred_at ORDER BY occurred_at))[%(first)s] AS reached_at
    FROM events_event
    WHERE kind = 'impression' AND suspicion = '' AND note_id IS NOT NULL
      AND occurred_at > %(since)s AND occurred_at <= %(until)s
    GROUP BY note_id
)
SELECT note.author_id, large.author_id IS NULL, coalesce(seen.impressions, 0),
       note.published_at > %(since)s,
       extract(epoch FROM coalesce(seen.reached_at, %(until)s) - note.published_at)::float8 / 3600,
       seen.reached_at IS NOT NULL
FROM notes_note AS note
LEFT JOIN seen ON seen.note_id = note.id
LEFT JOIN notes_largecreator AS large ON large.author_id = note.author_id
WHERE note.published_at <= %(until)s AND NOT note.is_sponsored
  AND (note.state = 'published' OR seen.note_id IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long new notes of some creators waited for their first hundred impressions."""

    notes: int
    reached: int
    median_hours: float | None  #: Kaplan and Meier 1958; None where less than half reached them


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReport:
    """Who was seen between two moments, of notes that nobody paid for."""

    impressions: int
    notes: int
    creators: int
    small_share: float | None  #: of impressions, to notes of creators under 1,000 followers
    small_notes: float | None  #: their share of the notes
    gini_notes: float  #: 0 where each is seen as often, 1 where one is seen alone
    gini_creators: float
    small_wait: Wait
    large_wait: Wait


def report(*, since: datetime, until: datetime) -> ExposureReport:
    """Return who was seen; a note that nobody saw counts as seen never."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, {"since": since, "until": until, "first": FIRST})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    authors = np.array(columns[0], dtype=np.int64)
    is_small, is_new, reached = (np.array(columns[n], dtype=np.bool_) for n in (1, 3, 5))
    impressions = np.array(columns[2], dtype=np.float64)
    hours = np.array(columns[4], dtype=np.float64)
    total = impressions.sum()
    _, of_author = np.unique(authors, return_inverse=True)
    by_author = np.bincount(of_author, weights=impressions).astype(np.float64)
    return ExposureReport(
        impressions=int(total),
        notes=len(rows),
        creators=len(by_author),
        small_share=float(impressions[is_small].sum() / total) if total else None,
        small_notes=float(is_small.mean()) if len(rows) else None,
        gini_notes=gini(impressions),
        gini_creators=gini(by_author),
        small_wait=_wait(hours, reached, is_new & is_small),
        large_wait=_wait(hours, reached, is_new & ~is_small),
    )


def gini(amounts: Floats) -> float:
    """Return the Gini coefficient: half the mean difference of two, over the mean."""
    total = amounts.sum()
    if not total:
        return 0.0
    rising = np.sort(amounts)
    size = len(rising)
    return float(((2.0 * np.arange(1, size + 1) - size - 1.0) @ rising) / (size * total))


def median_wait(hours: Floats, reached: Bools) -> float | None:
    """Return when half had reached it, though some were not watched to the end.

    Kaplan and Meier 1958; None where less than half is known to have reached it.
    """
    order = np.lexsort((~reached, hours))
    at_risk = np.arange(len(hours), 0, -1)
    surviving = np.cumprod(1.0 - reached[order] / at_risk)
    below = np.flatnonzero(surviving <= 0.5)
    return float(hours[order][below[0]]) if len(below) else None


def _wait(hours: Floats, reached: Bools, chosen: Bools) -> Wait:
    return Wait(
        notes=int(chosen.sum()),
        reached=int((chosen & reached).sum()),
        median_hours=median_wait(hours[chosen], reached[chosen]),
    )
