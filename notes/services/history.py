"""Notes that were written and reacted to elsewhere or earlier, brought here many at once.

The counterpart in bulk of ``authoring`` and ``reactions``: the same rows and rules, and no fact or
event for each, which whoever brings them writes for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from notes.integrity import labels
from notes.models import Comment, Indexed, Note, NoteMedia, ProductTag
from notes.services import counts, indexing
from redshop.catalog.models import Media
from redshop.core.copying import copy
from redshop.core.db import requires_transaction
from redshop.events.kinds import EventKind

Ints = NDArray[np.int64]
Moments = NDArray[np.datetime64]

#: Where each kind of reaction is kept.
_TABLES: Final = {
    EventKind.LIKE: "notes_like",
    EventKind.SAVE: "notes_save",
    EventKind.SHARE: "notes_share",
    EventKind.FOLLOW: "notes_followfrom",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastNote:
    """A published note that is not written yet, and what belongs to it."""

    note: Note
    topic_ids: Sequence[int] = ()
    product_ids: Sequence[int] = ()
    pictures: Sequence[Media] = ()  #: its author's, not written yet either


@requires_transaction
def import_notes(past: Sequence[PastNote]) -> list[int]:
    """Write published notes with their topics, products and pictures; return their ids.

    They can be found at once. Their counters say nothing until ``counts.count`` is called.

    Raises:
        DisclosureRequired: one of them is commercial and does not say so; none is written.
    """
    for each in past:
        labels.check_label(each.note, shows_products=bool(each.product_ids))
    notes = Note.objects.bulk_create([each.note for each in past])
    Note.topics.through.objects.bulk_create(
        Note.topics.through(note_id=each.note.pk, topic_id=topic)
        for each in past
        for topic in each.topic_ids
    )
    ProductTag.objects.bulk_create(
        ProductTag(
            note_id=each.note.pk,
            product_id=product,
            valid_from=each.note.published_at or each.note.created_at,
        )
        for each in past
        for product in each.product_ids
    )
    Media.objects.bulk_create([picture for each in past for picture in each.pictures])
    NoteMedia.objects.bulk_create(
        NoteMedia(note_id=each.note.pk, media_id=picture.pk, position=place)
        for each in past
        for place, picture in enumerate(each.pictures)
    )
    ids = [note.pk for note in notes]
    copy("notes_notecounts", {"note_id": np.array(ids, dtype=np.int64)} | _zeros(len(ids)))
    indexing.write(Indexed.NOTE, indexing.note_texts(ids))
    return ids


@requires_transaction
def import_reactions(kind: EventKind, *, people: Ints, notes: Ints, at: Moments) -> None:
    """Write likes, saves, shares, or follows that came from notes.

    Args:
        people: int64[n], who reacted; of each kind but shares, once to a note.
        notes: int64[n], to which note.
        at: datetime64[n], when.

    Raises:
        KeyError: reactions of this kind are not kept so.
    """
    copy(_TABLES[kind], {"person_id": people, "note_id": notes, "created_at": at})


@requires_transaction
def import_comments(comments: Sequence[Comment]) -> None:
    """Write comments."""
    Comment.objects.bulk_create(comments, batch_size=5_000)


def _zeros(count: int) -> dict[str, Any]:
    return {name: np.zeros(count, dtype=np.int32) for name in counts.ROWS}
