"""Cart, checkout, orders and payments as a mobile client sees them."""

import re
from typing import Any
from uuid import uuid4

import pytest

from orders import factories
from orders.models import CartItem, Order, Payment
from orders.services import checkout
from redshop.accounts.models import Notification, User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku
from redshop.core import outbox
from redshop.events.models import Event
from tests.api import ApiClient
from tests.orders.world import ADDRESS, DAY, NOW, levels, standing

pytestmark = pytest.mark.django_db


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "CNY"}


def test_from_the_cart_to_a_paid_order(person_api: ApiClient) -> None:
    sku = SkuFactory.create(price_minor=500, on_hand=4)

    put = person_api.put(f"/cart/items/{sku.pk}", {"quantity": 2, "note_id": 7})
    cart = person_api.get("/cart")
    quote = person_api.post("/checkout/quote", {"address": ADDRESS})
    placed = person_api.post_once("/checkout", {"address": ADDRESS, "expected_total_minor": 1000})
    paid = person_api.post_once(f"/orders/{placed.json()['id']}/payments", {"method": "sandbox"})
    order = person_api.get(f"/orders/{placed.json()['id']}")

    item = {
        "sku_id": sku.pk,
        "product_id": sku.product_id,
        "quantity": 2,
        "unit_price": money(500),
        "available": 4,
        "note_id": 7,
    }
    assert (put.status_code, put.content) == (204, b"")
    assert cart.json() == {"items": [item], "total": money(1000)}
    assert quote.json() == {
        "items": [{**item, "discount": money(0), "duty": money(0)}],
        "parts": [
            {
                "merchant": merchant_of(sku),
                "is_cross_border": False,
                "shipping": money(0),
                "duty": money(0),
                "delivery_days": {"least": 2, "most": 5},
            }
        ],
        "discount": money(0),
        "shipping": money(0),
        "duty": money(0),
        "total": money(1000),
    }
    assert placed.status_code == 201
    assert paid.status_code == 201
    assert paid.json() == {"id": str(Payment.objects.get().pk), "state": "succeeded"}
    assert_is_paid_order(order.json(), placed.json(), Order.objects.get())


def merchant_of(sku: Sku) -> dict[str, Any]:
    merchant = sku.product.brand.merchant
    return {"id": merchant.pk, "name": merchant.name}


def assert_is_paid_order(shown: Any, was: Any, order: Order) -> None:
    part, line = order.parts.get(), order.lines.get()
    line_shown = {
        "id": line.pk,
        "sku_id": line.sku_id,
        "product_id": line.product_id,
        "quantity": 2,
        "unit_price": money(500),
        "discount": money(0),
        "total": money(1000),
        "duty": money(0),
        "refunded_quantity": 0,
        "returning_quantity": 0,
    }
    assert [step.pop("at") for step in shown["history"]] == [was["placed_at"], shown["paid_at"]]
    assert shown == {
        "id": str(order.pk),
        "number": order.number,
        "state": "paid",
        "payment_state": "paid",
        "parts": [
            {
                "id": part.pk,
                "merchant": {"id": part.merchant_id, "name": part.merchant.name},
                "state": "paid",
                "is_cross_border": False,
                "shipping": money(0),
                "duty": money(0),
                "delivery_days": {"least": 2, "most": 5},
                "lines": [line_shown],
                "shipments": [],
            }
        ],
        "lines": [line_shown],
        "discount": money(0),
        "shipping": money(0),
        "duty": money(0),
        "total": money(1000),
        "refunded": money(0),
        "placed_at": was["placed_at"],
        "paid_at": shown["paid_at"],
        "history": [
            {"from": None, "to": "placed", "reason": ""},
            {"from": "placed", "to": "paid", "reason": ""},
        ],
    }
    assert was["expires_at"] == order.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    changed = {"state", "payment_state", "parts", "paid_at", "expires_at", "history"}
    assert {k: v for k, v in was.items() if k not in changed} == {
        k: v for k, v in shown.items() if k not in changed
    }


def another() -> User:
    other: User = User.objects.create_user("another", "another@example.com")
    return other


