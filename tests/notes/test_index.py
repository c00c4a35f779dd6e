"""What was indexed is found the same before and after it is folded, changed and made anew."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from notes.discovery.search import postings
from notes.discovery.search.lookup import OVERHEAD_BYTES, Held, TermCache
from notes.discovery.search.notes import search_notes
from notes.discovery.search.postings import (
    LARGEST_BLOCK,
    Block,
    Postings,
    best,
    having,
    merged,
    scored,
    spread,
    unpacked,
    with_term,
)
from notes.discovery.types import Viewer
from notes.factories import NoteFactory, SynonymFactory
from notes.models import IndexedText, Note, PostingBlock, SearchIndex, Word
from notes.services import authoring, folding, indexing
from notes.services.reconciliation import compare_index
from notes.types import NoteChanges
from redshop.accounts.models import User
from tests.races import at_once

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=2)


def found(query: str) -> list[int]:
    return search_notes(query=query, viewer=Viewer(), at=NOW).note_ids


def write(author: User, *titles: str) -> list[Note]:
    return [
        NoteFactory.create(author=author, title=title, body="x", topics=[], published_at=AGO)
        for title in titles
    ]


@pytest.mark.django_db
def test_folding_changes_nothing_that_is_found(author: User) -> None:
    write(author, "green tea", "black tea", "tea and cake", "防晒霜推荐", "Il caffè")
    queries = ("tea", "green", "cake tea", "防晒", "caffe")
    before = [found(query) for query in queries]

    assert folding.fold(at=NOW) == 5

    assert [found(query) for query in queries] == before
    assert IndexedText.objects.filter(terms__isnull=False).count() == 0
    assert SearchIndex.objects.get().documents == 5
    assert folding.fold(at=NOW) == 0


@pytest.mark.django_db
def test_half_folded_is_found_like_all_folded(author: User) -> None:
    write(author, "green tea", "tea time")
    folding.fold(at=NOW)
    write(author, "tea again", "nothing of it")
    half = found("tea")

    folding.fold(at=NOW)

    assert found("tea") == half
    assert len(half) == 3
    assert PostingBlock.objects.filter(term="tea").count() == 1  # small blocks are put together


@pytest.mark.django_db
def test_a_note_that_changed_is_found_by_its_new_words_alone(author: User) -> None:
    [note] = write(author, "green tea")
    folding.fold(at=NOW)

    changes = NoteChanges(title="black coffee")
    authoring.edit(note_id=note.pk, author_id=author.pk, at=NOW, changes=changes)

    assert (found("tea"), found("coffee")) == ([], [note.pk])
    folding.fold(at=NOW)
    assert (found("tea"), found("coffee")) == ([], [note.pk])


@pytest.mark.django_db
def test_all_of_it_made_anew_finds_the_same(author: User) -> None:
    notes = write(author, "green tea", "black tea", "cake")
    folding.fold(at=NOW)
    indexing.reindex(note_ids=[notes[0].pk])
    before = [found(query) for query in ("tea", "cake")]
    words = set(Word.objects.values_list("text", "documents"))

    call_command("reindex", "--rebuild")

    assert [found(query) for query in ("tea", "cake")] == before
    assert list(IndexedText.objects.order_by("pk").values_list("pk", flat=True)) == [1, 2, 3]
    assert words == set(Word.objects.values_list("text", "documents"))


@pytest.mark.django_db
def test_notes_that_are_older_than_the_index_are_indexed_by_its_first_folding(
    author: User,
) -> None:
    [note] = write(author, "green tea")
    IndexedText.objects.all().delete()
    assert found("tea") == []

    folding.fold(at=NOW)

    assert found("tea") == [note.pk]


@pytest.mark.django_db
def test_a_mistyped_word_is_taken_for_the_one_in_the_best_company(author: User) -> None:
    """Both "turing" and "during" are an edit from "uring"; only one goes with "machine"."""
    [right, *_] = write(
        author, "the turing machine", "during lunch", "during dinner", "during the day", "machines"
    )
    folding.fold(at=NOW)

    page = search_notes(query="uring machine", viewer=Viewer(), at=NOW)

    assert (page.corrected_query, page.note_ids[0]) == ("turing machine", right.pk)
    assert search_notes(query="turing", viewer=Viewer(), at=NOW).corrected_query == ""


@pytest.mark.django_db
def test_the_word_typed_last_may_be_unfinished(author: User) -> None:
    [cream, _] = write(author, "moisturising cream", "linen dress")
    folding.fold(at=NOW)

    page = search_notes(query="moistu", viewer=Viewer(), at=NOW)

    assert (page.note_ids, page.corrected_query) == ([cream.pk], "")
    assert [reason.text for reason in page.items[0].reasons] == ["It matches moisturising"]


@pytest.mark.django_db
def test_synonyms_find_each_others_notes_and_count_a_little_less(author: User) -> None:
    SynonymFactory.create(words=["sunscreen", "sun cream", "防晒霜"])
    english, two_words, chinese = write(author, "sunscreen", "my sun cream", "防晒霜")
    write(author, "cream cheese")

    assert found("sunscreen")[0] == english.pk
    assert {english.pk, two_words.pk, chinese.pk} <= set(found("sunscreen"))
    assert found("防晒霜怎么选")[0] == chinese.pk
    assert english.pk in found("防晒霜怎么选")
    assert chinese.pk not in found("cream")


@pytest.mark.django_db(transaction=True)
def test_folding_at_once_folds_each_text_once(author: User) -> None:
    write(author, *(f"tea {n}" for n in range(20)))

    at_once([lambda: folding.fold(at=NOW)] * 4)

    assert sum(PostingBlock.objects.filter(term="tea").values_list("size", flat=True)) == 20
    assert len(found("tea")) == 20


BLOCKS = st.dictionaries(st.integers(0, 50), st.integers(1, 65_535), max_size=30).map(
    lambda told: Block(np.array([*told], np.uint32), np.array([*told.values()], np.uint16))
)


@given(st.lists(BLOCKS, min_size=1, max_size=4))
def test_merged_blocks_hold_the_same_postings_highest_first(blocks: list[Block]) -> None:
    together = merged(blocks)

    pairs = [(t, i) for b in together for t, i in zip(b.texts, b.impacts, strict=True)]
    assert sorted(pairs) == sorted(
        (t, i) for b in blocks for t, i in zip(b.texts, b.impacts, strict=True)
    )
    assert [impact for _, impact in pairs] == sorted((i for _, i in pairs), reverse=True)
    assert [unpacked(*b.packed()).texts.tolist() for b in together] == [
        b.texts.tolist() for b in together
    ]


@given(st.lists(st.tuples(BLOCKS, st.floats(0.1, 9)), max_size=5), st.integers(1, 60))
def test_the_best_are_those_of_a_plain_reckoning(
    asked: list[tuple[Block, float]], limit: int
) -> None:
    plain: dict[int, float] = {}
    for block, worth in asked:
        for text, impact in zip(block.texts.tolist(), block.impacts.tolist(), strict=True):
            plain[text] = plain.get(text, 0.0) + impact * worth / 65_535

    terms = [Postings(str(n), [block], worth) for n, (block, worth) in enumerate(asked)]
    scores = scored(terms, most=1_000)
    chosen = best(scores, limit=limit)

    assert [scores[text] for text in chosen] == pytest.approx(
        sorted(plain.values(), reverse=True)[:limit], rel=1e-4
    )


def test_of_a_very_long_query_the_most_common_words_are_left_out() -> None:
    common = Block(np.arange(100, dtype=np.uint32), np.arange(100, 0, -1).astype(np.uint16))
    rare = Block(np.array([99], np.uint32), np.array([50], np.uint16))
    terms = [Postings("common", [common], 1.0), Postings("rare", [rare], 1.0)]

    assert len(np.flatnonzero(scored(terms, most=1_000))) == 100
    assert np.flatnonzero(scored(terms, most=1)).tolist() == [99]


@given(st.lists(BLOCKS, min_size=1, max_size=3), BLOCKS)
def test_an_array_over_all_texts_says_what_its_blocks_say(blocks: list[Block], more: Block) -> None:
    distinct = [
        Block(block.texts + np.uint32(100 * n), block.impacts)
        for n, block in enumerate([*blocks, more])
    ]
    apart = Postings("tea", distinct, 2.0)
    dense = spread(spread(np.empty(0, np.uint16), distinct[:-1]), distinct[-1:])
    together = Postings("tea", [], 2.0, dense, sum(block.size for block in distinct))
    texts = np.arange(apart.end, dtype=np.uint32)

    assert scored([together], most=10_000).tolist() == scored([apart], most=10_000).tolist()
    assert together.size == apart.size
    for one, other in ((with_term(texts, [apart]), with_term(texts, [together])),):
        assert one.tolist() == other.tolist()
    assert (
        having([apart], texts.astype(np.float32)).tolist()
        == having([together], texts.astype(np.float32)).tolist()
    )


def blocks_of(*sizes: int) -> dict[int, Block]:
    """Make blocks with numbers from 1, of different texts."""
    ends = np.cumsum(sizes)
    return {
        n: Block(np.arange(end - size, end, dtype=np.uint32), np.full(size, n, np.uint16))
        for n, (size, end) in enumerate(zip(sizes, ends, strict=True), 1)
    }


def test_what_is_held_of_a_common_term_is_renewed_block_by_block() -> None:
    read = blocks_of(LARGEST_BLOCK, LARGEST_BLOCK, 10, LARGEST_BLOCK, 20)
    first = {n: read[n] for n in (1, 2, 3)}

    held = Held().renewed({1, 2, 3}, first)
    assert held is not None
    later = held.renewed({1, 2, 4, 5}, {4: read[4], 5: read[5]})

    assert (set(held.spread), set(held.blocks)) == ({1, 2}, {3})
    assert held.dense_size == 2 * LARGEST_BLOCK
    assert later is not None
    assert (set(later.spread), set(later.blocks)) == ({1, 2, 4}, {5})
    assert later.dense[read[4].texts].tolist() == read[4].impacts.tolist()
    assert held.renewed({2, 3}, {}) is None  # a block of the array is gone
    assert held.renewed({1, 2, 3, 4}, {}) is None  # one is missing


def test_terms_unused_longest_are_dropped_first() -> None:
    held = Held({1: Block(np.zeros(10, np.uint32), np.zeros(10, np.uint16))})  # 60 bytes
    cache = TermCache(most_bytes=2 * OVERHEAD_BYTES + 130)
    for term in ("a", "b", "a", "c"):
        cache.put("note", term, held)

    assert [bool(cache.get("note", term).blocks) for term in "abc"] == [True, False, True]
    assert cache.held_bytes == 2 * OVERHEAD_BYTES + 120


def test_no_posting_is_no_text() -> None:
    assert best(scored([], most=1), limit=5).tolist() == []
    assert postings.with_term(np.empty(0, np.uint32), []).shape == (0, 0)


@pytest.mark.django_db
def test_reconcile_tells_which_notes_are_found_by_other_words_than_they_have(
    author: User,
) -> None:
    folded, fresh, lost, spoilt = write(author, "green tea", "防晒霜", "cake", "linen")
    IndexedText.objects.filter(subject_id=fresh.pk).delete()
    folding.fold(at=NOW)
    indexing.reindex(note_ids=[fresh.pk])
    assert list(compare_index().differences) == []

    IndexedText.objects.filter(subject_id=lost.pk).delete()
    Note.objects.filter(pk=spoilt.pk).update(title="cotton")

    assert list(compare_index().differences) == [
        f"note {lost.pk} is not in the index",
        f"note {spoilt.pk} is found by other words than it has",
    ]
    PostingBlock.objects.filter(term="tea").delete()
    assert f"note {folded.pk} is found by other words than it has" in compare_index().differences
