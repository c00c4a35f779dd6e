"""The words that a note can be found by."""

from collections.abc import Sequence
from typing import Final

from notes.discovery.text import tokenise
from notes.models import Note, ProductTag
from redshop.core.db import requires_transaction

FIELDS: Final = ("tokens", "title_tokens", "tag_tokens", "body_tokens")


@requires_transaction
def index(note: Note) -> None:
    """Write the note's words from its title, topics, products and body as they are now."""
    note.title_tokens = tokenise(note.title)
    note.tag_tokens = tokenise(" \n".join(_tags_of(note)))
    note.body_tokens = tokenise(note.body)
    note.tokens = sorted({*note.title_tokens, *note.tag_tokens, *note.body_tokens})
    note.save(update_fields=FIELDS)


def _tags_of(note: Note) -> Sequence[str]:
    topics = note.topics.order_by("slug").values_list("name", "slug")
    products = (
        ProductTag.objects.open()
        .filter(note=note)
        .order_by("pk")
        .values_list("product__name", "product__brand__name")
    )
    return [text for row in [*topics, *products] for text in row]


@requires_transaction
def reindex(*, note_ids: Sequence[int]) -> int:
    """Write the words of some notes anew, after topics or products were renamed.

    Locks: the notes, in primary-key order.
    """
    notes = list(Note.objects.filter(pk__in=note_ids).locked())
    for note in notes:
        index(note)
    return len(notes)
