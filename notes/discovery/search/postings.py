"""Which texts have a term and how much it tells about each: as bytes, as arrays, as scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from notes.discovery.search.bm25 import LARGEST

Texts = NDArray[np.uint32]
Impacts = NDArray[np.uint16]
Scores = NDArray[np.float32]

_TEXT: Final = np.dtype("<u4")
_IMPACT: Final = np.dtype("<u2")
#: A block that is smaller is merged with what comes; one is never larger than ``LARGEST_BLOCK``.
SMALL_BLOCK, LARGEST_BLOCK = 4_096, 32_768


class Block(NamedTuple):
    """Texts that have a term, highest impact first."""

    texts: Texts
    impacts: Impacts

    @property
    def size(self) -> int:
        return len(self.texts)

    def packed(self) -> tuple[bytes, bytes]:
        """Return both arrays as the database keeps them."""
        return self.texts.astype(_TEXT).tobytes(), self.impacts.astype(_IMPACT).tobytes()

    def head(self, size: int) -> "Block":
        """Return the first of them."""
        return Block(self.texts[:size], self.impacts[:size])


def unpacked(texts: bytes, impacts: bytes) -> Block:
    """Return a block as it was packed."""
    return Block(np.frombuffer(texts, dtype=_TEXT), np.frombuffer(impacts, dtype=_IMPACT))


def merged(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks of the same postings, highest impact first, none too large."""
    texts = np.concatenate([block.texts for block in blocks])
    impacts = np.concatenate([block.impacts for block in blocks])
    order = np.lexsort((texts, -impacts.astype(np.int32)))
    texts, impacts = texts[order], impacts[order]
    return [
        Block(texts[start : start + LARGEST_BLOCK], impacts[start : start + LARGEST_BLOCK])
        for start in range(0, len(texts), LARGEST_BLOCK)
    ]


@dataclass(frozen=True, slots=True)
class Postings:
    """A term of a query: where it occurs, and what an impact of one is worth."""

    term: str
    blocks: Sequence[Block]
    worth: float

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks)

    def cut(self, most: int) -> "Postings":
        """Return those of the highest impact of each block, about ``most`` in all."""
        if self.size <= most:
            return self
        share = most / self.size
        heads = [block.head(max(int(block.size * share), 1)) for block in self.blocks]
        return Postings(self.term, heads, self.worth)


def scored(postings: Sequence[Postings], *, deepest: int, most: int) -> Scores:
    """Return the score of each text by its number: sum of impact times worth over the terms.

    The rarest terms come first. A term gives at most its ``deepest`` postings of highest impact,
    and all of them together about ``most``: what is left out is the common words' least telling
    occurrences (docs/discovery.md#cost says what that loses).
    """
    size = max((int(b.texts.max()) for p in postings for b in p.blocks if b.size), default=-1) + 1
    scores = np.zeros(size, dtype=np.float32)
    left = most
    for each in sorted(postings, key=lambda one: (one.size, one.term)):
        taken = each.cut(min(deepest, max(left, 0)))
        left -= taken.size
        factor = np.float32(each.worth / LARGEST)
        for block in taken.blocks:  # a text is once among the postings of a term
            scores[block.texts] += block.impacts * factor
        if left <= 0:
            break
    return scores


def best(scores: Scores, *, limit: int) -> Texts:
    """Return the texts of the highest positive scores, best first; the newest of equals first."""
    found = np.flatnonzero(scores)
    if len(found) > limit:
        threshold = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= threshold]
    order = np.lexsort((-found, -scores[found]))[:limit]
    return found[order].astype(np.uint32)


def having(postings: Sequence[Postings], scores: Scores) -> NDArray[np.bool_]:
    """Return bool[texts]: which of those that are scored have one of the terms."""
    there = np.zeros(len(scores), dtype=np.bool_)
    for each in postings:
        for block in each.blocks:
            there[block.texts[block.texts < len(there)]] = True
    return there


def with_term(texts: Texts, postings: Sequence[Postings]) -> NDArray[np.bool_]:
    """Return bool[texts, terms]: which of some texts have which term."""
    matches = np.zeros((len(texts), len(postings)), dtype=np.bool_)
    if not len(texts):
        return matches
    place = np.full(int(texts.max()) + 1, -1, dtype=np.int32)
    place[texts] = np.arange(len(texts), dtype=np.int32)
    for column, each in enumerate(postings):
        for block in each.blocks:
            within = block.texts[block.texts < len(place)]
            there = place[within]
            matches[there[there >= 0], column] = True
    return matches
