"""Returns as a mobile client sees them."""

from typing import Any
from uuid import uuid4

import pytest

from orders import factories
from orders.models import Order, Return
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from tests.api import ApiClient
from tests.conftest import token_of
from tests.orders.world import standing
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


def problem(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def wish(order: Order, quantity: int = 1, **over: Any) -> dict[str, Any]:
    lines = [{"line_id": line.pk, "quantity": quantity} for line in order.lines.order_by("pk")]
    return {"lines": lines, "reason": "too small", **over}


def test_from_the_wish_to_the_money(person: User, person_api: ApiClient) -> None:
    order = factories.delivered(person, SkuFactory.create(price_minor=1_000), quantity=2)

    asked = person_api.post_once(f"/orders/{order.pk}/returns", wish(order))
    claimed = person_api.get(f"/orders/{order.pk}").json()["lines"][0]
    factories.sent_back(factories.approved(Return.objects.get()))
    shown = person_api.get(f"/returns/{asked.json()['id']}")

    line = order.lines.get()
    assert asked.status_code == 201
    first = asked.json()
    assert [step.pop("at") for step in first["history"]] == [first.pop("requested_at")]
    assert first == {
        "id": str(Return.objects.get().pk),
        "order_id": str(order.pk),
        "state": "requested",
        "lines": [{"line_id": line.pk, "quantity": 1, "received_quantity": 0}],
        "reason": "too small",
        "refunded": {"amount_minor": 0, "currency": "CNY"},
        "history": [{"from": None, "to": "requested", "reason": ""}],
    }
    assert (claimed["returning_quantity"], claimed["refunded_quantity"]) == (1, 0)
    last = shown.json()
    assert (last["state"], last["decision"]) == ("refunded", "send it")
    assert last["lines"][0]["received_quantity"] == 1
    assert last["refunded"] == {"amount_minor": 1_000, "currency": "CNY"}
    assert [step["to"] for step in last["history"]] == [
        "requested",
        "approved",
        "received",
        "refunded",
    ]
    assert {"approved_at", "received_at", "refunded_at"} < set(last)
    assert "refused_at" not in last


def test_a_wish_needs_a_key_and_is_granted_once(person: User, person_api: ApiClient) -> None:
    order = factories.delivered(person, quantity=2)
    path, key = f"/orders/{order.pk}/returns", uuid4()

    without = person_api.post(path, wish(order))
    first = person_api.post(path, wish(order), key=key)
    again = person_api.post(path, wish(order), key=key)
    other = person_api.post(path, wish(order, 2), key=key)

    assert problem(without) == (400, "idempotency_key_required")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert problem(other) == (422, "idempotency_key_reused")
    assert Return.objects.count() == 1


@pytest.mark.parametrize(
    ("make", "quantity", "expected"),
    [
        (factories.shipped, 1, (409, "nothing_delivered")),
        (factories.delivered, 2, (422, "quantity_not_possible")),
    ],
)
def test_a_refusal_has_its_code(
    make: Any, quantity: int, expected: tuple[int, str], person: User, person_api: ApiClient
) -> None:
    order = make(person)

    answer = person_api.post_once(f"/orders/{order.pk}/returns", wish(order, quantity))

    assert problem(answer) == expected
    assert not Return.objects.exists()


def test_after_the_window_it_is_too_late(
    person: User, person_api: ApiClient, settings: Any
) -> None:
    settings.RETURN_DAYS = 0
    order = factories.delivered(person)

    answer = person_api.post_once(f"/orders/{order.pk}/returns", wish(order))

    assert problem(answer) == (422, "return_window_closed")
    assert answer.json()["line_id"] == order.lines.get().pk
    assert answer.json()["left"] == 0


@pytest.mark.parametrize(
    ("over", "pointer"),
    [
        ({"lines": []}, "/lines"),
        ({"lines": [{"line_id": 1, "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"line_id": 1, "quantity": 1}] * 2}, "/lines"),
        ({"reason": ""}, "/reason"),
        ({"surprise": 1}, "/surprise"),
    ],
    ids=str,
)
def test_a_wish_that_makes_no_sense_is_refused(
    over: dict[str, Any], pointer: str, person: User, person_api: ApiClient
) -> None:
    order = factories.delivered(person)

    answer = person_api.post_once(f"/orders/{order.pk}/returns", wish(order, **over))

    assert problem(answer) == (400, "unknown_field" if "surprise" in over else "invalid")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Return.objects.exists()


def test_anothers_return_answers_as_one_that_is_not_there(
    person: User, person_api: ApiClient
) -> None:
    other: User = User.objects.create_user("another", "another@example.com")
    order = factories.delivered(other)
    asked = factories.asked_back(order)

    answers = [
        person_api.post_once(f"/orders/{order.pk}/returns", wish(order)),
        person_api.get(f"/returns/{asked.pk}"),
        person_api.post(f"/returns/{asked.pk}/cancel"),
        person_api.post_once(f"/returns/{asked.pk}/cancel"),
        person_api.get(f"/returns/{uuid4()}"),
    ]

    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 5
    assert person_api.get("/returns").json()["results"] == []
    assert [row.state for row in Return.objects.all()] == ["requested"]


def test_a_buyer_who_keeps_the_units_after_all_cancels_once(
    person: User, person_api: ApiClient
) -> None:
    order = factories.delivered(person)
    asked, key = factories.asked_back(order), uuid4()

    first = person_api.post(f"/returns/{asked.pk}/cancel", key=key)
    again = person_api.post(f"/returns/{asked.pk}/cancel", key=key)
    without = person_api.post(f"/returns/{asked.pk}/cancel")

    assert (first.status_code, first.json()["state"]) == (200, "refused")
    assert first.json()["decision"] == "cancelled by the buyer"
    assert again.content == first.content
    assert problem(without) == (409, "wrong_return_state")
    assert standing(order) == ("delivered", "paid", 0)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/returns"),
        ("GET", f"/returns/{uuid4()}"),
        ("POST", f"/returns/{uuid4()}/cancel"),
        ("POST", f"/orders/{uuid4()}/returns"),
    ],
)
def test_returning_takes_a_token(method: str, path: str, api: ApiClient) -> None:
    assert problem(api.call(method, path, {})) == (401, "authentication_required")


def test_returns_come_newest_first_page_by_page(person: User, person_api: ApiClient) -> None:
    asked = [factories.asked_back(factories.delivered(person)) for _ in range(3)]

    first = person_api.get("/returns?page_size=2").json()
    second = person_api.get("/returns?" + first["next"].split("?")[1]).json()

    shown = [row["id"] for page in (first, second) for row in page["results"]]
    newest = sorted(asked, key=lambda each: each.requested_at, reverse=True)
    assert shown == [str(each.pk) for each in newest]
    assert second["next"] is None


def test_the_list_takes_the_same_queries_at_any_size(person: User) -> None:
    api = ApiClient(token=token_of(person))

    def prepare(count: int) -> Any:
        for _ in range(count):
            order = factories.delivered(person, *SkuFactory.create_batch(2))
            factories.sent_back(factories.approved(factories.asked_back(order)))
        return lambda: api.get("/returns")

    assert_query_count("GET /returns", lambda: prepare(1), lambda: prepare(3))
