"""Notes that people who went to the same ones went to: learned, validated, offered, explained."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from notes.discovery import feed
from notes.discovery.similar import near
from notes.discovery.types import RankedPage, Viewer
from notes.factories import NeighbourRunFactory, NoteFactory, NoteNeighboursFactory
from notes.models import NeighbourRun, Note, NoteNeighbours
from notes.services import neighbours
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import Consent, Purpose, User
from redshop.events.factories import EventFactory
from tests.notes.policies import policy

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=50)

pytestmark = pytest.mark.django_db


def goes(person: User, *notes: Note, **rest: Any) -> None:
    for note in notes:
        told = {"kind": "note_open", "occurred_at": NOW - timedelta(days=3), **rest}
        EventFactory.create(person_id=person.pk, note_id=note.pk, **told)


def write(author: User, title: str, published_at: datetime = OLD) -> Note:
    return NoteFactory.create(author=author, title=title, topics=[], published_at=published_at)


@pytest.fixture
def tastes(author: User) -> tuple[list[Note], list[Note]]:
    """Two tastes of twelve notes each; thirty people went to most of one and none of the other."""
    notes = [write(author, f"n{n}") for n in range(24)]
    groups = notes[:12], notes[12:]
    for n in range(30):
        mine = groups[n % 2]
        goes(UserFactory.create(), *(note for k, note in enumerate(mine) if (k + n) % 4))
    return groups


def test_what_is_learned_are_the_notes_of_the_same_taste(
    tastes: tuple[list[Note], list[Note]],
) -> None:
    run = neighbours.learn(at=NOW)

    assert run is not None
    assert (run.notes, run.people, run.is_used) == (24, 30, True)
    assert run.gain > run.gain_of_popularity
    for group in tastes:
        ids = {note.pk for note in group}
        for row in NoteNeighbours.objects.filter(note_id__in=ids):
            assert set(row.neighbour_ids[:5]) < ids
            assert row.weights == sorted(row.weights, reverse=True)


def test_too_little_to_learn_from_keeps_what_was_learned(author: User) -> None:
    kept = NoteNeighboursFactory.create()
    goes(author, write(author, "n"))

    assert neighbours.learn(at=NOW) is None
    assert list(NoteNeighbours.objects.all()) == [kept]
    assert NeighbourRun.objects.count() == 0


def test_what_finds_no_more_than_popularity_is_not_used(
    tastes: tuple[list[Note], list[Note]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "gain", lambda *_args, **_rest: 0.2)
    NoteNeighboursFactory.create()

    run = neighbours.learn(at=NOW)

    assert run is not None
    assert not run.is_used
    assert NoteNeighbours.objects.count() == 0


def test_nothing_is_learned_from_who_does_not_want_to_be_known_or_is_suspect(
    tastes: tuple[list[Note], list[Note]],
) -> None:
    silent, robot = UserFactory.create(), UserFactory.create()
    Consent.objects.create(
        user=silent, purpose=Purpose.PERSONALISATION, is_granted=False, changed_at=OLD
    )
    goes(silent, *tastes[0])
    goes(robot, *tastes[0], suspicion="agent")

    run = neighbours.learn(at=NOW)

    assert run is not None
    assert run.people == 30


def test_the_command_says_what_was_learned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("learn_neighbours")
    monkeypatch.setattr(neighbours, "learn", lambda **_rest: NeighbourRunFactory.build())
    call_command("learn_neighbours")

    assert capsys.readouterr().out.splitlines() == [
        "Too few visits to learn from.",
        (
            "50 notes, 100 people, 900 visits: NDCG@10 0.200 on held-out visits against 0.100 of "
            "popularity; used."
        ),
    ]


def explored(viewer: Viewer) -> RankedPage:
    """Explore where the five newest notes alone are offered as such."""
    few = policy(fresh=5)
    return feed.explore_many(viewers=[viewer], at=NOW, limit=50, policy=few)[0]


def test_the_feed_offers_what_is_near_and_says_so(author: User, reader: User) -> None:
    """An old note that nobody liked is in no feed, but near one that the reader went to."""
    gone, close, _far = (write(author, title) for title in ("gone", "near", "far"))
    for n in range(8):
        write(author, f"new {n}", NOW - timedelta(minutes=n + 1))
    NoteNeighboursFactory.create(note_id=gone.pk, neighbour_ids=[close.pk], weights=[0.4])
    goes(reader, gone)

    offered = {item.note_id: item for item in explored(Viewer(reader.pk)).items}

    assert len(offered) == 6
    assert offered[close.pk].source == "similar"
    assert [reason.code for reason in offered[close.pk].reasons] == ["similar"]
    assert close.pk not in explored(Viewer()).note_ids


def test_without_personalisation_nothing_is_near(author: User, reader: User) -> None:
    gone, close = (write(author, title) for title in ("gone", "near"))
    NoteNeighboursFactory.create(note_id=gone.pk, neighbour_ids=[close.pk], weights=[0.4])
    goes(reader, gone)
    Consent.objects.create(
        user=reader, purpose=Purpose.PERSONALISATION, is_granted=False, changed_at=OLD
    )

    assert "similar" not in {item.source for item in explored(Viewer(reader.pk)).items}


def test_what_several_notes_say_adds_up_to_one_at_most() -> None:
    known = {1: ([7, 8], [0.5, 0.2]), 2: ([8, 9], [0.4, 0.1]), 3: ([7], [0.9])}

    found = near([1, 2, 3, 99], known)

    assert found.note_ids.tolist() == [7, 8, 9]
    assert found.similarity.tolist() == pytest.approx([1.0, 0.6, 0.1])
    assert near([], known).note_ids.tolist() == []
