"""People are told what others did, once, and never what they did themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from redshop.accounts.factories import BlockFactory, NotificationFactory, UserFactory
from redshop.accounts.models import Notification, User
from redshop.accounts.services.notifications import notify
from redshop.core.db import TransactionRequired
from tests.api import ApiClient
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


def tell(recipient: User, *, actor: User | None = None, kind: str = "like", **subject: Any) -> None:
    with transaction.atomic():
        notify(
            recipient_id=recipient.pk,
            actor_id=actor.pk if actor else None,
            kind=kind,
            subject=subject,
            at=timezone.now(),
        )


def test_a_person_is_told_once_for_each_thing(person: User, person_api: ApiClient) -> None:
    fan: User = UserFactory.create()

    tell(person, actor=fan, note_id=7)
    tell(person, actor=fan, note_id=7)
    tell(person, actor=fan, note_id=8)
    tell(person, kind="order", order_id="b9", state="shipped")
    tell(person, kind="order", state="shipped", order_id="b9")

    page = person_api.get("/me/notifications").json()
    told = [(one["kind"], one["subject"]) for one in page["results"]]
    assert told == [
        ("order", {"order_id": "b9", "state": "shipped"}),
        ("like", {"note_id": 8}),
        ("like", {"note_id": 7}),
    ]
    assert page["results"][0]["actor"] is None
    assert page["results"][1]["actor"]["handle"] == fan.handle
    assert {one["read_at"] for one in page["results"]} == {None}


def test_nobody_is_told_of_themselves_or_of_whom_they_share_a_block_with(person: User) -> None:
    tell(person, actor=person, note_id=7)
    tell(person, actor=BlockFactory.create(blocked=person).blocker, note_id=7)
    tell(person, actor=BlockFactory.create(blocker=person).blocked, note_id=7)

    assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_telling_is_part_of_what_it_tells_of() -> None:
    with pytest.raises(TransactionRequired):
        notify(recipient_id=1, kind="like", at=timezone.now())


def test_news_are_marked_as_read_up_to_one_or_all(person: User, person_api: ApiClient) -> None:
    first, second, third = NotificationFactory.create_batch(3, recipient=person)
    others: Notification = NotificationFactory.create()

    up_to_second = person_api.post("/me/notifications/read", {"up_to": second.pk})
    rest = person_api.post("/me/notifications/read", {})

    assert (up_to_second.json(), rest.json()) == ({"marked": 2}, {"marked": 1})
    for one in (first, third, others):
        one.refresh_from_db()
    assert first.read_at is not None
    assert third.read_at is not None
    assert others.read_at is None


@pytest.mark.parametrize("body", [{"up_to": 0}, {"up_to": "all"}, {"ids": [1]}])
def test_what_names_no_news_is_refused(
    body: dict[str, Any], person: User, person_api: ApiClient
) -> None:
    NotificationFactory.create(recipient=person)

    assert person_api.post("/me/notifications/read", body).status_code == 400
    assert Notification.objects.get().read_at is None


def test_a_person_reads_their_own_news_only(person_api: ApiClient, api: ApiClient) -> None:
    NotificationFactory.create()

    assert person_api.get("/me/notifications").json()["results"] == []
    assert api.get("/me/notifications").status_code == 401


def test_reading_takes_as_many_queries_for_much_news_as_for_little(
    person: User, person_api: ApiClient
) -> None:
    def sized(count: int) -> Callable[[], Any]:
        NotificationFactory.create_batch(count, recipient=person)
        return lambda: person_api.get("/me/notifications")

    assert_query_count("GET /me/notifications", lambda: sized(1), lambda: sized(15))
