"""The counters of notes and the index of their words, compared with what they come from."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from notes.discovery.search.postings import unpacked
from notes.models import Indexed, IndexedText, Note, PostingBlock, ProductTag
from notes.services import counts, indexing
from redshop.catalog.models import Product, ProductChange
from redshop.core.db import snapshot
from redshop.core.reconciliation import Comparison

#: So many notes are read at once.
CHUNK: Final = 2_000
_WHOLE: Final = 2**64


def compare() -> Comparison:
    """Compare the counters of each note with its likes, saves, comments, shares and follows."""
    return Comparison(
        scope=f"counters of {Note.objects.count()} notes",
        differences=(
            f"note {found.note_id}: {found.name} says {found.kept}, its rows say {found.counted}"
            for found in counts.compare()
        ),
    )


def compare_index() -> Comparison:
    """Compare what each note and product is found by with what its words say now.

    What waits to be indexed anew, since a product changed, is left out.
    """
    notes, products = Note.objects.existing().count(), Product.objects.count()
    return Comparison(
        scope=f"words of {notes} notes and {products} products",
        differences=chain.from_iterable(_different(kind) for kind in Indexed),
    )


def _different(kind: Indexed) -> Iterator[str]:
    with snapshot():
        number_of = dict(IndexedText.objects.filter(kind=kind).values_list("subject_id", "pk"))
        kept = _kept(kind, max(number_of.values(), default=0) + 1)
        waiting = _waiting(kind)
        ids = [pk for pk in indexing.subjects_of(kind) if pk not in waiting]
        for start in range(0, len(ids), CHUNK):
            texts = indexing.texts_of(kind, ids[start : start + CHUNK])
            for subject_id, text in texts.items():
                if subject_id not in number_of:
                    yield f"{kind} {subject_id} is not in the index"
                elif _sum(indexing.impacts_of(text)) != kept[number_of[subject_id]]:
                    yield f"{kind} {subject_id} is found by other words than it has"


def _waiting(kind: Indexed) -> set[int]:
    changes = ProductChange.objects.all()
    if kind == Indexed.PRODUCT:
        return set(changes.values_list("product_id", flat=True))
    renamed = changes.filter(is_renamed=True).values("product_id")
    tags = ProductTag.objects.open().filter(product_id__in=renamed)
    return set(tags.values_list("note_id", flat=True))


def _kept(kind: Indexed, end: int) -> NDArray[np.uint64]:
    """Return uint64[texts], for each text the sum over its terms as the index has them."""
    kept = np.zeros(end, dtype=np.uint64)
    blocks = PostingBlock.objects.filter(kind=kind)
    for term, texts, impacts in blocks.values_list("term", "texts", "impacts").iterator():
        block = unpacked(bytes(texts), bytes(impacts))
        there = block.texts < end
        kept[block.texts[there]] += block.impacts[there].astype(np.uint64) * np.uint64(_hash(term))
    fresh = IndexedText.objects.filter(kind=kind, terms__isnull=False)
    for number, terms, told in fresh.values_list("pk", "terms", "impacts").iterator():
        kept[number] += np.uint64(_sum(dict(zip(terms or (), told or (), strict=True))))
    return kept


def _sum(impacts: Mapping[str, int]) -> int:
    """Return a number that other terms or impacts would hardly give: sum of hash times impact."""
    return sum(_hash(term) * impact for term, impact in impacts.items()) % _WHOLE


def _hash(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest())
