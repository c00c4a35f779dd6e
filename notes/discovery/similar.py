"""Notes that people who went to the same ones went to: for each viewer, from what was learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from notes.discovery.policies import FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Floats, Ints
from notes.models import NoteNeighbours
from redshop.events.kinds import EventKind

#: What going to a note is.
GOING: Final = (
    EventKind.NOTE_OPEN.value,
    EventKind.READ.value,
    EventKind.LIKE.value,
    EventKind.SAVE.value,
    EventKind.COMMENT.value,
    EventKind.SHARE.value,
)
Neighbours = tuple[Sequence[int], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Nearby:
    """Notes near those that a viewer went to, the nearest first; arrays of one length."""

    note_ids: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    similarity: Floats = field(default_factory=lambda: np.empty(0))  #: 0 to 1


def load(*, profiles: Sequence[Profile], policy: FeedPolicy) -> list[Nearby]:
    """Return what is near each viewer: one query for all, none where nobody went anywhere."""
    anchors = [anchors_of(profile, policy) for profile in profiles]
    everywhere = sorted({note_id for each in anchors for note_id in each.tolist()})
    if not everywhere:
        return [Nearby() for _ in profiles]
    rows = NoteNeighbours.objects.filter(note_id__in=everywhere)
    known: dict[int, Neighbours] = {
        note_id: (ids, weights)
        for note_id, ids, weights in rows.values_list("note_id", "neighbour_ids", "weights")
    }
    return [near(each.tolist(), known) for each in anchors]


def near(anchors: Sequence[int], known: Mapping[int, Neighbours]) -> Nearby:
    """Add up what each of some notes says for its neighbours, at most one; the nearest first."""
    found = [known[anchor] for anchor in anchors if anchor in known]
    ids = np.array([note_id for ids, _ in found for note_id in ids], dtype=np.int64)
    told = np.array([weight for _, weights in found for weight in weights], dtype=np.float64)
    note_ids, places = np.unique(ids, return_inverse=True)
    similarity = np.minimum(np.bincount(places, weights=told, minlength=len(note_ids)), 1.0)
    order = np.lexsort((note_ids, -similarity))
    return Nearby(note_ids[order], similarity[order])


def anchors_of(profile: Profile, policy: FeedPolicy) -> Ints:
    """Return the notes that a viewer went to last."""
    gone = [deeds for deeds in profile.history if deeds.kind in GOING]
    if not gone:
        return np.empty(0, dtype=np.int64)
    note_ids = np.concatenate([deeds.note_ids for deeds in gone]).astype(np.int64)
    last_at = np.concatenate([deeds.last_at for deeds in gone])
    newest_first = note_ids[np.lexsort((note_ids, -last_at))]
    distinct, first = np.unique(newest_first, return_index=True)
    anchors: Ints = distinct[np.argsort(first)][: policy.anchors]
    return anchors