def problem(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_anothers_order_answers_as_one_that_is_not_there(person_api: ApiClient) -> None:
    order = factories.placed(another())
    before = standing(order)

    for path in (f"/orders/{order.pk}", f"/orders/{uuid4()}"):
        answers = [
            person_api.get(path),
            person_api.post(f"{path}/cancel"),
            person_api.post_once(f"{path}/cancel"),
            person_api.post_once(f"{path}/payments", {"method": "sandbox"}),
        ]
        assert [problem(answer) for answer in answers] == [(404, "not_found")] * 4

    assert person_api.get("/orders").json()["results"] == []
    assert standing(order) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/cart"),
        ("PUT", "/cart/items/1"),
        ("DELETE", "/cart/items/1"),
        ("POST", "/checkout/quote"),
        ("POST", "/checkout"),
        ("GET", "/orders"),
        ("GET", f"/orders/{uuid4()}"),
        ("POST", f"/orders/{uuid4()}/cancel"),
        ("POST", f"/orders/{uuid4()}/payments"),
    ],
)
def test_buying_takes_a_token(method: str, path: str, api: ApiClient) -> None:
    assert problem(api.call(method, path, {})) == (401, "authentication_required")


def test_orders_come_newest_first_page_by_page(person: User, person_api: ApiClient) -> None:
    orders = [factories.placed(person) for _ in range(3)]

    first = person_api.get("/orders?page_size=2").json()
    second = person_api.get("/orders?" + first["next"].split("?")[1]).json()

    shown = [order["number"] for page in (first, second) for order in page["results"]]
    assert shown == [order.number for order in reversed(orders)]
    assert second["next"] is None


def test_a_shipment_is_shown_in_its_part(person: User, person_api: ApiClient) -> None:
    order = factories.delivered(person)
    line, parcel = order.lines.get(), order.parts.get().shipments.get()

    shown = person_api.get(f"/orders/{order.pk}").json()

    (shipment,) = shown["parts"][0]["shipments"]
    assert {name: shipment[name] for name in ("id", "tracking", "lines")} == {
        "id": parcel.pk,
        "tracking": "SF100001",
        "lines": [{"line_id": line.pk, "quantity": 1}],
    }
    assert shipment["shipped_at"] < shipment["delivered_at"]
    assert (shown["state"], shown["parts"][0]["state"]) == ("delivered", "delivered")
    assert "expires_at" not in shown


def test_a_cancelled_order_gives_the_money_back(person: User, person_api: ApiClient) -> None:
    order = factories.paid(person)

    answer = person_api.post(f"/orders/{order.pk}/cancel", {"reason": "too slow"})

    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["state"], shown["payment_state"]) == ("cancelled", "refunded")
    assert shown["refunded"] == shown["total"] == money(12_900)
    assert shown["history"][-1]["reason"] == "too slow"


def test_a_repeated_cancellation_with_its_key_is_replayed(
    person: User, person_api: ApiClient
) -> None:
    order, key = factories.placed(person), uuid4()

    first = person_api.post(f"/orders/{order.pk}/cancel", key=key)
    again = person_api.post(f"/orders/{order.pk}/cancel", key=key)
    without = person_api.post(f"/orders/{order.pk}/cancel")

    assert (first.status_code, again.content) == (200, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert problem(without) == (409, "wrong_state")
    assert without.json()["state"] == "cancelled"


def test_a_cart_item_is_changed_and_taken_out(person_api: ApiClient) -> None:
    sku = SkuFactory.create()
    request_id = str(uuid4())
    path = f"/cart/items/{sku.pk}"

    person_api.put(path, {"quantity": 1, "note_id": 7, "request_id": request_id})
    person_api.put(path, {"quantity": 3})
    item = CartItem.objects.get()
    taken_out = [person_api.delete(path).status_code for _ in range(2)]

    assert (item.quantity, item.note_id, str(item.request_id)) == (3, 7, request_id)
    assert taken_out == [204, 204]
    assert person_api.get("/cart").json() == {"items": [], "total": money(0)}
    adds = Event.objects.filter(kind="cart_add").order_by("id")
    assert [(e.quantity, e.amount_minor, e.note_id) for e in adds] == [
        (1, 12_900, 7),
        (2, 25_800, 7),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"quantity": 0}, "min_value"),
        ({"quantity": 1_000}, "max_value"),
        ({"quantity": "many"}, "invalid"),
        ({"quantity": 1, "note_id": 2**63}, "max_value"),
        ({"quantity": 1, "request_id": "7"}, "invalid"),
    ],
)
def test_odd_quantities_are_refused(body: dict[str, Any], code: str, person_api: ApiClient) -> None:
    sku = SkuFactory.create()

    answer = person_api.put(f"/cart/items/{sku.pk}", body)

    assert problem(answer) == (400, "invalid")
    assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert not CartItem.objects.exists()


