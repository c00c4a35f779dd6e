"""The whole loop over HTTP with real processes: from the first view to the refund."""

from datetime import UTC, datetime
from typing import Any

import pytest

from redshop.core.ids import uuid7
from tests.journeys.system import Living, Mobile, eventually

pytestmark = pytest.mark.processes

ADDRESS = {
    "name": "Li Na",
    "phone": "+86 138 0000 0000",
    "line1": "1 Nanjing Road",
    "city": "Shanghai",
    "region": "Shanghai",
    "postcode": "200000",
    "country": "CN",
}


def shoppable(mobile: Mobile) -> tuple[Any, Any, Any]:
    """Return a feed answer, a note of it that shows a product in stock, and that product's SKU."""
    feed = mobile.call("GET", "/feed?surface=explore")
    for item in feed["results"]:
        for shown in item["note"]["products"]:
            product = mobile.call("GET", f"/products/{shown['id']}")
            for sku in product["skus"]:
                if sku["available"]:
                    return feed, item, sku
    pytest.fail("the seeded feed shows nothing that can be bought")


def see_and_open(mobile: Mobile, feed: Any, item: Any) -> Any:
    """Report that the note was on the screen and was opened."""
    now = datetime.now(tz=UTC).isoformat()  # noqa: TID251 - this is the client's clock
    events = [
        {
            "id": str(uuid7()),
            "kind": kind,
            "occurred_at": now,
            "surface": "explore",
            "request_id": feed["request_id"],
            "note_id": item["note"]["id"],
            "position": item["position"],
        }
        for kind in ("impression", "note_open")
    ]
    batch = {
        "sent_at": now,
        "visitor_id": str(mobile.visitor),
        "session_id": str(uuid7()),
        "events": events,
    }
    return mobile.call("POST", "/events", batch)


def buy(mobile: Mobile, *, sku_id: int, note_id: int, request_id: str) -> Any:
    """Put one unit in the cart from the note, check out and pay; return the order."""
    body = {"quantity": 1, "note_id": note_id, "request_id": request_id}
    mobile.call("PUT", f"/cart/items/{sku_id}", body)
    order = mobile.call("POST", "/checkout", {"address": ADDRESS}, key=uuid7())
    payment = mobile.call(
        "POST", f"/orders/{order['id']}/payments", {"method": "sandbox"}, key=uuid7()
    )
    assert payment["state"] == "succeeded"
    return mobile.call("GET", f"/orders/{order['id']}")


def credit_of(system: Living, note_id: int) -> Any:
    """Return the note's row in the last-touch table, None while it has none."""
    answer = system.admin().call(
        "GET", "/stats/attribution?model=last_touch&group_by=note&population=real"
    )
    rows = [row for row in answer["results"] if str(row["key"]) == str(note_id)]
    return rows[0] if rows else None


def test_a_purchase_is_followed_back_to_its_note_and_a_refund_takes_the_credit_back(
    system: Living,
) -> None:
    mobile = system.client()
    mobile.register("journeys_buyer")
    assert mobile.call("GET", "/me/consents")["analytics"]["value"] is True
    feed, item, sku = shoppable(mobile)
    note_id = item["note"]["id"]

    accepted = see_and_open(mobile, feed, item)
    mobile.call("PUT", f"/notes/{note_id}/like")
    order = buy(mobile, sku_id=sku["id"], note_id=note_id, request_id=feed["request_id"])

    assert accepted == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert (order["state"], order["payment_state"]) == ("paid", "paid")
    credited = eventually(lambda: credit_of(system, note_id), seconds=10)
    price = sku["price"]["amount_minor"]
    assert amounts(credited) == (1, price, 0, price)

    mobile.call("POST", f"/orders/{order['id']}/cancel", {"reason": "changed my mind"})

    eventually(lambda: amounts(credit_of(system, note_id))[2], seconds=10)
    assert amounts(credit_of(system, note_id)) == (1, price, price, 0)


def amounts(row: Any) -> tuple[float, int, int, int]:
    """Return conversions and gross, refunded and net minor units of a row."""
    return (
        row["conversions"],
        row["gross"]["amount_minor"],
        row["refunded"]["amount_minor"],
        row["net"]["amount_minor"],
    )
