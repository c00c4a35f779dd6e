"""Looking terms up: one query, whatever the index holds, and nothing that was read before."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import connection

from notes.discovery.search.bm25 import inverse_document_frequency
from notes.discovery.search.postings import Block, Postings, unpacked

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


class BlockCache:
    """Blocks that this process read; they never change, and those unused longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._of_terms: dict[tuple[str, str], set[int]] = {}
        self._lock = Lock()

    def known(self, kind: str, terms: Iterable[str]) -> list[int]:
        """Return the blocks of the terms that are here."""
        with self._lock:
            return [id_ for term in terms for id_ in self._of_terms.get((kind, term), ())]

    def get(self, id_: int) -> Block | None:
        with self._lock:
            block = self._blocks.get(id_)
            if block is not None:
                self._blocks.move_to_end(id_)
            return block

    def put(self, kind: str, term: str, id_: int, block: Block) -> None:
        with self._lock:
            if id_ in self._blocks:
                return
            self._blocks[id_] = block
            self._of_terms.setdefault((kind, term), set()).add(id_)
            self.held_bytes += _bytes_of(block)
            while self.held_bytes > self.most_bytes and len(self._blocks) > 1:
                gone, oldest = self._blocks.popitem(last=False)
                self.held_bytes -= _bytes_of(oldest)
                self._forget(gone)

    def _forget(self, id_: int) -> None:
        for key in [key for key, ids in self._of_terms.items() if id_ in ids]:
            self._of_terms[key].discard(id_)
            if not self._of_terms[key]:
                del self._of_terms[key]


def _bytes_of(block: Block) -> int:
    return block.texts.nbytes + block.impacts.nbytes


_cache: Final = BlockCache(settings.SEARCH_CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the terms of a query occur; those that occur nowhere are left out."""

    postings: Sequence[Postings]
    documents: int


def look_up(kind: str, terms: Mapping[str, float]) -> Found:
    """Return the postings of each term, worth its rarity times how much it counts."""
    if not terms:
        return Found((), 0)
    rows = _read(kind, list(terms))
    documents = next(number for term, number, *_ in rows if not term)
    blocks: dict[str, list[Block]] = {}
    for term, id_, *packed in rows:
        if term:
            blocks.setdefault(term, []).append(_block(kind, term, id_, packed))
    sizes = np.array([sum(b.size for b in blocks[term]) for term in blocks], dtype=np.float64)
    rarity = inverse_document_frequency(containing=sizes, documents=documents)
    return Found(
        [
            Postings(term, blocks[term], float(rare) * terms[term])
            for term, rare in zip(blocks, rarity, strict=True)
        ],
        documents,
    )


def _read(kind: str, terms: list[str]) -> list[tuple[Any, ...]]:
    known = _cache.known(kind, terms)
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKS, {"kind": kind, "terms": terms, "known": known})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _block(kind: str, term: str, id_: int, packed: Sequence[Any]) -> Block:
    texts, impacts, fresh_texts, fresh_impacts = packed
    if not id_:
        return Block(
            np.array(fresh_texts, dtype=np.uint32), np.array(fresh_impacts, dtype=np.uint16)
        )
    block = unpacked(bytes(texts), bytes(impacts)) if texts is not None else _cache.get(id_)
    if block is None:  # it was dropped between the two looks: read it after all
        return _read_again(id_)
    _cache.put(kind, term, id_, block)
    return block


def _read_again(id_: int) -> Block:
    with connection.cursor() as cursor:
        cursor.execute("SELECT texts, impacts FROM notes_postingblock WHERE id = %s", [id_])
        row = cursor.fetchone()
    if row is None:
        return Block(np.empty(0, np.uint32), np.empty(0, np.uint16))
    return unpacked(bytes(row[0]), bytes(row[1]))
