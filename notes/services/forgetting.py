"""Taking a person's words back: their notes, comments, pictures, and what they were shown.

A note keeps its row, empty and deleted: what was bought through it names it. What is written in
the name of a brand is the brand's, and stays.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from notes.discovery.search.text import words
from notes.models import (
    Comment,
    FeedSnapshot,
    Indexed,
    IndexedText,
    Note,
    NoteLikeness,
    NoteMedia,
    NoteVector,
    PostingBlock,
    ProductTag,
    Word,
)
from notes.services import counts, indexing
from notes.states import NoteState
from redshop.catalog.models import Brand, Media, ProductMedia
from redshop.core import files
from redshop.core.db import requires_transaction


@requires_transaction
def forget(*, person_id: int, visitor_ids: Sequence[UUID], at: datetime) -> None:
    """Delete what a person wrote and showed, and what was kept of what they were shown."""
    own = Note.objects.filter(author=person_id).exclude(origin=Note.Origin.BRAND).locked()
    note_ids = [note.pk for note in own]
    _forget_words(note_ids)
    _empty(note_ids, at=at)
    _forget_pictures(person_id, note_ids, at=at)
    _forget_comments(person_id, at=at)
    shown = Q(person_id=person_id) | Q(visitor_id__in=list(visitor_ids))
    FeedSnapshot.objects.filter(shown).delete()


def _empty(note_ids: Sequence[int], *, at: datetime) -> None:
    ProductTag.objects.open().filter(note__in=note_ids).update(valid_until=at)
    Note.topics.through.objects.filter(note_id__in=note_ids).delete()
    Note.objects.filter(pk__in=note_ids).update(
        title="", body="", state=NoteState.DELETED.value, has_verified_purchase=False
    )


def _forget_words(note_ids: Sequence[int]) -> None:
    """Take the notes out of the index: what only they say leaves the vocabulary too."""
    indexed = IndexedText.objects.filter(kind=Indexed.NOTE, subject_id__in=note_ids)
    folded = list(indexed.filter(terms=None).values_list("subject_id", flat=True))
    said: Counter[str] = Counter()
    terms: Counter[str] = Counter()
    for text in indexing.note_texts(folded).values():
        said.update({word for field in text.fields for word in words(field)})
        terms.update(indexing.impacts_of(text).keys())
    for word, times in said.items():
        Word.objects.filter(text=word).update(documents=F("documents") - times)
    Word.objects.filter(text__in=list(said), documents__lte=0).delete()
    _forget_terms(terms)
    indexed.delete()
    NoteVector.objects.filter(note_id__in=note_ids).delete()
    NoteLikeness.objects.filter(note__in=note_ids).delete()


def _forget_terms(terms: Counter[str]) -> None:
    """Delete the postings of terms that no other text has; elsewhere the notes lead nowhere."""
    blocks = PostingBlock.objects.filter(kind=Indexed.NOTE, term__in=list(terms))
    sizes: Counter[str] = Counter()
    for term, size in blocks.values_list("term", "size"):
        sizes[term] += size
    own = [term for term, size in sizes.items() if size <= terms[term]]
    PostingBlock.objects.filter(kind=Indexed.NOTE, term__in=own).delete()


def _forget_pictures(person_id: int, note_ids: Sequence[int], *, at: datetime) -> None:
    """Delete the person's uploads, but for what shows a product, a brand or a brand's note."""
    NoteMedia.objects.filter(note__in=note_ids).delete()
    kept = (
        Q(pk__in=ProductMedia.objects.values("media"))
        | Q(pk__in=Brand.objects.filter(logo__isnull=False).values("logo"))
        | Q(pk__in=NoteMedia.objects.values("media"))
    )
    own = Media.objects.filter(owner=person_id)
    own.filter(kept).update(owner=None)
    gone = list(Media.objects.filter(owner=person_id))
    shared = set(
        Media.objects.exclude(owner=person_id)
        .filter(file__in=[media.file.name for media in gone])
        .values_list("file", flat=True)
    )
    alone = [media for media in gone if media.file.name not in shared]
    names = {str(form["file"]) for media in alone for form in media.renditions.values()}
    names |= {str(media.file) for media in alone}
    files.discard(sorted(names), at=at)
    Media.objects.filter(pk__in=[media.pk for media in gone]).delete()


def _forget_comments(person_id: int, *, at: datetime) -> None:
    """Take back what the person said, with the replies to it."""
    own = Comment.objects.filter(author=person_id)
    with_replies = Q(author=person_id) | Q(reply_to__author=person_id)
    gone = Comment.objects.living().filter(with_replies)
    note_ids = sorted(set(gone.values_list("note_id", flat=True)))
    gone.update(deleted_at=at)
    own.exclude(body="").update(body="")
    counts.count(note_ids)
