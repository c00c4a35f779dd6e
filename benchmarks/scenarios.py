"""What is measured: each scenario gives one operation for each of its callers."""

import time
from collections.abc import Callable, Iterator
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
    return buyer(caller, cycle(skus(caller)[number::CALLERS]))


def skus(caller: Caller) -> list[int]:
    """Return the variants that can be bought."""
    listed = caller.call("GET", "/products?in_stock=true&page_size=100")["results"]
    return [sku["id"] for product in listed for sku in product["skus"]]


def buyer(caller: Caller, wanted: Iterator[int]) -> Operation:
    """Return a whole purchase, of one variant after the other."""

    def buy() -> None:
        for step in steps(caller, next(wanted)):
            step()

    return buy


def steps(caller: Caller, sku_id: int) -> list[Operation]:
    """Return the calls of a purchase: into the cart, checkout, payment until it is paid."""
    order: dict[str, Any] = {}

    def fill() -> None:
        caller.call("PUT", f"/cart/items/{sku_id}", {"quantity": 1})

    def check_out() -> None:
        order.update(caller.call("POST", "/checkout", {"address": ADDRESS}, has_key=True))

    def pay() -> None:
        path, card = f"/orders/{order['id']}/payments", {"method": "sandbox", "token": "tok_ok"}
        payment = caller.call("POST", path, card, has_key=True)
        assert payment["state"] in {"succeeded", "pending"}, payment
        if payment["state"] == "pending":
            wait_until_paid(caller, order["id"])

    return [fill, check_out, pay]


def wait_until_paid(caller: Caller, order_id: str) -> None:
    """Ask after an order, as a client does, until its payment arrived."""
    until = time.monotonic() + 30
    while caller.call("GET", f"/orders/{order_id}")["payment_state"] != "paid":
        assert time.monotonic() < until, f"{order_id} was not paid in half a minute"
        time.sleep(0.1)


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
