"""Likes that are not people's are marked and not counted; crowds of people are left alone."""

from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from notes.factories import LikeFactory, NoteFactory
from notes.integrity import engagement
from notes.models import AuditEntry, Like, Note, NoteCounts
from notes.services import counts, reactions
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.conversion.selectors import subjects
from redshop.conversion.types import Period
from redshop.events.models import Event
from redshop.events.services import suspecting

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NOW = timezone.now()


def people(count: int, *, days_old: int, **rest: Any) -> list[User]:
    joined = NOW - days_old * DAY
    made: list[User] = UserFactory.create_batch(count, joined_at=joined, **rest)
    return made


def like(note: Note, crowd: list[User], *, every: timedelta) -> None:
    for number, person in enumerate(crowd):
        at = NOW - timedelta(hours=5) + number * every
        reactions.like(note_id=note.pk, person_id=person.pk, at=at)


def last_days() -> subjects.Question:
    period = Period.last_days(7, at=NOW, zone=ZoneInfo("Asia/Shanghai"))
    return subjects.Question(period, "real", "CNY")


def likes(note: Note) -> tuple[int, int]:
    """Return what the counter says, and how many likes are marked."""
    marked = Like._default_manager.filter(note=note, is_suspect=True).count()
    return NoteCounts.objects.get(pk=note.pk).likes, marked


def test_a_burst_of_new_accounts_is_not_counted_and_people_among_them_are() -> None:
    note = NoteFactory.create()
    like(note, [*people(22, days_old=1), *people(3, days_old=90)], every=MINUTE / 4)

    assert engagement.mark(at=NOW) == 22

    assert likes(note) == (3, 22)
    assert counts.compare() == []
    events = Event.objects.filter(note_id=note.pk, kind="like")
    assert Counter(events.values_list("suspicion", flat=True)) == {"burst": 22, "": 3}
    told = subjects.note(note, question=last_days(), at=NOW)
    assert told.engagement.likes == 3  # out of statistics, too
    assert AuditEntry.objects.get(action="likes_marked").details == {"likes": 22, "notes": 1}
    assert engagement.mark(at=NOW) == 0


@pytest.mark.parametrize(
    ("count", "days_old", "every", "population"),
    [
        (19, 1, MINUTE / 4, "real"),  # too few
        (25, 1, MINUTE, "real"),  # too slow
        (25, 30, MINUTE / 4, "real"),  # people who have been here
        (25, 1, MINUTE / 4, "simulated"),
    ],
)
def test_a_note_that_people_like_is_left_alone(
    count: int, days_old: int, every: timedelta, population: str
) -> None:
    note = NoteFactory.create()
    like(note, people(count, days_old=days_old, population=population), every=every)

    assert engagement.mark(at=NOW) == 0
    assert likes(note) == (count, 0)


def test_a_ring_that_likes_the_same_is_not_counted() -> None:
    notes, fans = NoteFactory.create_batch(6), people(6, days_old=90)
    for note in notes:
        like(note, fans, every=timedelta(minutes=20))
    bystander = LikeFactory.create(note=notes[0], created_at=NOW - MINUTE)

    assert engagement.mark(at=NOW) == 36

    assert likes(notes[0]) == (1, 6)
    assert not Like._default_manager.get(pk=bystander.pk).is_suspect


def test_people_who_like_much_else_or_are_few_are_no_ring() -> None:
    notes, others = NoteFactory.create_batch(6), NoteFactory.create_batch(8)
    few = people(4, days_old=90)
    for note in notes:
        like(note, few, every=timedelta(minutes=20))
    for number, person in enumerate(people(6, days_old=90)):
        for note in [*notes[:5], *others[number : number + 3]]:
            like(note, [person], every=MINUTE)

    assert engagement.mark(at=NOW) == 0


def test_a_marked_like_that_is_taken_back_is_not_subtracted() -> None:
    note, crowd = NoteFactory.create(), people(21, days_old=1)
    like(note, [*crowd, *people(2, days_old=90)], every=MINUTE / 4)
    engagement.mark(at=NOW)

    assert reactions.unlike(note_id=note.pk, person_id=crowd[0].pk)

    assert likes(note) == (2, 20)
    assert counts.compare() == []


def test_rings_are_what_pairs_connect() -> None:
    chain = [(1, 2), (2, 3), (3, 4), (4, 5), (10, 11), (11, 12)]

    assert engagement.rings(chain) == [frozenset({1, 2, 3, 4, 5})]


def test_an_event_can_be_marked_once_and_changed_in_nothing_else() -> None:
    note, person = NoteFactory.create(), UserFactory.create()
    reactions.like(note_id=note.pk, person_id=person.pk, at=NOW)
    rows = Event.objects.filter(note_id=note.pk)
    for change in ({"note_id": 1}, {"suspicion": "bot"}, {"suspicion": "ring", "person_id": 1}):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()

    deed = suspecting.Deed(person.pk, note.pk, NOW)
    assert suspecting.mark([deed], kind="like", suspicion="ring") == 1
    assert suspecting.mark([deed], kind="like", suspicion="burst") == 0
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(suspicion="")
    with pytest.raises(ValueError, match="not later"):
        suspecting.mark([deed], kind="like", suspicion="bot")
