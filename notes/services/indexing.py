"""What a note or a product can be found by: written when it changes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from notes.discovery.policies import SEARCH
from notes.discovery.search import fields
from notes.discovery.search.bm25 import LARGEST
from notes.discovery.search.text import facet
from notes.models import Indexed, Note, ProductTag
from redshop.catalog.models import Product, ProductChange
from redshop.core.db import requires_transaction

#: A text that changed gets a new number, so that postings of the old one lead nowhere.
_WRITE: Final = """
INSERT INTO notes_indexedtext (kind, subject_id, terms, impacts) VALUES (%s, %s, %s, %s)
ON CONFLICT (kind, subject_id) DO UPDATE
SET id = excluded.id, terms = excluded.terms, impacts = excluded.impacts
"""
#: A note whose text changed waits to be encoded anew (``services.vectors``).
_WAIT: Final = """
INSERT INTO notes_notevector (note_id) SELECT * FROM unnest(%s::bigint[])
ON CONFLICT (note_id) DO UPDATE SET vector = NULL, encoder_id = NULL
WHERE notes_notevector.vector IS NOT NULL
"""


#: So many changes of products, and so many notes that show a renamed one, are read at once.
CHANGES, NOTES = 500, 500


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody is found by: the text of each field, and what they are."""

    fields: Sequence[str]
    type: str = ""


@requires_transaction
def index(note: Note) -> None:
    """Write what a note is found by, from its title, topics, products and body as they are now."""
    write(Indexed.NOTE, note_texts([note.pk]))


@requires_transaction
def write(kind: Indexed, texts: Mapping[int, Text]) -> None:
    """Replace what subjects of a kind are found by."""
    found = {subject_id: impacts_of(text) for subject_id, text in texts.items()}
    with connection.cursor() as cursor:
        cursor.executemany(
            _WRITE,
            [
                (kind.value, subject_id, list(terms), list(terms.values()))
                for subject_id, terms in found.items()
            ],
        )
        if kind == Indexed.NOTE:
            cursor.execute(_WAIT, [list(found)])


def subjects_of(kind: Indexed) -> list[int]:
    """Return the ids of all that can be found of a kind."""
    rows = Note.objects.existing() if kind == Indexed.NOTE else Product.objects.all()
    return list(rows.order_by("pk").values_list("pk", flat=True))


def texts_of(kind: Indexed, subject_ids: Sequence[int]) -> dict[int, Text]:
    """Return what each subject of a kind is found by, in the order of their ids."""
    read = {Indexed.NOTE: note_texts, Indexed.PRODUCT: product_texts}[kind]
    return read(subject_ids)


def product_texts(product_ids: Sequence[int]) -> dict[int, Text]:
    """Return what each product is found by: name; brand and category; description."""
    rows = Product.objects.filter(pk__in=product_ids).order_by("pk")
    return {
        pk: Text((name, f"{brand} \n{category}", description))
        for pk, name, brand, category, description in rows.values_list(
            "pk", "name", "brand__name", "category__name", "description"
        )
    }


def note_texts(note_ids: Sequence[int]) -> dict[int, Text]:
    """Return what each note is found by: title, topics and products, body; and its type."""
    tags: defaultdict[int, list[str]] = defaultdict(list)
    topics = Note.topics.through.objects.filter(note_id__in=note_ids).order_by("topic__slug")
    for note_id, *names in topics.values_list("note_id", "topic__name", "topic__slug"):
        tags[note_id] += names
    products = ProductTag.objects.open().filter(note_id__in=note_ids).order_by("pk")
    for note_id, *names in products.values_list("note_id", "product__name", "product__brand__name"):
        tags[note_id] += names
    notes = Note.objects.filter(pk__in=note_ids).order_by("pk")
    return {
        pk: Text((title, " \n".join(tags[pk]), body), type_)
        for pk, title, body, type_ in notes.values_list("pk", "title", "body", "type")
    }


def impacts_of(text: Text) -> dict[str, int]:
    """Return the terms of a text and the impact of each; its type is a term too."""
    told = fields.impacts_of(text.fields, SEARCH)
    return told | {facet(text.type): LARGEST} if text.type else told


@requires_transaction
def reindex(*, note_ids: Sequence[int]) -> int:
    """Write what some notes are found by anew, after topics or products were renamed.

    Locks: the notes, in primary-key order.
    """
    notes = list(Note.objects.filter(pk__in=note_ids).locked())
    write(Indexed.NOTE, note_texts([note.pk for note in notes]))
    return len(notes)


def index_changed_products() -> int:
    """Write what products are found by that changed since, and anew the notes that show a renamed
    one; return how many products those were, ``CHANGES`` at most.

    What changes again meanwhile has another number, and waits for the next time.
    """
    changes = list(ProductChange.objects.order_by("pk")[:CHANGES])
    with transaction.atomic():
        write(Indexed.PRODUCT, product_texts([change.product_id for change in changes]))
    renamed = [change.product_id for change in changes if change.is_renamed]
    tags = ProductTag.objects.open().filter(product_id__in=renamed).order_by("note_id")
    note_ids = list(tags.values_list("note_id", flat=True).distinct()) if renamed else []
    for start in range(0, len(note_ids), NOTES):
        with transaction.atomic():
            reindex(note_ids=note_ids[start : start + NOTES])
    ProductChange.objects.filter(pk__in=[change.pk for change in changes]).delete()
    return len(changes)
