"""What was shown, out of what, and what came of it: the impression ledger, read back.

An answer to explore is kept with what was known of every note in it (``snapshots.Ledger``); the
log says which of them came on a screen, and what their viewer did with them afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from notes.discovery.learning.off_policy import Decisions
from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking import exploration
from notes.discovery.ranking.arrays import Floats, Ints
from notes.discovery.ranking.features import scores_of
from notes.discovery.ranking.pool import Signals
from notes.discovery.snapshots import Ledger
from notes.models import FeedSnapshot

#: What comes within so many days of an impression came of it.
AFTER: Final = timedelta(days=7)
#: At most so many answers are read, the latest.
MOST_ANSWERS: Final = 20_000
_SHOWN: Final = """
WITH answers AS (
    SELECT request_id FROM notes_feedsnapshot
    WHERE surface = 'explore' AND created_at > %(since)s AND created_at <= %(at)s
    ORDER BY created_at DESC, request_id LIMIT %(most)s
), shown AS (
    SELECT event.request_id, event.note_id, min(event.occurred_at) AS at,
           coalesce(event.person_id::text, event.visitor_id::text) AS actor
    FROM events_event AS event JOIN answers USING (request_id)
    WHERE event.kind = 'impression' AND event.occurred_at > %(since)s - interval '1 day'
      AND event.occurred_at <= %(at)s AND event.note_id IS NOT NULL AND event.suspicion = ''
    GROUP BY event.request_id, event.note_id, actor
), told AS (
    SELECT shown.request_id, shown.note_id, shown.actor,
           bool_or(later.kind = 'note_open' AND later.request_id = shown.request_id) AS open,
           bool_or(later.kind IN ('like', 'save', 'comment', 'share')) AS engage,
           bool_or(later.kind IN ('product_view', 'cart_add')) AS want,
           coalesce(sum(later.amount_minor) FILTER (WHERE later.kind = 'order_paid'), 0)
           > coalesce(sum(later.amount_minor) FILTER (WHERE later.kind = 'order_refunded'), 0)
               AS buy
    FROM shown LEFT JOIN events_event AS later
      ON coalesce(later.person_id::text, later.visitor_id::text) = shown.actor
     AND later.note_id = shown.note_id AND later.occurred_at >= shown.at
     AND later.occurred_at < shown.at + %(after)s AND later.suspicion = ''
     AND later.occurred_at > %(since)s - interval '1 day'
     AND later.kind IN ('note_open', 'like', 'save', 'comment', 'share', 'product_view',
                        'cart_add', 'order_paid', 'order_refunded')
    GROUP BY shown.request_id, shown.note_id, shown.actor
)
SELECT request_id, min(actor), array_agg(note_id ORDER BY note_id),
       array_agg(coalesce(open, false)::int ORDER BY note_id),
       array_agg(coalesce(engage, false)::int ORDER BY note_id),
       array_agg(coalesce(want, false)::int ORDER BY note_id),
       array_agg(buy::int ORDER BY note_id)
FROM told GROUP BY request_id ORDER BY request_id
"""
_OUTCOMES: Final = ("open", "engage", "want", "buy")
#: Returns float64[n], one for each note of an answer, from what was known of them.
Model = Callable[[Signals], Floats]


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer, the places of it that were seen, and what came of each."""

    request_id: UUID
    policy: str
    actor: str
    ledger: Ledger
    places: Ints
    outcomes: Mapping[str, Floats]


def load(*, since: datetime, at: datetime, most: int = MOST_ANSWERS) -> list[Shown]:
    """Return the answers of some time that somebody saw something of."""
    values: dict[str, Any] = {"since": since, "at": at, "most": most, "after": AFTER}
    with transaction.atomic(), connection.cursor() as cursor:
        # a log that was just loaded looks small to the planner, and a loop over it never ends
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_SHOWN, values)
        rows = cursor.fetchall()
    return list(_read(rows))


def _read(rows: Sequence[tuple[Any, ...]], chunk: int = 500) -> Iterator[Shown]:
    for start in range(0, len(rows), chunk):
        ids: list[UUID] = [row[0] for row in rows[start : start + chunk]]
        kept = FeedSnapshot.objects.in_bulk(ids)
        for request_id, actor, note_ids, *outcomes in rows[start : start + chunk]:
            if request_id in kept:
                yield _shown(kept[request_id], actor, note_ids, outcomes)


