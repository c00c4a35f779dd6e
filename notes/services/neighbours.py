"""Learning which notes the same people go to; used only where that finds more than popularity."""

from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from notes.discovery.learning.collaborative import (
    Visits,
    gain,
    item_weights,
    nearest,
    split,
    visits,
)
from notes.models import NeighbourRun, NoteNeighbours

#: Visits of so many days are learned from, of the notes that most people went to.
DAYS, MOST_NOTES = 60, 6_000
#: A note is learned about once so many people went to it; so many neighbours of each are kept.
LEAST_PEOPLE, NEIGHBOURS = 3, 30
#: Fewer notes, or people, teach nothing.
LEAST_NOTES, LEAST_VISITORS = 20, 20
SEED: Final = 2_019
#: Of people who let themselves be known by what they do.
_VISITS: Final = """
WITH gone AS (
    SELECT event.person_id, event.note_id
    FROM events_event AS event
    LEFT JOIN accounts_consent AS consent
      ON consent.user_id = event.person_id AND consent.purpose = 'personalisation'
    LEFT JOIN accounts_preference AS preference ON preference.user_id = event.person_id
    WHERE event.kind IN ('note_open', 'read', 'like', 'save', 'comment', 'share')
      AND event.occurred_at > %(since)s AND event.occurred_at <= %(at)s
      AND event.person_id IS NOT NULL AND event.note_id IS NOT NULL AND event.suspicion = ''
      AND coalesce(consent.is_granted, %(is_granted)s)
      AND coalesce(preference.is_personalised, true)
    GROUP BY event.person_id, event.note_id
),
known AS (
    SELECT gone.note_id
    FROM gone JOIN notes_note ON notes_note.id = gone.note_id
    WHERE notes_note.state = 'published'
    GROUP BY gone.note_id HAVING count(*) >= %(least)s
    ORDER BY count(*) DESC, gone.note_id LIMIT %(most)s
)
SELECT array_agg(person_id ORDER BY person_id, note_id),
       array_agg(note_id ORDER BY person_id, note_id)
FROM gone JOIN known USING (note_id)
"""


@transaction.atomic(durable=True)
def learn(*, at: datetime) -> NeighbourRun | None:
    """Learn from the visits of some weeks, and keep the neighbours if they earn their place.

    Returns None where there is too little to learn from; what was learned before is then kept.
    """
    found = _visits(at)
    if len(found.notes) < LEAST_NOTES or len(found.people) < LEAST_VISITORS:
        return None
    known, held_out = split(found.matrix, seed=SEED)
    popular = np.tile(np.asarray(known.sum(axis=0), dtype=np.float32), (known.shape[0], 1))
    of_popularity = gain(popular, known=known, held_out=held_out)
    ours = gain(known @ item_weights(known), known=known, held_out=held_out)
    if ours > of_popularity:
        _keep(found)
    else:
        NoteNeighbours.objects.all().delete()
    return NeighbourRun.objects.create(
        learned_at=at,
        people=len(found.people),
        notes=len(found.notes),
        visits=found.matrix.nnz,
        gain=ours,
        gain_of_popularity=of_popularity,
        is_used=ours > of_popularity,
    )


def _visits(at: datetime) -> Visits:
    values: dict[str, Any] = {
        "since": at - timedelta(days=DAYS),
        "at": at,
        "least": LEAST_PEOPLE,
        "most": MOST_NOTES,
        "is_granted": settings.CONSENT_DEFAULTS["personalisation"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_VISITS, values)
        people, notes = cursor.fetchone()
    return visits(np.array(people or [], dtype=np.int64), np.array(notes or [], dtype=np.int64))


def _keep(found: Visits) -> None:
    places, weights = nearest(item_weights(found.matrix), limit=NEIGHBOURS)
    NoteNeighbours.objects.all().delete()
    NoteNeighbours.objects.bulk_create(
        (
            NoteNeighbours(
                note_id=note_id,
                neighbour_ids=found.notes[near[told > 0]].tolist(),
                weights=told[told > 0].round(6).tolist(),
            )
            for note_id, near, told in zip(found.notes.tolist(), places, weights, strict=True)
        ),
        batch_size=1_000,
    )
