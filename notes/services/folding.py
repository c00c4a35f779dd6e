"""Folding what was indexed into blocks, which are read much faster; and all of it anew."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection, transaction

from notes.discovery.search.postings import SMALL_BLOCK, Block, merged, unpacked
from notes.discovery.search.text import words
from notes.models import Indexed, IndexedText, Note, SearchIndex
from notes.services import indexing

#: So many texts are folded in one transaction, and so many terms' small blocks read at once.
TEXTS, TERMS = 20_000, 5_000
#: Whoever folds holds it; others leave it to them.
_LOCK: Final = 0x5EA2C4

_FRESH: Final = """
SELECT id, subject_id, terms, impacts FROM notes_indexedtext
WHERE kind = %s AND terms IS NOT NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_FOLDED: Final = """
UPDATE notes_indexedtext SET terms = NULL, impacts = NULL WHERE id = ANY(%s)
"""
_SMALL: Final = """
DELETE FROM notes_postingblock WHERE kind = %s AND term = ANY(%s) AND size < %s
RETURNING term, texts, impacts
"""
_COPY: Final = "COPY notes_postingblock (kind, term, size, texts, impacts) FROM STDIN"
_WORDS: Final = """
INSERT INTO notes_word AS word (text, documents) SELECT * FROM unnest(%s::varchar[], %s::int[])
ON CONFLICT (text) DO UPDATE SET documents = word.documents + excluded.documents
"""
#: Texts are numbered from one again; blocks are not, since processes know them by their numbers.
_NOTHING: Final = """
TRUNCATE notes_postingblock, notes_word, notes_searchindex;
TRUNCATE notes_indexedtext RESTART IDENTITY
"""
_STATUS: Final = """
INSERT INTO notes_searchindex AS kept (kind, documents, folded_at, words_version)
SELECT %(kind)s::varchar, count(*), %(at)s::timestamptz, 1
FROM notes_indexedtext WHERE kind = %(kind)s AND terms IS NULL
ON CONFLICT (kind) DO UPDATE SET documents = excluded.documents, folded_at = excluded.folded_at,
                                 words_version = kept.words_version + 1
"""


def fold(*, at: datetime, kind: Indexed = Indexed.NOTE) -> int:
    """Fold what was indexed since into blocks; return how many texts those were.

    At most ``TEXTS`` at a time. Whoever searches sees a text in the blocks or apart from them,
    never twice. Where somebody else is folding, nothing is done; where nobody ever did, the notes
    that are older than the index are indexed first.
    """
    if kind == Indexed.NOTE and not SearchIndex.objects.filter(pk=kind).exists():
        index_older()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_FRESH, [kind.value, TEXTS])
        rows = cursor.fetchall()
        if rows:
            _add(cursor, kind, _by_term((id_, terms, told) for id_, _, terms, told in rows))
            _learn(cursor, indexing.texts_of(kind, [subject_id for _, subject_id, *_ in rows]))
            cursor.execute(_FOLDED, [[id_ for id_, *_ in rows]])
            cursor.execute(_STATUS, {"kind": kind.value, "at": at})
    return len(rows)


def fold_all(*, at: datetime) -> int:
    """Index the products that changed, and fold all that was indexed; return how many texts."""
    while indexing.index_changed_products() == indexing.CHANGES:
        pass
    count = 0
    for kind in Indexed:
        folded = TEXTS
        while folded == TEXTS:
            folded = fold(at=at, kind=kind)
            count += folded
    return count


def index_older(*, chunk: int = 2_000) -> None:
    """Index the notes that were there before there was an index."""
    older = Note.objects.existing().exclude(
        pk__in=IndexedText.objects.filter(kind=Indexed.NOTE).values("subject_id")
    )
    ids = list(older.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), chunk):
        with transaction.atomic():
            indexing.reindex(note_ids=ids[start : start + chunk])


def rebuild(*, at: datetime, chunk: int = 50_000) -> int:
    """Index every note and product anew, from nothing; return how many there are.

    Nobody finds or publishes anything meanwhile: all of it is one transaction.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_NOTHING)
        count = 0
        for kind in Indexed:
            ids = indexing.subjects_of(kind)
            for start in range(0, len(ids), chunk):
                some = ids[start : start + chunk]
                _rebuild_some(cursor, kind, some, first=count + 1)
                count += len(some)
            cursor.execute(_STATUS, {"kind": kind.value, "at": at})
        cursor.execute("SELECT setval('notes_indexedtext_id_seq', %s)", [max(count, 1)])
    return count


def _rebuild_some(cursor: Any, kind: Indexed, ids: Sequence[int], *, first: int) -> None:
    texts = indexing.texts_of(kind, ids)
    numbered = list(enumerate(texts, first))
    with cursor.copy("COPY notes_indexedtext (id, kind, subject_id) FROM STDIN") as copy:
        for number, subject_id in numbered:
            copy.write_row((number, kind.value, subject_id))
    found = (
        (number, list(told), list(told.values()))
        for number, subject_id in numbered
        for told in [indexing.impacts_of(texts[subject_id])]
    )
    _add(cursor, kind, _by_term(found))
    _learn(cursor, texts)


def _by_term(rows: Iterable[tuple[int, Sequence[str], Sequence[int]]]) -> dict[str, Block]:
    """Return the postings of each term, given each text's number, terms and impacts."""
    texts: defaultdict[str, list[int]] = defaultdict(list)
    impacts: defaultdict[str, list[int]] = defaultdict(list)
    for number, terms, told in rows:
        for term, impact in zip(terms, told, strict=True):
            texts[term].append(number)
            impacts[term].append(impact)
    return {
        term: Block(np.array(texts[term], np.uint32), np.array(impacts[term], np.uint16))
        for term in texts
    }


def _add(cursor: Any, kind: Indexed, fresh: Mapping[str, Block]) -> None:
    """Write the postings of each term into blocks, those together that were small."""
    for terms in _in_parts(sorted(fresh)):
        found: defaultdict[str, list[Block]] = defaultdict(list)
        cursor.execute(_SMALL, [kind.value, terms, SMALL_BLOCK])
        for term, texts, impacts in cursor.fetchall():
            found[term].append(unpacked(bytes(texts), bytes(impacts)))
        with cursor.copy(_COPY) as copy:
            for term in terms:
                for block in merged([*found[term], fresh[term]]):
                    copy.write_row((kind.value, term, block.size, *block.packed()))


def _in_parts(terms: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(terms), TERMS):
        yield list(terms[start : start + TERMS])


def _learn(cursor: Any, texts: Mapping[int, indexing.Text]) -> None:
    """Count the words of texts as they are written, each once a text, for the vocabulary."""
    counted: Counter[str] = Counter()
    for text in texts.values():
        counted.update({word for field in text.fields for word in words(field)})
    found = sorted(word for word in counted if not word.isdigit())
    cursor.execute(_WORDS, [found, [counted[word] for word in found]])
