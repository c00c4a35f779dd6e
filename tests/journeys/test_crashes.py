"""Processes die at random while people buy; nothing is lost and nothing is doubled."""

import random
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import psutil
import pytest

from redshop.conversion.types import AttributionModel
from redshop.core.ids import uuid7
from tests.journeys.system import Living, Mobile, eventually, living_system
from tests.journeys.test_closed_loop import ADDRESS, see_and_open, shoppable

pytestmark = pytest.mark.processes

ORDERS: Final = 300
BUYERS: Final = 6
KILLS: Final = 30
VICTIMS: Final = ("worker", "bell", "valkey")
MODELS: Final = [model.value for model in AttributionModel]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("crashes"), REDSHOP_THROTTLE="on") as living:
        living.manage("seed")
        yield living


def stock_up(system: Living) -> None:
    """Fill the shelves, so that only crashes can get in the way."""
    system.execute("UPDATE catalog_sku SET on_hand = 1000000")


def persistent(
    mobile: Mobile, method: str, path: str, body: Any, key: Any = None, *, tries: int = 50
) -> Any:
    """Call until the answer comes: a repeat with the same key is harmless."""
    for _ in range(tries):
        try:
            return mobile.call(method, path, body, key=key)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 422:
                raise
            time.sleep(0.1)
    pytest.fail(f"{method} {path} was never answered")


def buy_many(system: Living, number: int) -> list[str]:
    """Register a buyer, let them see a note, and buy what it shows again and again."""
    mobile = system.client()
    mobile.register(f"crash_buyer_{number}")
    feed, item, sku = shoppable(mobile)
    see_and_open(mobile, feed, item)
    bought = []
    for _ in range(ORDERS // BUYERS):
        body = {"quantity": 1, "note_id": item["note"]["id"]}
        persistent(mobile, "PUT", f"/cart/items/{sku['id']}", body)
        order = persistent(mobile, "POST", "/checkout", {"address": ADDRESS}, uuid7())
        path = f"/orders/{order['id']}/payments"
        assert persistent(mobile, "POST", path, {"method": "sandbox"}, uuid7())["state"] == (
            "succeeded"
        )
        bought.append(order["id"])
    return bought


def kill_at_random(system: Living, stop: threading.Event, killed: list[str]) -> None:
    """SIGKILL a worker, the bell or Valkey at thirty random moments."""
    chance = random.Random(7)  # noqa: S311 - a repeatable disorder, not a secret
    while len(killed) < KILLS and not stop.wait(chance.uniform(0.1, 0.7)):
        role = chance.choice(VICTIMS)
        for process in system.processes(role):
            try:
                process.kill()
                killed.append(role)
            except psutil.NoSuchProcess:
                continue


def paid(system: Living) -> set[str]:
    """Return the ids of the orders that are paid."""
    return {
        row[0] for row in system.rows("SELECT id::text FROM orders_order WHERE paid_at IS NOT NULL")
    }


def uncredited(system: Living, orders: Collection[str]) -> int:
    """Count the lines of these orders that do not have each model's whole credit, by model."""
    return int(
        system.rows(
            """
            SELECT count(*) FROM orders_orderline line
            CROSS JOIN unnest(%s::text[]) AS wanted(model)
            LEFT JOIN LATERAL (
                SELECT sum(weight_billionths) AS weight, sum(amount_minor) AS amount_minor
                FROM conversion_credit c WHERE c.line_id = line.id AND c.model = wanted.model
            ) AS credited ON true
            WHERE line.order_id = ANY(%s::uuid[])
              AND (credited.weight IS DISTINCT FROM 1000000000
                   OR credited.amount_minor IS DISTINCT FROM line.total_minor)
            """,
            MODELS,
            list(orders),
        )[0][0]
    )


def test_every_paid_order_has_its_credits_exactly_once_whatever_was_killed(
    system: Living,
) -> None:
    stock_up(system)
    paid_before = paid(system)
    stop, killed = threading.Event(), list[str]()
    killer = threading.Thread(target=kill_at_random, args=(system, stop, killed))
    killer.start()

    try:
        with ThreadPoolExecutor(BUYERS) as pool:
            batches = list(pool.map(lambda n: buy_many(system, n), range(BUYERS)))
    finally:
        killer.join(timeout=60)
        stop.set()

    bought = [order for batch in batches for order in batch]
    assert len(killed) >= KILLS
    assert len(set(bought)) == ORDERS
    assert paid(system) - paid_before == set(bought)
    assert eventually(lambda: uncredited(system, bought) == 0, seconds=60)
    assert system.rows("SELECT count(*) FROM core_fact WHERE set_aside_at IS NOT NULL") == [(0,)]


def test_with_the_broker_frozen_people_still_buy_and_the_credits_come_later(
    system: Living,
) -> None:
    stock_up(system)
    mobile = system.client()
    mobile.register("frozen_buyer")
    feed, item, sku = shoppable(mobile)
    see_and_open(mobile, feed, item)
    broker = system.processes("valkey")[0]
    broker.suspend()

    began = time.monotonic()
    mobile.call("PUT", f"/cart/items/{sku['id']}", {"quantity": 1, "note_id": item["note"]["id"]})
    order = mobile.call("POST", "/checkout", {"address": ADDRESS}, key=uuid7())
    mobile.call("POST", f"/orders/{order['id']}/payments", {"method": "sandbox"}, key=uuid7())
    seconds = time.monotonic() - began
    if broker.is_running():
        broker.resume()

    assert seconds < 3
    assert eventually(lambda: uncredited(system, [order["id"]]) == 0, seconds=60)
