from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from redshop.accounts.models import User
from redshop.events.factories import (
    EventFactory,
    IdentityFactory,
    OptOutFactory,
    RejectedEventFactory,
)
from redshop.events.models import Event

pytestmark = pytest.mark.django_db

EVENTS = "/admin/events/event/"


@pytest.fixture
def client() -> Client:
    User.objects.create_superuser("root", "root@example.com", "x")
    client = Client()
    client.force_login(User.objects.get())
    return client


def found(response: Any) -> set[Any]:
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


def test_the_log_shows_the_last_day_unless_a_time_is_asked_for(client: Client) -> None:
    recent = EventFactory.create(occurred_at=timezone.now() - timedelta(hours=23))
    old = EventFactory.create(occurred_at=timezone.now() - timedelta(days=3))

    lately = client.get(EVENTS)
    asked = client.get(
        EVENTS,
        {
            "occurred_at_from_0": f"{old.occurred_at:%Y-%m-%d}",
            "occurred_at_to_0": f"{old.occurred_at:%Y-%m-%d}",
            "occurred_at_to_1": "23:59:59",
        },
    )

    assert found(lately) == {recent.pk}
    assert "Events of the last 24 hours" in lately.content.decode()
    assert found(asked) == {old.pk}


def test_a_search_finds_a_person_with_what_they_did_before_they_were_known(client: Client) -> None:
    long_ago = timezone.now() - timedelta(days=20)
    own = EventFactory.create(person_id=5, occurred_at=long_ago)
    before = EventFactory.create(occurred_at=long_ago)
    EventFactory.create(person_id=6, occurred_at=long_ago)
    IdentityFactory.create(person_id=5, visitor_id=before.visitor_id)

    assert found(client.get(EVENTS, {"q": "5"})) == {own.pk, before.pk}
    assert found(client.get(EVENTS, {"q": str(own.pk)})) == {own.pk}
    assert found(client.get(EVENTS, {"q": str(before.visitor_id)})) == {before.pk}


@pytest.mark.parametrize("table", ["event", "rejectedevent", "identity", "optout"])
@pytest.mark.parametrize("term", ["x", "9" * 30, "-1", "💥", str(uuid4()), "²"])
def test_no_search_breaks_anything(client: Client, table: str, term: str) -> None:
    assert client.get(f"/admin/events/{table}/", {"q": term}).status_code == 200


@pytest.mark.parametrize("when", ["soon", "9999-99-99", "0000-00-00", "9999-12-31", "0001-01-01"])
def test_no_time_breaks_anything(client: Client, when: str) -> None:
    response = client.get(EVENTS, {"occurred_at_from_0": when, "occurred_at_from_1": "x"})

    assert response.status_code == 200


def test_bad_rows_are_found_by_their_reason(client: Client) -> None:
    kept = RejectedEventFactory.create(code="too_late")
    RejectedEventFactory.create(code="server_kind")

    assert found(client.get("/admin/events/rejectedevent/", {"code": "too_late"})) == {kept.pk}


def test_nothing_of_it_can_be_changed(client: Client) -> None:
    event = EventFactory.create(occurred_at=timezone.now())

    shown = client.get(f"{EVENTS}{event.pk}/change/")
    changed = client.post(f"{EVENTS}{event.pk}/change/", {"kind": "like"})

    assert shown.status_code == 200
    assert changed.status_code == 403
    assert Event.objects.get().kind == "impression"


@pytest.mark.parametrize("table", ["event", "rejectedevent", "identity", "optout"])
def test_a_list_counts_nothing_and_asks_the_same_however_long_it_is(
    client: Client, table: str
) -> None:
    factory: Any = {
        "event": EventFactory,
        "rejectedevent": RejectedEventFactory,
        "identity": IdentityFactory,
        "optout": OptOutFactory,
    }[table]
    moment = {"occurred_at": timezone.now()} if table == "event" else {}
    counts = []
    for size in (1, 20):
        factory.create_batch(size, **moment)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/admin/events/{table}/").status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]
    assert not [query for query in captured if "count(" in query["sql"].lower()]
