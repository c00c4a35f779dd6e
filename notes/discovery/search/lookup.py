"""Looking terms up: one query, whatever the index holds, and nothing that was read before."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import connection

from notes.discovery.search.bm25 import inverse_document_frequency
from notes.discovery.search.postings import (
    DENSE_ADVANTAGE,
    SMALL_BLOCK,
    Block,
    Impacts,
    Postings,
    spread,
    unpacked,
)

#: A term is held as an array over all texts from so many postings on.
LEAST_DENSE: Final = 32_768
#: What a term takes besides its postings, about.
OVERHEAD_BYTES: Final = 1_000

#: Blocks, and what was indexed since the last of them was made, as one moment saw them.
_BLOCKS: Final = """
SELECT term, id, CASE WHEN id = ANY(%(known)s) THEN NULL ELSE texts END,
       CASE WHEN id = ANY(%(known)s) THEN NULL ELSE impacts END, NULL::bigint[], NULL::int[]
FROM notes_postingblock WHERE kind = %(kind)s AND term = ANY(%(terms)s)
UNION ALL
SELECT fresh.term, 0, NULL, NULL, array_agg(text.id), array_agg(fresh.impact)
FROM notes_indexedtext AS text
CROSS JOIN LATERAL unnest(text.terms, text.impacts) AS fresh (term, impact)
WHERE text.terms IS NOT NULL AND text.kind = %(kind)s
  AND text.terms && %(terms)s::varchar[] AND fresh.term = ANY(%(terms)s)
GROUP BY fresh.term
UNION ALL
SELECT '', coalesce((SELECT documents FROM notes_searchindex WHERE kind = %(kind)s), 0)
           + (SELECT count(*) FROM notes_indexedtext WHERE terms IS NOT NULL AND kind = %(kind)s),
       NULL, NULL, NULL, NULL
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What this process read of a term: large blocks one by one, or as one array over all texts."""

    blocks: Mapping[int, Block] = field(default_factory=dict)
    spread: frozenset[int] = frozenset()  #: the blocks that are in ``dense``
    dense: Impacts = field(default_factory=lambda: np.empty(0, np.uint16))
    dense_size: int = 0

    @property
    def known(self) -> list[int]:
        return [*self.blocks, *self.spread]

    @property
    def bytes(self) -> int:
        apart = sum(b.texts.nbytes + b.impacts.nbytes for b in self.blocks.values())
        return OVERHEAD_BYTES + self.dense.nbytes + apart

    def renewed(self, there: Set[int], read: Mapping[int, Block]) -> "Held | None":
        """Return what is held once some blocks were read and others are gone.

        None where that cannot be known from what is here: the array has blocks that are gone.
        """
        if not read and there == {*self.known}:
            return self
        if not self.spread <= there:
            return None
        blocks = {id_: b for id_, b in {**self.blocks, **read}.items() if id_ in there}
        if not there <= self.spread | blocks.keys():
            return None
        large = {id_: b for id_, b in blocks.items() if b.size >= SMALL_BLOCK}
        size = self.dense_size + sum(b.size for b in large.values())
        end = max([len(self.dense), *(int(b.texts.max()) + 1 for b in large.values())], default=0)
        if not large or size < LEAST_DENSE or size * DENSE_ADVANTAGE < end:
            return replace(self, blocks=blocks)
        return Held(
            blocks={id_: b for id_, b in blocks.items() if id_ not in large},
            spread=self.spread | large.keys(),
            dense=spread(self.dense, list(large.values())),
            dense_size=size,
        )


class TermCache:
    """The terms that this process read; those unused longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._terms: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._lock = Lock()

    def get(self, kind: str, term: str) -> Held:
        with self._lock:
            held = self._terms.get((kind, term))
            if held is None:
                return Held()
            self._terms.move_to_end((kind, term))
            return held

    def put(self, kind: str, term: str, held: Held) -> None:
        with self._lock:
            gone = self._terms.pop((kind, term), None)
            self.held_bytes += held.bytes - (gone.bytes if gone else 0)
            self._terms[(kind, term)] = held
            while self.held_bytes > self.most_bytes and len(self._terms) > 1:
                _, oldest = self._terms.popitem(last=False)
                self.held_bytes -= oldest.bytes


_cache: Final = TermCache(settings.SEARCH_CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the terms of a query occur; those that occur nowhere are left out."""

    postings: Sequence[Postings]
    documents: int


def look_up(kind: str, terms: Mapping[str, float]) -> Found:
    """Return the postings of each term, worth its rarity times how much it counts."""
    if not terms:
        return Found((), 0)
    held = {term: _cache.get(kind, term) for term in terms}
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for row in _read(kind, list(terms), known=[id_ for h in held.values() for id_ in h.known]):
        rows.setdefault(row[0], []).append(row)
    [(_, documents, *_)] = rows.pop("")
    postings = [
        _postings(kind, term, held[term], rows[term], weight)
        for term, weight in terms.items()
        if term in rows
    ]
    sizes = np.array([each.size for each in postings], dtype=np.float64)
    rarity = inverse_document_frequency(containing=sizes, documents=documents)
    return Found(
        [
            replace(each, worth=each.worth * float(rare))
            for each, rare in zip(postings, rarity, strict=True)
        ],
        documents,
    )


def _read(kind: str, terms: list[str], *, known: list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKS, {"kind": kind, "terms": terms, "known": known})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _postings(
    kind: str, term: str, held: Held, rows: Sequence[tuple[Any, ...]], weight: float
) -> Postings:
    """Return a term's postings from what is held, what was read, and what is not folded yet."""
    there = {id_ for _, id_, *_ in rows if id_}
    renewed = held.renewed(there, _blocks(rows))
    if renewed is None:  # what was held is of an index that is gone
        rows = [row for row in _read(kind, [term], known=[]) if row[0] == term]
        renewed = Held().renewed({id_ for _, id_, *_ in rows if id_}, _blocks(rows)) or Held()
    if renewed is not held:
        _cache.put(kind, term, renewed)
    fresh = [
        Block(np.array(texts, dtype=np.uint32), np.array(impacts, dtype=np.uint16))
        for _, id_, _, _, texts, impacts in rows
        if not id_
    ]
    return Postings(
        term, [*renewed.blocks.values(), *fresh], weight, renewed.dense, renewed.dense_size
    )


def _blocks(rows: Sequence[tuple[Any, ...]]) -> dict[int, Block]:
    return {
        id_: unpacked(bytes(texts), bytes(impacts))
        for _, id_, texts, impacts, _, _ in rows
        if texts is not None
    }
