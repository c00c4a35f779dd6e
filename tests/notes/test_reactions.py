"""What people do with notes is counted once, recorded once, and can be counted again."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from notes import selectors
from notes.factories import CommentFactory, LikeFactory, NoteFactory, SaveFactory, ShareFactory
from notes.models import Comment, CommentLike, Like, NoteCounts
from notes.services import comments, counts, reactions
from notes.services.counts import Difference
from notes.types import Counts
from redshop.accounts.factories import BlockFactory, UserFactory
from redshop.accounts.models import Notification, User
from redshop.accounts.services import follows
from redshop.core import outbox
from redshop.core.errors import InvalidInput, NotFound
from redshop.events.models import Event
from tests.notes.moderation import take_down

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def counted(note: Any) -> tuple[int, int, int, int, int]:
    row = NoteCounts.objects.get(pk=note.pk)
    return row.likes, row.saves, row.comments, row.shares, row.follows


@pytest.mark.django_db
def test_each_reaction_is_counted_and_recorded_when_it_changes_something(
    author: User, reader: User
) -> None:
    note, request_id = NoteFactory.create(author=author), uuid4()
    about: dict[str, Any] = {"note_id": note.pk, "person_id": reader.pk, "at": NOW}

    told = [
        reactions.like(**about, surface="explore", request_id=request_id),
        reactions.like(**about),
        reactions.save(**about),
        reactions.hide(**about),
        reactions.hide(**about),
    ]
    reactions.share(**about)
    reactions.share(**about)

    assert told == [True, False, True, True, False]
    assert counted(note) == (1, 1, 0, 2, 0)
    events = Event.objects.filter(person_id=reader.pk, note_id=note.pk).order_by("id")
    assert sorted(event.kind for event in events) == ["hide", "like", "save", "share", "share"]
    like = events.get(kind="like")
    assert (like.surface, like.request_id, like.source) == ("explore", request_id, "server")
    assert (like.occurred_at, like.population) == (NOW, "real")


@pytest.mark.django_db
def test_taking_a_reaction_back_is_counted_once_and_recorded_never(
    author: User, reader: User
) -> None:
    note = NoteFactory.create(author=author)
    LikeFactory.create(note=note, person=reader)
    SaveFactory.create(note=note, person=reader)
    before = Event.objects.count()

    told = [
        undo(note_id=note.pk, person_id=reader.pk)
        for undo in (reactions.unlike, reactions.unlike, reactions.unsave, reactions.unhide)
    ]

    assert told == [True, False, True, False]
    assert counted(note) == (0, 0, 0, 0, 0)
    assert Event.objects.count() == before


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["like", "save", "hide", "share"])
@pytest.mark.parametrize("why", ["draft", "taken_down", "blocked", "missing"])
def test_what_one_cannot_read_one_cannot_react_to(
    author: User, reader: User, act: str, why: str
) -> None:
    note = NoteFactory.create(author=author, state="draft" if why == "draft" else "published")
    if why == "taken_down":
        take_down(note.pk)
    if why == "blocked":
        BlockFactory.create(blocker=author, blocked=reader)
    note_id = 999_999 if why == "missing" else note.pk

    with pytest.raises(NotFound):
        getattr(reactions, act)(note_id=note_id, person_id=reader.pk, at=NOW)

    assert counted(note) == (0, 0, 0, 0, 0)
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_authors_are_told_of_likes_and_comments_but_not_of_their_own(
    author: User, reader: User
) -> None:
    note = NoteFactory.create(author=author)
    reactions.like(note_id=note.pk, person_id=author.pk, at=NOW)
    reactions.like(note_id=note.pk, person_id=reader.pk, at=NOW)
    said = CommentFactory.create(note=note, author=reader)
    answer = CommentFactory.create(note=note, author=author, reply_to=said)

    told = Notification.objects.order_by("pk").values_list("recipient", "kind", "subject")
    assert list(told) == [
        (author.pk, "like", {"note_id": note.pk}),
        (author.pk, "comment", {"note_id": note.pk, "comment_id": said.pk}),
        (reader.pk, "comment", {"note_id": note.pk, "comment_id": answer.pk}),
    ]


@pytest.mark.django_db
def test_replies_have_one_level_and_stay_under_their_note(author: User, reader: User) -> None:
    note, other = NoteFactory.create_batch(2, author=author)
    first = CommentFactory.create(note=note, author=reader)
    reply = CommentFactory.create(note=note, author=author, reply_to=first)

    for note_id, reply_to in ((note.pk, reply.pk), (other.pk, first.pk), (note.pk, 999_999)):
        with pytest.raises(InvalidInput):
            comments.comment(
                note_id=note_id, author_id=reader.pk, body="x", reply_to=reply_to, at=NOW
            )

    assert Comment.objects.count() == 2
    assert (counted(note)[2], counted(other)[2]) == (2, 0)


@pytest.mark.django_db
def test_a_comment_goes_with_its_replies_and_only_by_its_author(author: User, reader: User) -> None:
    note = NoteFactory.create(author=author)
    said = CommentFactory.create(note=note, author=reader)
    CommentFactory.create(note=note, author=author, reply_to=said)
    CommentFactory.create(note=note, author=author)
    with pytest.raises(NotFound):
        comments.delete(comment_id=said.pk, author_id=author.pk, at=NOW)

    comments.delete(comment_id=said.pk, author_id=reader.pk, at=NOW)

    assert counted(note)[2] == 1
    with pytest.raises(NotFound):
        comments.delete(comment_id=said.pk, author_id=reader.pk, at=NOW)
    with pytest.raises(NotFound):
        comments.like(comment_id=said.pk, person_id=author.pk, at=NOW)


@pytest.mark.django_db
def test_a_comment_is_liked_once(author: User, reader: User) -> None:
    said = CommentFactory.create(note=NoteFactory.create(author=author), author=reader)
    about: dict[str, Any] = {"comment_id": said.pk, "person_id": author.pk}

    told = [
        comments.like(**about, at=NOW),
        comments.like(**about, at=NOW),
        comments.unlike(**about),
        comments.unlike(**about),
    ]

    assert told == [True, False, True, False]
    assert not CommentLike.objects.exists()


@pytest.mark.django_db
def test_a_follow_counts_for_the_note_that_led_to_it_however_often_it_is_told(
    author: User, reader: User
) -> None:
    note = NoteFactory.create(author=author)
    for hours in (0, 1):
        at = NOW + timedelta(hours=hours)
        follows.follow(follower_id=reader.pk, followed_id=author.pk, note_id=note.pk, at=at)
        follows.unfollow(follower_id=reader.pk, followed_id=author.pk)
    outbox.drain_all(at=NOW + timedelta(days=1))

    assert counted(note) == (0, 0, 0, 0, 1)


@pytest.mark.django_db
def test_counters_that_went_wrong_are_rebuilt_from_the_rows(author: User, reader: User) -> None:
    right, wrong = NoteFactory.create_batch(2, author=author)
    for note in (right, wrong):
        LikeFactory.create(note=note, person=reader)
        ShareFactory.create(note=note, person=reader)
        CommentFactory.create(note=note, author=reader)
    NoteCounts.objects.filter(pk=wrong.pk).update(likes=7, comments=0)

    found = counts.rebuild()

    assert found == [
        Difference(note_id=wrong.pk, name="likes", kept=7, counted=1),
        Difference(note_id=wrong.pk, name="comments", kept=0, counted=1),
    ]
    assert counted(wrong) == counted(right) == (1, 0, 1, 1, 0)
    assert counts.compare() == []


@pytest.mark.django_db
def test_counts_that_are_missing_are_made(author: User, reader: User) -> None:
    note = NoteFactory.create(author=author)
    NoteCounts.objects.all().delete()
    assert selectors.card(note_id=note.pk, viewer_id=None).counts == Counts(0, 0, 0, 0)

    LikeFactory.create(note=note, person=reader)

    assert counted(note) == (1, 0, 0, 0, 0)


@pytest.fixture
def crowd(transactional_db: None) -> list[User]:
    """Twenty people whose threads see what the others committed."""
    return UserFactory.create_batch(20)


def at_once(*acts: Any) -> list[Any]:
    """Run every act in a thread of its own, all starting together; return what they told."""
    barrier, told = threading.Barrier(len(acts)), []

    def run(act: Any) -> None:
        try:
            barrier.wait()
            told.append(act())
        except Exception as error:  # noqa: BLE001 - the test says which errors it expects
            told.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_twenty_people_at_once_are_twenty_likes(crowd: list[User]) -> None:
    note = NoteFactory.create(author=UserFactory.create())

    told = at_once(
        *(
            lambda person=person: reactions.like(note_id=note.pk, person_id=person.pk, at=NOW)
            for person in crowd
        )
    )

    assert told == [True] * 20
    assert counted(note)[0] == Like.objects.filter(note=note).count() == 20


def test_one_person_twenty_times_at_once_is_one_like(crowd: list[User]) -> None:
    note, person = NoteFactory.create(author=UserFactory.create()), crowd[0]

    told = at_once(*[lambda: reactions.like(note_id=note.pk, person_id=person.pk, at=NOW)] * 20)

    assert sorted(told) == [False] * 19 + [True]
    assert counted(note)[0] == Like.objects.filter(note=note).count() == 1
    assert Event.objects.filter(kind="like", note_id=note.pk).count() == 1


def test_without_the_service_the_constraint_still_refuses_a_second_like(
    crowd: list[User],
) -> None:
    note, person = NoteFactory.create(author=UserFactory.create()), crowd[0]

    told = at_once(*[lambda: Like.objects.create(note=note, person=person, created_at=NOW)] * 5)

    assert sum(isinstance(each, IntegrityError) for each in told) == 4
    assert Like.objects.filter(note=note).count() == 1
