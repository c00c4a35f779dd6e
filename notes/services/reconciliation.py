"""The counters of notes and the index of their words, compared with what they come from."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from notes.discovery.search.postings import unpacked
from notes.models import Indexed, IndexedText, Note, PostingBlock
from notes.services import counts, indexing
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
    """Compare what each note is found by with what its text, topics and products say now.

    Renaming a product does not index the notes anew that show it: these are told.
    """
    return Comparison(
        scope=f"words of {Note.objects.existing().count()} notes", differences=_different()
    )


def _different() -> Iterator[str]:
    with snapshot():
        number_of = dict(
            IndexedText.objects.filter(kind=Indexed.NOTE).values_list("subject_id", "pk")
        )
        kept = _kept(max(number_of.values(), default=0) + 1)
        ids = list(Note.objects.existing().order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(ids), CHUNK):
            texts = indexing.texts_of(ids[start : start + CHUNK])
            for note_id, text in texts.items():
                if note_id not in number_of:
                    yield f"note {note_id} is not in the index"
                elif _sum(indexing.impacts_of(text)) != kept[number_of[note_id]]:
                    yield f"note {note_id} is found by other words than it has"


def _kept(end: int) -> NDArray[np.uint64]:
    """Return uint64[texts], for each text the sum over its terms as the index has them."""
    kept = np.zeros(end, dtype=np.uint64)
    blocks = PostingBlock.objects.filter(kind=Indexed.NOTE)
    for term, texts, impacts in blocks.values_list("term", "texts", "impacts").iterator():
        block = unpacked(bytes(texts), bytes(impacts))
        there = block.texts < end
        kept[block.texts[there]] += block.impacts[there].astype(np.uint64) * np.uint64(_hash(term))
    fresh = IndexedText.objects.filter(kind=Indexed.NOTE, terms__isnull=False)
    for number, terms, told in fresh.values_list("pk", "terms", "impacts").iterator():
        kept[number] += np.uint64(_sum(dict(zip(terms or (), told or (), strict=True))))
    return kept


def _sum(impacts: Mapping[str, int]) -> int:
    """Return a number that other terms or impacts would hardly give: sum of hash times impact."""
    return sum(_hash(term) * impact for term, impact in impacts.items()) % _WHOLE


def _hash(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest())
