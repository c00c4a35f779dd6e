"""Which texts have a term and how much it tells about each: as bytes, as arrays, as scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
#: An array over all texts is added as soon as an eighth as many postings.
DENSE_ADVANTAGE: Final = 8
#: Of so many texts in a row the best one stands for all when a threshold is looked for.
STRETCH: Final = 64
#: What is above nothing.
LEAST_SCORE: Final = 1e-30


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
    """A term of a query: where it occurs, and what an impact of one is worth.

    What of a common term is in large blocks is one array over all texts instead, ``dense``, where
    no impact is zero: that is added to scores many times faster.
    """

    term: str
    blocks: Sequence[Block]
    worth: float
    dense: Impacts = field(default_factory=lambda: np.empty(0, np.uint16))
    dense_size: int = 0

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks) + self.dense_size

    @property
    def cost(self) -> int:
        """How many postings take as long to add."""
        return sum(block.size for block in self.blocks) + len(self.dense) // DENSE_ADVANTAGE

    @property
    def end(self) -> int:
        """The first number beyond those of the texts."""
        tops = [int(block.texts.max()) + 1 for block in self.blocks if block.size]
        return max([len(self.dense), *tops])


def spread(dense: Impacts, blocks: Sequence[Block]) -> Impacts:
    """Return a dense array of what was in one before and of more blocks."""
    end = max([len(dense), *(int(block.texts.max()) + 1 for block in blocks if block.size)])
    wider = np.zeros(end, dtype=np.uint16)
    wider[: len(dense)] = dense
    for block in blocks:
        wider[block.texts] = block.impacts
    return wider


def scored(postings: Sequence[Postings], *, most: int) -> Scores:
    """Return the score of each text by its number: sum of impact times worth over the terms.

    The rarest terms come first, until about ``most`` postings were added: of a very long query the
    most common words count for nothing.
    """
    scores = np.zeros(max((each.end for each in postings), default=0), dtype=np.float32)
    left = most
    for each in sorted(postings, key=lambda one: (one.size, one.term)):
        if left <= 0:
            break
        left -= each.cost
        factor = np.float32(each.worth / LARGEST)
        if each.dense_size:
            scores[: len(each.dense)] += each.dense * factor
        for block in each.blocks:  # a text is once among the postings of a term
            scores[block.texts] += block.impacts * factor
    return scores


def best(scores: Scores, *, limit: int) -> Texts:
    """Return the texts of the highest positive scores, best first; the newest of equals first."""
    found = np.flatnonzero(scores >= max(_threshold(scores, limit), LEAST_SCORE))
    order = np.lexsort((-found, -scores[found]))[:limit]
    return found[order].astype(np.uint32)


def _threshold(scores: Scores, limit: int) -> float:
    """Return a score that at least ``limit`` texts reach: of as many stretches the best one's."""
    whole = len(scores) // STRETCH * STRETCH
    tops = scores[:whole].reshape(-1, STRETCH).max(axis=1)
    if len(tops) < limit:
        return 0.0
    return float(np.partition(tops, len(tops) - limit)[len(tops) - limit])


def having(postings: Sequence[Postings], scores: Scores) -> NDArray[np.bool_]:
    """Return bool[texts]: which of those that are scored have one of the terms."""
    there = np.zeros(len(scores), dtype=np.bool_)
    for each in postings:
        there[: len(each.dense)] |= each.dense[: len(there)] > 0
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
        if each.dense_size:
            is_within = texts < len(each.dense)
            matches[is_within, column] = each.dense[texts[is_within]] > 0
        for block in each.blocks:
            within = block.texts[block.texts < len(place)]
            there = place[within]
            matches[there[there >= 0], column] = True
    return matches
