"""How near the notes found are to what was asked, by what both say as a whole."""

from typing import Final

import numpy as np
from django.db import connection

from notes.discovery import encoding
from notes.discovery.policies import SearchPolicy
from notes.discovery.ranking.arrays import Floats, Ints
from notes.discovery.search.text import normal, spans
from notes.discovery.tastes import vectors_of

_KNOWN: Final = """
SELECT asked.place, halfvec_send(about.vector)
FROM unnest(%s::bigint[]) WITH ORDINALITY AS asked(note_id, place)
JOIN notes_notevector AS about ON about.note_id = asked.note_id AND about.vector IS NOT NULL
ORDER BY asked.place
"""


def weight_for(query: str, policy: SearchPolicy) -> float:
    """Return what nearness weighs, by the script of the query: what validation says it earns."""
    has_cjk = any(span.is_cjk for span in spans(normal(query)))
    return policy.meaning_cjk if has_cjk else policy.meaning


def nearness(query: str, *, note_ids: Ints, match: Floats, policy: SearchPolicy) -> Floats:
    """Return float64[n]: the cosine of each note to the query, times the best match.

    Only the ``meaning_depth`` best matches are looked at; the others, and notes that were not
    encoded yet, are as near as the least near of them.
    """
    near = np.zeros(len(note_ids))
    found = encoding.current()
    if found is None or not len(note_ids):
        return near
    best = np.argsort(-match, kind="stable")[: policy.meaning_depth]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [note_ids[best].tolist()])
        rows = cursor.fetchall()
    asked = found[1].encode([query])[0]
    if not rows or not asked.any():
        return near
    told = np.maximum(vectors_of([sent for _, sent in rows]) @ asked, 0.0).astype(np.float64)
    near[:] = told.min()
    near[best[[place - 1 for place, _ in rows]]] = told
    return np.asarray(near * match.max())
