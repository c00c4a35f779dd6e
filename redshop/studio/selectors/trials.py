"""What came of a trial: counts of each epoch from the log, and estimates from what was kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from redshop.conversion.selectors.rows import rows_of
from redshop.studio import thompson
from redshop.studio.models import Allocation, Draft, Trial
from redshop.studio.thompson import Batch

#: People to whom explore showed a note in a time, and who of them did something with it meanwhile.
_COUNTS: Final = """
WITH acts AS (
    SELECT event.note_id, event.kind, event.surface,
           coalesce(coalesce(event.person_id, events_identity.person_id)::text,
                    event.visitor_id::text) AS actor
    FROM events_event AS event
    LEFT JOIN events_identity ON event.person_id IS NULL
                             AND events_identity.visitor_id = event.visitor_id
    WHERE event.note_id = ANY(%(note_ids)s) AND event.suspicion = ''
      AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
      AND event.kind IN ('impression', %(reward)s)
),
people AS (
    SELECT note_id, actor,
           bool_or(kind = 'impression' AND surface = 'explore') AS saw,
           bool_or(kind = %(reward)s) AS did
    FROM acts GROUP BY note_id, actor
)
SELECT note_id, count(*) AS people, count(*) FILTER (WHERE did) AS successes
FROM people WHERE saw GROUP BY note_id
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A variant of a trial: its rate with its 95 % interval, and its chance now."""

    draft_id: int
    title: str
    value: float
    error: float
    low: float
    high: float
    people: int
    propensity: float


def counts(
    *, note_ids: Sequence[int], reward: str, since: datetime, until: datetime
) -> dict[int, tuple[int, int]]:
    """Return, by note, how many people saw it in explore and how many of them did something."""
    values: dict[str, Any] = {
        "note_ids": list(note_ids),
        "reward": reward,
        "since": since,
        "until": until,
    }
    return {row["note_id"]: (row["people"], row["successes"]) for row in rows_of(_COUNTS, values)}


def batches(trial: Trial) -> dict[int, list[Batch]]:
    """Return what came of each variant, epoch by epoch, by draft."""
    found: dict[int, list[Batch]] = {}
    for row in Allocation.objects.filter(trial=trial).order_by("epoch"):
        batch = Batch(row.propensity, row.people, row.successes)
        found.setdefault(row.draft_id, []).append(batch)
    return found


def estimates(trial: Trial) -> list[Estimate]:
    """Return the variants that somebody saw, the best first."""
    collected = batches(trial)
    titles = dict(Draft.objects.filter(pk__in=collected).values_list("pk", "title"))
    found = [
        Estimate(
            draft_id,
            titles[draft_id],
            of.value,
            of.error,
            of.low,
            of.high,
            of.people,
            some[-1].propensity,
        )
        for draft_id, some in collected.items()
        if (of := thompson.estimate(some)) is not None
    ]
    return sorted(found, key=lambda each: (-each.value, each.draft_id))