def _shown(
    snapshot: FeedSnapshot, actor: str, note_ids: Sequence[int], outcomes: Sequence[Sequence[int]]
) -> Shown:
    ledger = Ledger.of(snapshot)
    place_of = {note_id: place for place, note_id in enumerate(ledger.note_ids)}
    there = [n for n, note_id in enumerate(note_ids) if note_id in place_of]
    return Shown(
        request_id=snapshot.request_id,
        policy=snapshot.policy,
        actor=actor,
        ledger=ledger,
        places=np.array([place_of[note_ids[n]] for n in there], dtype=np.int64),
        outcomes={
            name: np.array(column, dtype=np.float64)[there]
            for name, column in zip(_OUTCOMES, outcomes, strict=True)
        },
    )


def examples(
    answers: Sequence[Shown],
) -> tuple[dict[str, Floats], Floats, dict[str, Floats]]:
    """Return what was known of each note seen, where it stood, and what came of it.

    What was not known of a viewer (nothing personal may have been) is zero.
    """
    names = sorted({name for each in answers for name in each.ledger.signals})
    signals = {
        name: np.concatenate(
            [
                each.ledger.signals[name][each.places]
                if name in each.ledger.signals
                else np.zeros(len(each.places))
                for each in answers
            ]
        )
        for name in names
    }
    positions = np.concatenate([each.places for each in answers]).astype(np.float64)
    outcomes = {
        name: np.concatenate([each.outcomes[name] for each in answers]) for name in _OUTCOMES
    }
    return signals, positions, outcomes


def decisions(
    answers: Sequence[Shown],
    *,
    policy: FeedPolicy,
    worth: Mapping[str, float],
    predict: Callable[[Signals], Mapping[str, Floats]] | None,
    model: Model,
) -> Decisions:
    """Return every place seen as a decision, beside what another policy would have done there.

    Of what was at choice at a place, the other policy takes what it scores highest, except as
    often as it leaves it to chance; the policy that made the answer takes what it took.

    Args:
        worth: what each outcome is worth; what came of a note is their sum.
        predict: what a learned policy goes by.
        model: what is expected to come of each note of an answer, for the doubly robust estimate.
    """
    columns = [list(_decided(each, policy, worth, predict, model)) for each in answers]
    sizes = [len(rows) for rows in columns]
    flat = np.array([row for rows in columns for row in rows], dtype=np.float64).reshape(-1, 5)
    logged, target, outcome, predicted, predicted_target = flat.T
    clusters = np.repeat(np.arange(len(answers)), sizes)
    return Decisions(clusters, logged, target, outcome, predicted, predicted_target)


def _decided(
    shown: Shown,
    policy: FeedPolicy,
    worth: Mapping[str, float],
    predict: Callable[[Signals], Mapping[str, Floats]] | None,
    model: Model,
) -> Iterator[tuple[float, float, float, float, float]]:
    ledger = shown.ledger
    signals = ledger.signals
    scores = scores_of(signals, policy=policy, predicted=predict(signals) if predict else None)
    expected = model(signals)
    came = np.add.reduce([weight * shown.outcomes[name] for name, weight in worth.items()])
    is_own = shown.policy == policy.label
    choices = at_choice(ledger)
    for place, outcome in zip(shown.places.tolist(), came.tolist(), strict=True):
        there = choices[place]
        if len(there) < 2:
            continue
        best = 0 if is_own else int(np.argmax(scores.total[there]))
        chances = exploration.propensities(len(there), share=policy.exploration)
        chances[[0, best]] = chances[[best, 0]]
        yield (
            float(ledger.chance["propensity"][place]),
            float(chances[there.index(place)]),
            outcome,
            float(expected[place]),
            float(chances @ expected[there]),
        )


def at_choice(ledger: Ledger) -> list[list[int]]:
    """Return, for each place, the places of the notes that could have stood there.

    The first is what would have without chance. Where nothing was left to chance, it is alone.
    """
    size = len(ledger.note_ids)
    alone = [[place] for place in range(size)]
    if not ledger.window:
        return alone
    organic = np.flatnonzero(ledger.chance["is_movable"] > 0)
    before = ledger.chance["before"][organic].astype(np.int64)
    order = np.searchsorted(organic, before)
    where = np.empty(len(organic), dtype=np.int64)
    where[order] = organic
    for place, there in zip(
        organic.tolist(), exploration.choices(order, window=ledger.window), strict=True
    ):
        alone[place] = where[there].tolist()
    return alone
