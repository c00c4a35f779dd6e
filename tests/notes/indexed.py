"""What a note is found by, as the index says."""

from notes.models import IndexedText, Note


def terms_of(note: Note) -> set[str]:
    """Return the terms of a note that was not folded into blocks yet."""
    return set(IndexedText.objects.get(kind="note", subject_id=note.pk).terms or ())
