"""Whom people follow and block, in whatever order and however often."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from redshop.accounts import selectors
from redshop.accounts.errors import CannotRelateToSelf, PersonNotFound
from redshop.accounts.factories import BlockFactory, FollowFactory, UserFactory
from redshop.accounts.models import Block, Follow, Notification, User, UserQuerySet
from redshop.accounts.services import follows
from redshop.core.models import Fact
from redshop.events.models import Event
from tests.api import ApiClient
from tests.conftest import token_of
from tests.query_counts import assert_query_count


@pytest.fixture
def linna(db: None) -> User:
    user: User = UserFactory.create(handle="linna")
    return user


def pairs() -> set[tuple[int, int]]:
    return set(Follow.objects.values_list("follower_id", "followed_id"))


def test_following_is_true_once_however_often_it_is_said(
    linna: User, person: User, person_api: ApiClient
) -> None:
    request_id = uuid4()
    context = {"note_id": 7, "request_id": str(request_id), "surface": "search"}

    statuses = [person_api.put("/users/Linna/follow", context).status_code for _ in range(3)]

    event, news = Event.objects.get(), Notification.objects.get()
    assert statuses == [204] * 3
    assert pairs() == {(person.pk, linna.pk)}
    assert (event.kind, event.person_id, event.author_id) == ("follow", person.pk, linna.pk)
    assert (event.note_id, event.request_id, event.surface) == (7, request_id, "search")
    assert (news.kind, news.recipient_id, news.actor_id) == ("follow", linna.pk, person.pk)
    assert Fact.objects.filter(kind="person.followed").count() == 1


def test_a_follow_needs_no_body(linna: User, person: User, person_api: ApiClient) -> None:
    assert person_api.put("/users/linna/follow").status_code == 204

    event = Event.objects.get()
    assert (event.note_id, event.request_id, event.surface) == (None, None, "")


@pytest.mark.parametrize(
    "body", [{"note_id": 0}, {"note_id": 2**63}, {"surface": "moon"}, {"because": "so"}, [], 1]
)
def test_an_odd_body_is_refused(body: Any, linna: User, person_api: ApiClient) -> None:
    assert person_api.put("/users/linna/follow", body).status_code == 400
    assert not Follow.objects.exists()
    assert not Event.objects.exists()


def test_unfollowing_is_true_however_often_it_is_said(
    linna: User, person: User, person_api: ApiClient
) -> None:
    FollowFactory.create(follower=person, followed=linna)

    statuses = [person_api.delete("/users/linna/follow").status_code for _ in range(2)]

    assert statuses == [204, 204]
    assert pairs() == set()


def test_the_same_news_is_told_once(linna: User, person: User) -> None:
    for _ in range(3):
        follows.follow(follower_id=person.pk, followed_id=linna.pk, at=timezone.now())
        follows.unfollow(follower_id=person.pk, followed_id=linna.pk)

    assert Notification.objects.count() == 1
    assert Event.objects.count() == 3


@pytest.mark.parametrize("relation", ["follow", "block"])
def test_nobody_relates_to_themselves(relation: str, person: User, person_api: ApiClient) -> None:
    response = person_api.put(f"/users/{person.handle}/{relation}")

    assert (response.status_code, response.json()["code"]) == (422, "cannot_relate_to_self")
    assert not Follow.objects.exists()
    assert not Block.objects.exists()


def test_a_visitor_follows_and_blocks_nobody(linna: User, api: ApiClient) -> None:
    for method in ("PUT", "DELETE"):
        for relation in ("follow", "block"):
            assert api.call(method, f"/users/linna/{relation}").status_code == 401


def test_a_block_ends_follows_both_ways(linna: User, person: User, person_api: ApiClient) -> None:
    unconcerned: Follow = FollowFactory.create(follower=linna)
    FollowFactory.create(follower=person, followed=linna)
    FollowFactory.create(follower=linna, followed=person)

    statuses = [person_api.put("/users/linna/block").status_code for _ in range(2)]

    assert statuses == [204, 204]
    assert pairs() == {(linna.pk, unconcerned.followed_id)}
    assert Block.objects.count() == 1


@pytest.mark.parametrize("side", ["blocker", "blocked"])
def test_whoever_blocked_neither_follows_the_other(
    side: str, linna: User, person: User, person_api: ApiClient
) -> None:
    both = (
        {"blocker": linna, "blocked": person}
        if side == "blocked"
        else {"blocker": person, "blocked": linna}
    )
    BlockFactory.create(**both)

    response = person_api.put("/users/linna/follow")

    assert response.status_code == 404
    assert not Follow.objects.exists()
    assert not Event.objects.exists()
    assert not Notification.objects.exists()


def test_one_may_block_back_who_cannot_be_seen(
    linna: User, person: User, person_api: ApiClient
) -> None:
    BlockFactory.create(blocker=linna, blocked=person)

    assert person_api.put("/users/linna/block").status_code == 204
    assert person_api.delete("/users/linna/block").status_code == 204

    assert set(Block.objects.values_list("blocker_id", "blocked_id")) == {(linna.pk, person.pk)}


def test_unblocking_lets_follow_again(linna: User, person: User, person_api: ApiClient) -> None:
    person_api.put("/users/linna/block")
    person_api.delete("/users/linna/block")

    assert person_api.put("/users/linna/follow").status_code == 204


def test_whoever_left_is_neither_followed_nor_blocked(person: User) -> None:
    gone: User = UserFactory.create(is_active=False)

    for relate in (
        lambda: follows.follow(follower_id=person.pk, followed_id=gone.pk, at=timezone.now()),
        lambda: follows.follow(follower_id=person.pk, followed_id=0, at=timezone.now()),
        lambda: follows.block(blocker_id=person.pk, blocked_id=gone.pk, at=timezone.now()),
    ):
        with pytest.raises(PersonNotFound):
            relate()
    with pytest.raises(CannotRelateToSelf):
        follows.block(blocker_id=person.pk, blocked_id=person.pk, at=timezone.now())


def test_the_simulated_stay_among_themselves(linna: User) -> None:
    resident: User = UserFactory.create(population="simulated")

    follows.follow(follower_id=resident.pk, followed_id=linna.pk, at=timezone.now())

    assert Event.objects.get().population == "simulated"


def test_selectors_name_whom_a_person_follows_and_shares_a_block_with(person: User) -> None:
    followed = [follow.followed_id for follow in FollowFactory.create_batch(2, follower=person)]
    blocked = BlockFactory.create(blocker=person).blocked_id
    hostile = BlockFactory.create(blocked=person).blocker_id
    BlockFactory.create()

    assert selectors.followed_ids(person.pk) == frozenset(followed)
    assert selectors.blocked_ids(person.pk) == {blocked, hostile}


def test_lists_show_the_latest_first_without_who_left_or_blocked_the_viewer(
    linna: User, person: User, person_api: ApiClient
) -> None:
    shown = UserFactory.create_batch(3)
    hostile = BlockFactory.create(blocked=person).blocker
    gone = UserFactory.create(is_active=False)
    for one in (shown[2], hostile, shown[0], gone, shown[1]):
        FollowFactory.create(follower=one, followed=linna)
        FollowFactory.create(follower=linna, followed=one)

    for address in ("/users/linna/followers", "/users/linna/following"):
        first = person_api.get(f"{address}?page_size=2").json()
        second = person_api.get(first["next"].partition("/api/v1")[2]).json()

        ids = [one["id"] for page in (first, second) for one in page["results"]]
        assert ids == [shown[1].pk, shown[0].pk, shown[2].pk]
        assert second["next"] is None
        assert set(first["results"][0]) == {"id", "handle", "display_name", "avatar"}


@pytest.mark.parametrize("kind", ["followers", "following"])
def test_lists_take_as_many_queries_for_many_as_for_few(
    kind: str, linna: User, person_api: ApiClient
) -> None:
    def sized(count: int) -> Callable[[], Any]:
        side = {"followers": "followed", "following": "follower"}[kind]
        FollowFactory.create_batch(count, **{side: linna})
        return lambda: person_api.get(f"/users/linna/{kind}")

    assert_query_count(f"GET /users/{{handle}}/{kind}", lambda: sized(1), lambda: sized(15))


def test_a_profile_takes_as_many_queries_for_the_famous_as_for_anybody(
    linna: User, person: User, person_api: ApiClient
) -> None:
    def followed_by(count: int, path: str) -> Callable[[], Any]:
        for one in (linna, person):
            FollowFactory.create_batch(count, followed=one)
        return lambda: person_api.get(path)

    for name, path in (("GET /users/{handle}", "/users/linna"), ("GET /me", "/me")):
        assert_query_count(name, partial(followed_by, 1, path), partial(followed_by, 15, path))


def at_once(works: list[Callable[[], Any]]) -> Counter[str]:
    """Run each work in a thread from one moment; count how they ended."""
    barrier, ends = threading.Barrier(len(works)), list[str]()

    def run(work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            ends.append(str(work()))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return Counter(ends)


def follow_at(phone: ApiClient, path: str) -> int:
    status: int = phone.put(path).status_code
    return status


@pytest.mark.django_db(transaction=True)
def test_eight_follows_at_once_are_one_follow_one_event_and_one_piece_of_news() -> None:
    follower, followed = UserFactory.create_batch(2)
    path = f"/users/{followed.handle}/follow"
    phones = [ApiClient(token=token_of(follower)) for _ in range(8)]

    ends = at_once([partial(follow_at, phone, path) for phone in phones])

    assert ends == {"204": 8}
    assert pairs() == {(follower.pk, followed.pk)}
    assert Event.objects.count() == Notification.objects.count() == 1


def follow_while_being_blocked(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Let a block come in after a follow has looked for blocks and before it is written."""
    follower, followed = UserFactory.create_batch(2)
    has_looked, may_go_on = threading.Event(), threading.Event()

    def look_then_wait(one_id: int, other_id: int) -> bool:
        answer = may_meet(one_id, other_id)
        has_looked.set()
        may_go_on.wait(timeout=0.5)  # a block that is not locked out is through by then
        return answer

    def block_when_looked() -> None:
        has_looked.wait(timeout=20)
        follows.block(blocker_id=followed.pk, blocked_id=follower.pk, at=timezone.now())
        may_go_on.set()

    may_meet = follows._may_meet
    monkeypatch.setattr(follows, "_may_meet", look_then_wait)
    at_once(
        [
            lambda: follows.follow(
                follower_id=follower.pk, followed_id=followed.pk, at=timezone.now()
            ),
            block_when_looked,
        ]
    )
    return Block.objects.count(), Follow.objects.count()


@pytest.mark.django_db(transaction=True)
def test_nobody_becomes_a_follower_in_the_moment_they_are_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert follow_while_being_blocked(monkeypatch) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_a_blocked_follower_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserQuerySet, "locked", lambda people: people.order_by("pk"))

    assert follow_while_being_blocked(monkeypatch) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_who_follow_and_block_each_other_at_once_never_deadlock() -> None:
    one, other = UserFactory.create_batch(2)
    at = timezone.now()

    ends = at_once(
        [
            lambda: follows.follow(follower_id=one.pk, followed_id=other.pk, at=at),
            lambda: follows.follow(follower_id=other.pk, followed_id=one.pk, at=at),
            lambda: follows.block(blocker_id=one.pk, blocked_id=other.pk, at=at),
            lambda: follows.block(blocker_id=other.pk, blocked_id=one.pk, at=at),
        ]
        * 4
    )

    assert set(ends) <= {"True", "False", "None", "PersonNotFound"}
    assert (Block.objects.count(), pairs()) == (2, set())
