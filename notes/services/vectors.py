"""Keeping what notes are about: an encoder fitted to their texts, and a vector for each note."""

from datetime import datetime
from typing import Final

import numpy as np
from django.db import connection, transaction
from pgvector import HalfVector

from notes.discovery import encoding
from notes.discovery.learning.encoders import Encoder, HashedEncoder
from notes.models import NoteVector, TextEncoder
from notes.services import indexing

#: The encoder is fitted to so many notes at most, and anew once they are so many times as many.
MOST_TEXTS, GROWTH = 30_000, 1.5
#: So many notes are encoded in one transaction.
BATCH: Final = 1_000
_MISSING: Final = """
INSERT INTO notes_notevector (note_id)
SELECT id FROM notes_note AS note WHERE state = 'published'
AND NOT EXISTS (SELECT FROM notes_notevector AS known WHERE known.note_id = note.id)
"""
#: Whoever encodes holds the encoder; whoever replaces it waits for them, and they for it.
_REPLACE: Final = "SELECT id FROM notes_textencoder ORDER BY id FOR UPDATE"
_HOLD: Final = "SELECT id FROM notes_textencoder WHERE id = %s FOR KEY SHARE"
_WRITE: Final = """
UPDATE notes_notevector SET vector = told.vector::halfvec, encoder_id = %s
FROM unnest(%s::bigint[], %s::text[]) AS told(note_id, vector)
WHERE notes_notevector.note_id = told.note_id
"""


def fit(*, at: datetime) -> TextEncoder | None:
    """Fit the encoder to the notes there are, where there is none or they grew by half.

    All vectors are emptied, since those of two encoders do not compare, and ``fill`` encodes all
    notes anew. Returns None where nothing was to be done.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MISSING)
    last = TextEncoder.objects.defer("fitted").order_by("-pk").first()
    notes = NoteVector.objects.count()
    if not notes or (last and last.kind == encoding.kind() and notes < GROWTH * max(last.texts, 1)):
        return None
    sample = _sample(notes)
    encoder: Encoder = (
        HashedEncoder.fit(sample) if encoding.kind() == encoding.HASHED else encoding.made(b"")
    )
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_REPLACE)
        NoteVector.objects.filter(vector__isnull=False).update(vector=None, encoder=None)
        TextEncoder.objects.all().delete()
        kept = {
            "kind": encoding.kind(),
            "fitted_at": at,
            "texts": notes,
            "fitted": encoder.fitted(),
        }
        return TextEncoder.objects.create(**kept)


@transaction.atomic(durable=True)
def fill() -> int:
    """Encode notes that wait, ``BATCH`` at most; return how many there were.

    Two that fill at once take different notes. Locks: the encoder, against being replaced.
    """
    found = encoding.newest()
    if found is None:
        return 0
    row, encoder = found
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [row.pk])
        if cursor.fetchone() is None:  # it was replaced just now; the next turn knows the new one
            return 0
    rows = NoteVector.objects.filter(vector=None).select_for_update(skip_locked=True)
    ids = list(rows.order_by("note_id").values_list("note_id", flat=True)[:BATCH])
    texts = indexing.note_texts(ids)
    NoteVector.objects.filter(pk__in=set(ids) - set(texts)).delete()
    if texts:
        vectors = encoder.encode([" \n".join(text.fields) for text in texts.values()])
        told = [HalfVector(vector).to_text() for vector in vectors]
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [row.pk, list(texts), told])
    return len(ids)


def _sample(notes: int) -> list[str]:
    """Return the texts of notes spread evenly over all of them."""
    every = max(1, -(-notes // MOST_TEXTS))
    ids = np.array(NoteVector.objects.order_by("pk").values_list("pk", flat=True))[::every]
    found: list[str] = []
    for start in range(0, len(ids), BATCH):
        texts = indexing.note_texts(ids[start : start + BATCH].tolist())
        found += [" \n".join(text.fields) for text in texts.values()]
    return found
