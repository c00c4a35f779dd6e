"""Notes that have words of a query: looked up in the index, read once, whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
from django.db import connection

from notes.discovery.policies import SearchPolicy
from notes.discovery.ranking.arrays import Bools, Floats, Ints
from notes.discovery.ranking.features import interactions_of
from notes.discovery.ranking.pool import INTERACTIONS
from notes.discovery.search import postings
from notes.discovery.search.lookup import Found, look_up
from notes.discovery.search.postings import Postings, Texts
from notes.discovery.search.text import facet
from notes.models import Indexed

#: So much deeper each look is than the one before, where filters left too little.
DEEPER: Final = 8
_NOTES: Final = f"""
SELECT wanted.place, note.id, note.author_id, extract(epoch FROM note.published_at)::float8,
       {", ".join(f"coalesce(counts.{name}, 0)" for name in INTERACTIONS)}
FROM unnest(%(texts)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN notes_indexedtext AS text ON text.id = wanted.id AND text.kind = 'note'
JOIN notes_note note ON note.id = text.subject_id
JOIN accounts_user author ON author.id = note.author_id
LEFT JOIN notes_notecounts counts ON counts.note_id = note.id
WHERE note.state = 'published' AND note.published_at <= %(at)s AND author.is_active
ORDER BY wanted.place
"""  # noqa: S608 - the names of our own columns


@dataclass(frozen=True, slots=True)
class Hits:
    """The notes found, arrays of one length ``n``, and what each word says of them."""

    terms: Sequence[str]
    note_ids: Ints
    author_ids: Ints
    published_at: Floats  #: seconds since 1970
    interactions: dict[str, Floats]
    match: Floats  #: float64[n], what BM25 gives
    has_term: Bools  #: bool[n, terms]


class Sort(StrEnum):
    """What the first of the notes found is."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    POPULAR = "popular"


def load(
    found: Found, *, type_: str, at: datetime, policy: SearchPolicy, sort: Sort = Sort.RELEVANCE
) -> Hits:
    """Return the readable notes that match best; to be sorted, more of those that match well.

    Looks deeper where what matched best may not be shown.
    """
    scores = postings.scored(found.postings, most=policy.postings)
    if type_:
        scores *= postings.having(look_up(Indexed.NOTE.value, {facet(type_): 1.0}).postings, scores)
    is_sorted = sort != Sort.RELEVANCE
    least = policy.least_share_sorted if is_sorted else policy.least_share
    if len(scores):
        scores[scores < least * scores.max()] = 0.0
    limit = policy.sorted_candidates if is_sorted else policy.candidates
    while True:
        texts = _chosen(scores, sort=sort, limit=limit)
        rows = _read(texts, at=at)
        if len(rows) >= policy.depth or len(texts) < limit or limit >= policy.most_candidates:
            return _hits(rows, texts, scores, found.postings)
        limit *= DEEPER


def _chosen(scores: postings.Scores, *, sort: Sort, limit: int) -> Texts:
    """Return the best texts; to be sorted by age, those indexed last: a note is published soon
    after it was written."""
    if sort == Sort.NEWEST:
        return np.flatnonzero(scores)[-limit:].astype(np.uint32)
    return postings.best(scores, limit=limit)


def _read(texts: Texts, *, at: datetime) -> list[tuple[Any, ...]]:
    if not len(texts):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_NOTES, {"texts": texts.tolist(), "at": at})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _hits(
    rows: Sequence[tuple[Any, ...]],
    texts: Texts,
    scores: postings.Scores,
    found: Sequence[Postings],
) -> Hits:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    chosen = texts[np.array(columns[0], dtype=np.int64) - 1]
    return Hits(
        terms=[each.term for each in found],
        note_ids=np.array(columns[1], dtype=np.int64),
        author_ids=np.array(columns[2], dtype=np.int64),
        published_at=np.array(columns[3], dtype=np.float64),
        interactions=interactions_of(columns[4:9]),
        match=scores[chosen].astype(np.float64),
        has_term=postings.with_term(chosen, found),
    )
