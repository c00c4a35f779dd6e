"""What notes are about, as vectors: fitted, kept up to date, near what one went to."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest
from django.db import connection

from notes.discovery import encoding, feed, tastes
from notes.discovery.learning.encoders import HashedEncoder, ServedEncoder
from notes.discovery.types import Viewer
from notes.factories import NoteFactory
from notes.models import DIMENSIONS, Note, NoteVector, TextEncoder
from notes.services import authoring, upkeep, vectors
from redshop.accounts.models import User
from redshop.events.factories import EventFactory
from tests.notes.policies import policy

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXTS = [
    *(f"Green tea and black tea, brewed slowly, cup {n}" for n in range(20)),
    *(f"Running shoes for long distance, pair {n}" for n in range(20)),
    *(f"防晒霜测评，夏天涂着很清爽，第{n}支" for n in range(20)),
]


def test_texts_about_the_same_are_near_in_every_language() -> None:
    encoder = HashedEncoder.fit(TEXTS)

    found = encoder.encode(["black tea in a cup", "shoes for a distance", "夏天的防晒霜", "", "🙂"])
    known = encoder.encode(TEXTS)

    assert found.shape == (5, DIMENSIONS)
    nearest = (known @ found[:3].T).argmax(axis=0) // 20
    assert nearest.tolist() == [0, 1, 2]
    assert np.allclose(np.linalg.norm(found[:3], axis=1), 1.0, atol=1e-5)
    assert np.allclose(found[3], 0.0)
    assert np.isfinite(found).all()


def test_an_encoder_that_was_kept_encodes_alike() -> None:
    encoder = HashedEncoder.fit(TEXTS)
    again = HashedEncoder.read(encoder.fitted())

    assert np.allclose(encoder.encode(TEXTS[:5]), again.encode(TEXTS[:5]), atol=2e-3)
    with pytest.raises(ValueError, match="no text"):
        HashedEncoder.fit([])


class _Model(BaseHTTPRequestHandler):
    """A model server that speaks as OpenAI's does, and answers in another order."""

    asked: ClassVar[list[dict[str, Any]]] = []
    size: ClassVar[int] = DIMENSIONS

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({**body, "key": self.headers["Authorization"], "path": self.path})
        rows = [
            {"index": place, "embedding": [float(len(text))] + [0.0] * (self.size - 1)}
            for place, text in enumerate(body["input"])
        ]
        data = json.dumps({"data": rows[::-1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_told: Any) -> None:
        pass


@pytest.fixture
def model() -> Iterator[str]:
    _Model.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), _Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_a_model_server_may_encode_instead(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ServedEncoder(url=model, model="small", key="secret")

    found = encoder.encode(["a", "longer"])

    assert found[:, 0].tolist() == [1.0, 1.0]
    assert _Model.asked == [
        {
            "model": "small", "input": ["a", "longer"], "dimensions": DIMENSIONS,
            "key": "Bearer secret", "path": "/v1/embeddings",
        }
    ]  # fmt: skip
    monkeypatch.setattr(_Model, "size", 7)
    with pytest.raises(ValueError, match="model server"):
        encoder.encode(["a"])


@pytest.mark.django_db
def test_notes_of_a_deployment_with_a_model_server_are_encoded_by_it(
    model: str, settings: Any, author: User
) -> None:
    settings.TEXT_ENCODER = {
        "kind": "notes.discovery.learning.encoders.ServedEncoder",
        "options": {"url": model, "model": "small"},
    }
    NoteFactory.create(author=author)

    assert vectors.fit(at=NOW) is not None
    assert upkeep.encode_all() == 1
    assert NoteVector.objects.get().vector is not None


def write(author: User, texts: list[str]) -> list[Note]:
    return [
        NoteFactory.create(
            author=author, title=text, body="", topics=[], published_at=NOW - timedelta(days=40)
        )
        for text in texts
    ]


@pytest.mark.django_db
def test_notes_are_encoded_when_they_are_new_or_change_and_the_encoder_grows_with_them(
    author: User,
) -> None:
    assert vectors.fit(at=NOW) is None
    assert vectors.fill() == 0
    notes = write(author, TEXTS[:6])
    assert vectors.fill() == 0  # there is no encoder yet

    first = vectors.fit(at=NOW)
    assert first is not None
    assert (first.texts, upkeep.encode_all()) == (6, 6)
    assert vectors.fit(at=NOW) is None
    before = NoteVector.objects.get(note_id=notes[0].pk).vector

    authoring.edit(note_id=notes[0].pk, author_id=author.pk, changes={"title": TEXTS[-1]}, at=NOW)
    assert NoteVector.objects.get(note_id=notes[0].pk).vector is None
    assert upkeep.encode_all() == 1
    assert NoteVector.objects.get(note_id=notes[0].pk).vector != before

    write(author, TEXTS[20:26])
    second = vectors.fit(at=NOW)
    assert second is not None
    assert TextEncoder.objects.count() == 1
    assert upkeep.encode_all() == 12


@pytest.mark.django_db
def test_notes_are_encoded_by_the_encoder_there_is_whatever_was_read_before(
    author: User, settings: Any
) -> None:
    settings.FEED_CACHE_SECONDS = 60.0
    write(author, TEXTS[:4])
    vectors.fit(at=NOW)
    upkeep.encode_all()
    assert encoding.current() is not None
    write(author, TEXTS[20:26])
    second = vectors.fit(at=NOW)
    assert second is not None

    assert upkeep.encode_all() == 10
    assert set(NoteVector.objects.values_list("encoder_id", flat=True)) == {second.pk}


@pytest.mark.django_db
def test_notes_that_were_loaded_otherwise_are_found_when_the_encoder_is_fitted(
    author: User,
) -> None:
    write(author, TEXTS[:3])
    NoteVector.objects.all().delete()

    vectors.fit(at=NOW)

    assert upkeep.encode_all() == 3


@pytest.mark.django_db
def test_a_feed_offers_what_is_about_the_same_and_says_so(author: User, reader: User) -> None:
    notes = write(author, [*TEXTS[:3], *TEXTS[20:23]])
    vectors.fit(at=NOW)
    upkeep.encode_all()
    EventFactory.create(
        kind="save", person_id=reader.pk, note_id=notes[0].pk, occurred_at=NOW - timedelta(days=1)
    )
    near = policy("ces_folk_v4", fresh=1, by_content=9, exploration=0.0)

    page = feed.explore_many(viewers=[Viewer(reader.pk)], at=NOW, limit=9, policy=near)[0]
    plain = feed.explore_many(viewers=[Viewer()], at=NOW, limit=9, policy=near)[0]

    sources = {item.note_id: item.source for item in page.items}
    assert {note_id for note_id, source in sources.items() if source == "content"} >= {
        notes[1].pk, notes[2].pk
    }  # fmt: skip
    assert "It is about what you lately read" in [r.text for i in page.items for r in i.reasons]
    assert len(plain.items) == 1


def test_what_somebody_went_to_is_put_together_into_a_few_tastes() -> None:
    tea, shoes, paint, other = np.eye(4, DIMENSIONS, dtype=np.float32)
    gone = np.array([tea, tea, shoes, tea, paint, paint, other])

    found = tastes.grouped(gone)

    assert len(found) == tastes.TASTES
    assert np.allclose(found[0], tea)
    assert np.allclose(found[1], paint)
    assert tastes.Taste().likeness(gone).tolist() == [0.0] * 7
    assert tastes.Taste(found, np.array([1])).likeness(np.array([tea, other])).tolist() == [1, 0]


@pytest.mark.django_db
def test_what_the_index_finds_is_what_is_nearest(author: User) -> None:
    """Recall of the approximate index against looking at every vector."""
    rng = np.random.default_rng(5)
    raw = rng.normal(size=(3_000, DIMENSIONS)) + 2.0 * rng.normal(size=(30, DIMENSIONS))[
        rng.integers(0, 30, 3_000)
    ]  # fmt: skip
    known = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float16)
    NoteVector.objects.bulk_create(
        NoteVector(note_id=place, vector=vector.tolist()) for place, vector in enumerate(known)
    )
    asked = known[:40].astype(np.float32)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notes_notevector")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    found = tastes.nearest(list(asked), 20)

    exact = np.argsort(-(known.astype(np.float32) @ asked.T), axis=0)[:20].T
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, exact, strict=True)])
    print(f"recall {recall:.3f}")
    assert recall >= 0.95
