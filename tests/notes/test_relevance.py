"""Search finds the paragraph that answers, of real questions, better than the best that was listed.

Protocol and reference numbers: README.md of the real data sets (XQuAD, CC BY-SA 4.0). Every
paragraph is a note's body; what is asked goes through the index and the search as it is served.
"""

import gzip
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pytest

from notes.discovery.search.notes import Ask, search_many
from notes.discovery.types import Viewer
from notes.models import Note
from notes.services import folding, indexing, upkeep, vectors
from notes.states import NoteState
from redshop.accounts.models import User
from tests.real_data import real

pytestmark = [pytest.mark.django_db, pytest.mark.realdata]

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
DEPTH: Final = 10


def load(language: str) -> dict[str, Any]:
    with gzip.open(real(f"search_{language}.json.gz")) as file:
        return dict(json.load(file))


def publish(documents: Sequence[dict[str, Any]], author: User) -> dict[int, int]:
    """Make a note of each paragraph; return the paragraph of each note."""
    notes = Note.objects.bulk_create(
        Note(
            author=author,
            type=Note.Type.TEXT,
            title="·",
            body=document["text"],
            state=NoteState.PUBLISHED,
            published_at=NOW - timedelta(hours=1),
        )
        for document in documents
    )
    indexing.reindex(note_ids=[note.pk for note in notes])
    folding.fold(at=NOW)
    vectors.fit(at=NOW)
    upkeep.encode_all()
    return {note.pk: document["id"] for note, document in zip(notes, documents, strict=True)}


def judged(
    queries: Sequence[str], relevant: Sequence[int], paragraph_of: dict[int, int]
) -> tuple[float, float]:
    """Return MRR@10 and NDCG@10 of what is found, one paragraph being right each time."""
    pages = search_many(asks=[Ask(Viewer(), query) for query in queries], at=NOW, limit=DEPTH)
    places = [
        [paragraph_of[note_id] for note_id in page.note_ids].index(right)
        if right in [paragraph_of[note_id] for note_id in page.note_ids]
        else None
        for page, right in zip(pages, relevant, strict=True)
    ]
    found = np.array([place for place in places if place is not None], dtype=float)
    return float((1 / (found + 1)).sum() / len(queries)), float(
        (1 / np.log2(found + 2)).sum() / len(queries)
    )


def with_typos(query: str, chance: random.Random, typos: int = 2) -> str:
    """Return the query with an edit in each of two of its words of four letters or more."""
    words = query.split()
    long = [place for place, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    for place in chance.sample(long, min(typos, len(long))):
        words[place] = edited(words[place], chance)
    return " ".join(words)


def edited(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) - 1)
    kind = chance.choice(["insert", "delete", "substitute", "swap"])
    letter = chance.choice(LETTERS)
    match kind:
        case "insert":
            return word[:at] + letter + word[at:]
        case "delete":
            return word[:at] + word[at + 1 :]
        case "substitute":
            return word[:at] + letter + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


@pytest.mark.parametrize(("language", "mrr", "ndcg"), [("en", 0.957, 0.966), ("zh", 0.961, 0.969)])
def test_questions_find_their_paragraph(
    language: str, mrr: float, ndcg: float, author: User
) -> None:
    data = load(language)
    paragraphs = publish(data["documents"], author)
    queries = data["queries"]

    found = judged(
        [query["query"] for query in queries], [query["relevant"] for query in queries], paragraphs
    )

    print(language, f"MRR@10 {found[0]:.4f}, NDCG@10 {found[1]:.4f}")
    assert found[0] >= mrr
    assert found[1] >= ndcg


def test_questions_with_two_typos_find_their_paragraph(author: User) -> None:
    data = load("en")
    paragraphs = publish(data["documents"], author)
    chance = random.Random(5)  # noqa: S311 - no secret
    queries = data["queries"]

    found = judged(
        [with_typos(query["query"], chance) for query in queries],
        [query["relevant"] for query in queries],
        paragraphs,
    )

    print("en, two typos", f"MRR@10 {found[0]:.4f}, NDCG@10 {found[1]:.4f}")
    assert found[0] >= 0.951
    assert found[1] >= 0.962
