"""Notes that have a word of a query, with how often and where: two queries for a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection

from notes.discovery.policies import SearchPolicy
from notes.discovery.ranking import INTERACTIONS, Floats, Ints, interactions_of


@dataclass(frozen=True, slots=True)
class Hits:
    """The notes found, arrays of one length ``n``, and how rare the query's words are."""

    terms: Sequence[str]
    note_ids: Ints
    author_ids: Ints
    published_at: Floats  #: seconds since 1970
    interactions: dict[str, Floats]
    lengths: Floats  #: float64[n, fields], words of title, tags and body
    occurrences: Floats  #: float64[n, fields, terms]
    containing: Floats  #: float64[terms], how many published notes have the word
    documents: int  #: how many published notes there are


_HITS: Final = f"""
WITH readable AS NOT MATERIALIZED (
    SELECT note.id, note.published_at, note.tokens
    FROM notes_note note JOIN accounts_user author ON author.id = note.author_id
    WHERE note.state = 'published' AND note.published_at <= %(at)s AND author.is_active
      AND (%(type)s = '' OR note.type = %(type)s)
), any_word AS (
    SELECT id FROM readable WHERE tokens && %(terms)s::varchar[]
    ORDER BY published_at DESC, id DESC LIMIT %(most)s
), every_word AS (
    SELECT id FROM readable WHERE tokens @> %(terms)s::varchar[]
    ORDER BY published_at DESC, id DESC LIMIT %(most)s
)
SELECT note.id, note.author_id, extract(epoch FROM note.published_at)::float8,
       {", ".join(f"coalesce(counts.{name}, 0)" for name in INTERACTIONS)},
       ARRAY[cardinality(note.title_tokens), cardinality(note.tag_tokens),
             cardinality(note.body_tokens)],
       ARRAY(
           SELECT ARRAY[
               cardinality(array_positions(note.title_tokens, wanted.term)),
               cardinality(array_positions(note.tag_tokens, wanted.term)),
               cardinality(array_positions(note.body_tokens, wanted.term))]
           FROM unnest(%(terms)s::varchar[]) WITH ORDINALITY AS wanted(term, place)
           ORDER BY wanted.place)
FROM (SELECT id FROM any_word UNION SELECT id FROM every_word) found
JOIN notes_note note ON note.id = found.id
LEFT JOIN notes_notecounts counts ON counts.note_id = note.id
ORDER BY note.id
"""  # noqa: S608 - the names of our own columns

_RARITY: Final = """
SELECT (SELECT count(*) FROM notes_note WHERE state = 'published' AND published_at <= %(at)s),
       ARRAY(
           SELECT (SELECT count(*) FROM notes_note note
                   WHERE note.state = 'published' AND note.published_at <= %(at)s
                     AND note.tokens @> ARRAY[wanted.term])
           FROM unnest(%(terms)s::varchar[]) WITH ORDINALITY AS wanted(term, place)
           ORDER BY wanted.place)
"""


def load(*, terms: Sequence[str], type_: str, at: datetime, policy: SearchPolicy) -> Hits:
    """Return the notes with one of the words: the newest, and the newest that have them all."""
    parameters: dict[str, Any] = {
        "terms": list(terms),
        "type": type_,
        "at": at,
        "most": policy.candidates,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HITS, parameters)
        rows = cursor.fetchall()
        cursor.execute(_RARITY, parameters)
        documents, containing = cursor.fetchone()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    fields = len(policy.FIELDS)
    return Hits(
        terms=terms,
        note_ids=np.array(columns[0], dtype=np.int64),
        author_ids=np.array(columns[1], dtype=np.int64),
        published_at=np.array(columns[2], dtype=np.float64),
        interactions=interactions_of(columns[3:8]),
        lengths=np.array(columns[8], dtype=np.float64).reshape(len(rows), fields),
        occurrences=np.array(columns[9], dtype=np.float64)
        .reshape(len(rows), len(terms), fields)
        .swapaxes(1, 2),
        containing=np.array(containing, dtype=np.float64),
        documents=documents,
    )
