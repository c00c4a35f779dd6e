"""What is measured: each scenario gives one operation for each of its callers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import uuid4

from benchmarks.load import Caller

CALLERS = 4
BATCH = 100
ADDRESS = {
    "name": "Lin Wei",
    "phone": "+86 138 0000 0000",
    "line1": "1 Garden Road",
    "city": "Shanghai",
    "region": "Shanghai",
    "postcode": "200000",
    "country": "CN",
}

Operation = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table; ``calls`` is how many requests one operation makes."""

    name: str
    count: int
    calls: int
    operation: Callable[[Caller, int], Operation]


def register(host: str, number: int) -> Caller:
    """Register a person and return their device."""
    answer = Caller(host).call(
        "POST",
        "/auth/register",
        {
            "handle": f"bench_{number}",
            "email": f"bench_{number}@example.com",
            "password": "correct horse battery staple",
        },
    )
    return Caller(host, token=answer["token"])


def empty(caller: Caller, _number: int) -> Operation:
    return lambda: caller.call("GET", "/bench/empty")


def feed(caller: Caller, _number: int) -> Operation:
    def open_the_feed() -> None:
        assert caller.call("GET", "/feed?surface=explore")["results"]

    return open_the_feed


def products(caller: Caller, _number: int) -> Operation:
    def look_around() -> None:
        assert caller.call("GET", "/products?ordering=price")["results"]

    return look_around


def checkout(caller: Caller, number: int) -> Operation:
    """Put into the cart, check out, pay; the callers buy different variants, one by one."""
    listed = caller.call("GET", "/products?in_stock=true&page_size=100")["results"]
    skus = [sku["id"] for product in listed for sku in product["skus"]]
    wanted = cycle(skus[number::CALLERS])

    def buy() -> None:
        caller.call("PUT", f"/cart/items/{next(wanted)}", {"quantity": 1})
        order = caller.call("POST", "/checkout", {"address": ADDRESS}, has_key=True)
        path = f"/orders/{order['id']}/payments"
        paid = caller.call("POST", path, {"method": "sandbox"}, has_key=True)
        assert paid["state"] == "succeeded", paid

    return buy


def events(caller: Caller, _number: int) -> Operation:
    """Report a hundred impressions of the notes in the feed."""
    shown = caller.call("GET", "/feed?surface=explore")["results"]
    notes = cycle([item["note"]["id"] for item in shown])
    session = str(uuid4())

    def report() -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")  # noqa: TID251 - a client's clock
        batch = [impression(now, next(notes), position) for position in range(BATCH)]
        body = {"sent_at": now, "session_id": session, "events": batch}
        assert caller.call("POST", "/events", body)["accepted"] == BATCH

    return report


def impression(at: str, note_id: int, position: int) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "kind": "impression",
        "occurred_at": at,
        "surface": "explore",
        "note_id": note_id,
        "position": position,
    }


SCENARIOS = (
    Scenario("empty view", count=1_200, calls=1, operation=empty),
    Scenario("GET /products", count=240, calls=1, operation=products),
    Scenario("GET /feed", count=240, calls=1, operation=feed),
    Scenario("cart, checkout, pay", count=160, calls=3, operation=checkout),
    Scenario(f"POST /events of {BATCH}", count=160, calls=1, operation=events),
)
