"""Alternatives: of each group explore offers a viewer one, the same while an epoch lasts."""

from collections import Counter
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from notes.discovery import alternatives, feed
from notes.discovery.types import Viewer
from notes.factories import NoteFactory
from notes.models import Alternative, Note
from notes.services import alternatives as groups
from tests.api import ApiClient

pytestmark = pytest.mark.django_db


def weigh(notes: list[Note], chances: list[float], *, epoch: int = 1) -> None:
    with transaction.atomic():
        groups.weigh(
            "trial 1",
            propensities={note.pk: chance for note, chance in zip(notes, chances, strict=True)},
            epoch=epoch,
            at=timezone.now(),
        )


@pytest.fixture
def notes() -> list[Note]:
    made: list[Note] = NoteFactory.create_batch(3)
    return made


def offered(viewer: Viewer, among: list[Note]) -> list[int]:
    page = feed.explore_many(viewers=[viewer], at=timezone.now(), limit=50)[0]
    return [each.note_id for each in page.items if each.note_id in {n.pk for n in among}]


def test_explore_offers_a_viewer_one_and_always_the_same(notes: list[Note]) -> None:
    weigh(notes, [0.5, 0.3, 0.2])
    for _ in range(4):
        viewer = Viewer(visitor_id=uuid4())
        first = offered(viewer, notes)
        assert len(first) == 1
        assert offered(viewer, notes) == first


def test_each_is_offered_as_often_as_its_chance_says(notes: list[Note]) -> None:
    weigh(notes, [0.6, 0.3, 0.1])
    group = alternatives.groups()[0]
    seen = Counter(group.offered_to(Viewer(person_id=n)) for n in range(1, 5_001))

    for note, chance in zip(notes, [0.6, 0.3, 0.1], strict=True):
        assert seen[note.pk] / 5_000 == pytest.approx(chance, abs=0.03)


def test_an_epoch_draws_anew_for_everybody(notes: list[Note]) -> None:
    weigh(notes, [0.34, 0.33, 0.33])
    before = [alternatives.groups()[0].offered_to(Viewer(person_id=n)) for n in range(1, 400)]
    weigh(notes, [0.34, 0.33, 0.33], epoch=2)
    after = [alternatives.groups()[0].offered_to(Viewer(person_id=n)) for n in range(1, 400)]

    moved = sum(old != new for old, new in zip(before, after, strict=True))
    assert moved / len(before) == pytest.approx(2 / 3, abs=0.1)


def test_a_note_that_is_gone_is_offered_to_nobody(notes: list[Note]) -> None:
    weigh(notes, [0.9, 0.05, 0.05])
    Note.objects.filter(pk=notes[0].pk).update(state="taken_down")

    for _ in range(5):
        assert len(offered(Viewer(visitor_id=uuid4()), notes)) == 1


def test_released_they_are_all_there_again(notes: list[Note]) -> None:
    weigh(notes, [0.5, 0.3, 0.2])
    with transaction.atomic():
        groups.release("trial 1")

    assert len(offered(Viewer(visitor_id=uuid4()), notes)) == 3
    assert not Alternative.objects.exists()


def test_they_are_found_and_read_all_the_same(notes: list[Note], api: ApiClient) -> None:
    weigh(notes, [0.5, 0.3, 0.2])
    for note in notes:
        assert api.get(f"/notes/{note.pk}").status_code == 200
