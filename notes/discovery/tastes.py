"""What a viewer's last notes were about: a few vectors each, and the notes nearest to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from django.db import connection

from notes.discovery.policies import FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Floats, Ints, Singles
from notes.discovery.similar import anchors_of
from notes.models import DIMENSIONS

#: A viewer has so many tastes at most.
TASTES: Final = 3
#: Two notes as near as this (cosine) are of one taste.
NEAR: Final = 0.5
_KNOWN: Final = """
SELECT note_id, halfvec_send(vector) FROM notes_notevector
WHERE note_id = ANY(%s) AND vector IS NOT NULL
"""
_NEAREST: Final = """
SELECT asked.place, near.note_id
FROM unnest(%(vectors)s::halfvec(128)[]) WITH ORDINALITY AS asked(vector, place)
CROSS JOIN LATERAL (
    SELECT about.note_id FROM notes_notevector AS about
    WHERE about.vector IS NOT NULL
    ORDER BY about.vector <=> asked.vector LIMIT %(limit)s
) AS near
ORDER BY asked.place
"""


def vectors_of(sent: Sequence[bytes | None]) -> Singles:
    """Return float32[n, d] from what the database sends of half-precision vectors."""
    nothing = bytes(4 + 2 * DIMENSIONS)
    joined = b"".join(each[4:] if each is not None else nothing[4:] for each in sent)
    return np.frombuffer(joined, dtype=">f2").astype(np.float32).reshape(-1, DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Taste:
    """Vectors of what a viewer went to, and the ids of the notes nearest to each."""

    vectors: Singles = field(default_factory=lambda: np.empty((0, DIMENSIONS), dtype=np.float32))
    note_ids: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def likeness(self, vectors: Singles) -> Floats:
        """Return float64[n] in 0..1: the cosine to the nearest taste, zero where none is near."""
        if not len(self.vectors) or not len(vectors):
            return np.zeros(len(vectors))
        nearest = (vectors @ self.vectors.T).max(axis=1)
        return np.asarray(np.clip(nearest, 0.0, 1.0), dtype=np.float64)


def load(*, profiles: Sequence[Profile], policy: FeedPolicy) -> list[Taste]:
    """Return the tastes of each viewer: two queries for all, none where nobody went anywhere."""
    nothing = [Taste() for _ in profiles]
    if not policy.by_content and not policy.content:
        return nothing
    anchors = [anchors_of(profile, policy) for profile in profiles]
    everywhere = sorted({note_id for each in anchors for note_id in each.tolist()})
    if not everywhere:
        return nothing
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [everywhere])
        rows = cursor.fetchall()
    known = dict(zip([pk for pk, _ in rows], vectors_of([sent for _, sent in rows]), strict=True))
    tastes = [_tastes(each, known) for each in anchors]
    near = nearest([vector for each in tastes for vector in each], policy.by_content // TASTES)
    found, place = [], 0
    for each in tastes:
        ids = [note_id for ids in near[place : place + len(each)] for note_id in ids]
        found.append(Taste(each, np.unique(np.array(ids, dtype=np.int64))))
        place += len(each)
    return found


def _tastes(anchors: Ints, known: dict[int, Singles]) -> Singles:
    vectors = [known[note_id] for note_id in anchors.tolist() if note_id in known]
    if not vectors:
        return Taste().vectors
    return grouped(np.array(vectors, dtype=np.float32))


def grouped(vectors: Singles) -> Singles:
    """Return float32[k, d], k at most ``TASTES``: vectors of what was gone to, put together.

    From the last gone to on, each joins the first group whose founder is near, or founds one;
    the largest groups are the tastes, each the mean of its members, of length one.

    Args:
        vectors: float32[n, d], of length one, the last gone to first.
    """
    groups: list[list[int]] = []
    for place, vector in enumerate(vectors):
        for group in groups:
            if float(vectors[group[0]] @ vector) >= NEAR:
                group.append(place)
                break
        else:
            groups.append([place])
    largest = sorted(groups, key=len, reverse=True)[:TASTES]
    means = np.array([vectors[group].mean(axis=0) for group in largest], dtype=np.float32)
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12))


def nearest(vectors: Sequence[Singles], limit: int) -> list[list[int]]:
    """Return, for each vector, the ids of the notes nearest to it."""
    found: list[list[int]] = [[] for _ in vectors]
    if not vectors or not limit:
        return found
    texts = ["[" + ",".join(f"{number:.5f}" for number in vector) + "]" for vector in vectors]
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, {"vectors": texts, "limit": limit})
        for place, note_id in cursor:
            found[place - 1].append(note_id)
    return found
