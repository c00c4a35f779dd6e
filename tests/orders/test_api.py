"""Cart, checkout, orders and payments as a mobile client sees them."""

from typing import Any

import pytest

from orders.models import Order, Payment
from redshop.catalog.factories import SkuFactory
from tests.api import ApiClient
from tests.orders.world import ADDRESS

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
        "items": [item],
        "discount": money(0),
        "shipping": money(0),
        "duty": money(0),
        "total": money(1000),
    }
    assert placed.status_code == 201
    assert paid.status_code == 201
    assert paid.json() == {"id": str(Payment.objects.get().pk), "state": "succeeded"}
    assert_is_paid_order(order.json(), placed.json(), Order.objects.get())


def assert_is_paid_order(shown: Any, was: Any, order: Order) -> None:
    part, line = order.parts.get(), order.lines.get()
    line_shown = {
        "id": line.pk,
        "sku_id": line.sku_id,
        "product_id": line.product_id,
        "quantity": 2,
        "unit_price": money(500),
        "total": money(1000),
        "refunded_quantity": 0,
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
                "lines": [line_shown],
                "shipments": [],
            }
        ],
        "lines": [line_shown],
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