def test_a_cart_of_several_currencies_is_refused(person_api: ApiClient) -> None:
    person_api.put(f"/cart/items/{SkuFactory.create().pk}", {"quantity": 1})
    yen = SkuFactory.create(currency="JPY")

    answer = person_api.put(f"/cart/items/{yen.pk}", {"quantity": 1})

    assert problem(answer) == (422, "mixed_currencies")


def test_checkout_refuses_what_is_wrong_and_says_what(person: User, person_api: ApiClient) -> None:
    sku = SkuFactory.create(on_hand=1, price_minor=500)
    good = {"address": ADDRESS}

    empty = person_api.post_once("/checkout", good)
    factories.CartItemFactory.create(person=person, sku=sku)
    no_key = person_api.post("/checkout", good)
    no_address = person_api.post_once("/checkout", {})
    country = person_api.post_once("/checkout", {"address": {**ADDRESS, "country": "China"}})
    coupon = person_api.post_once("/checkout", {**good, "coupon": "WELCOME"})
    price = person_api.post_once("/checkout", {**good, "expected_total_minor": 499})
    CartItem.objects.update(quantity=2)
    stock = person_api.post_once("/checkout", good)

    assert problem(empty) == (422, "cart_empty")
    assert problem(no_key) == (400, "idempotency_key_required")
    assert problem(no_address) == (400, "invalid")
    assert country.json()["errors"][0]["pointer"] == "/address/country"
    assert problem(coupon) == (422, "coupon_unknown")
    assert problem(price) == (409, "price_changed")
    assert price.json()["total"] == money(500)
    assert problem(stock) == (409, "out_of_stock")
    assert stock.json()["sku_ids"] == [sku.pk]
    assert not Order.objects.exists()
    assert levels(sku) == (1, 0)


def test_an_answer_is_replayed_byte_by_byte_and_its_key_serves_one_body(
    person: User, person_api: ApiClient
) -> None:
    factories.CartItemFactory.create(person=person)
    key = uuid4()

    first = person_api.post("/checkout", {"address": ADDRESS}, key=key)
    replay = person_api.post("/checkout", {"address": ADDRESS}, key=key)
    other = person_api.post("/checkout", {"address": {**ADDRESS, "name": "Wu"}}, key=key)

    assert (first.status_code, replay.status_code) == (201, 201)
    assert replay.content == first.content
    assert "Idempotent-Replayed" not in first.headers
    assert replay["Idempotent-Replayed"] == "true"
    assert problem(other) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


def test_a_refusal_is_replayed_too(person: User, person_api: ApiClient) -> None:
    key = uuid4()

    first = person_api.post("/checkout", {"address": ADDRESS}, key=key)
    factories.CartItemFactory.create(person=person)
    replay = person_api.post("/checkout", {"address": ADDRESS}, key=key)

    assert problem(first) == (422, "cart_empty")
    assert replay.content == first.content
    assert not Order.objects.exists()


def test_a_declined_card_is_an_answer(person: User, person_api: ApiClient) -> None:
    order = factories.placed(person)
    path, body = f"/orders/{order.pk}/payments", {"method": "sandbox", "token": "tok_declined"}

    declined = person_api.post_once(path, body)
    no_key = person_api.post(path, body)
    stripe = person_api.post_once(path, {"method": "stripe"})
    cash = person_api.post_once(path, {"method": "cash"})
    paid = person_api.post_once(path, {"method": "sandbox"})
    again = person_api.post_once(path, {"method": "sandbox"})

    assert declined.status_code == 201
    assert declined.json() == {
        "id": str(Payment.objects.get(state="failed").pk),
        "state": "failed",
        "failure_code": "card_declined",
    }
    assert problem(no_key) == (400, "idempotency_key_required")
    assert problem(stripe) == (422, "payment_method_unavailable")
    assert problem(cash) == (400, "invalid")
    assert paid.json()["state"] == "succeeded"
    assert problem(again) == (409, "already_paid")
    assert standing(order) == ("paid", "paid", 0)


def test_the_buyer_is_told_what_became_of_the_order(person: User) -> None:
    order = factories.delivered(person)

    outbox.drain_all(at=order.placed_at + DAY)

    told = Notification.objects.filter(recipient=person, kind="order").order_by("pk")
    assert [note.subject for note in told] == [
        {"order_id": str(order.pk), "state": "shipped"},
        {"order_id": str(order.pk), "state": "delivered"},
    ]


def test_order_numbers_tell_the_day_and_nothing_else() -> None:
    numbers = {checkout.number(at=NOW) for _ in range(1_000)}

    assert len(numbers) == 1_000
    assert all(re.fullmatch(r"RS-260310-[0-9A-HJKMNP-TV-Z]{8}", number) for number in numbers)
