"""Web, worker, payment company and PostgreSQL die at random while people buy: nobody is charged
twice, nobody pays for nothing, and nothing stays open."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import httpx
import psutil
import pytest

from redshop.core.ids import uuid7
from tests.journeys.system import Living, Mobile, eventually, living_system
from tests.journeys.test_closed_loop import ADDRESS, shoppable

pytestmark = pytest.mark.processes

BUYERS: Final = 6
VICTIMS: Final = ("web", "worker", "sandbox", "postgres")
#: Cards that work, with answers that come, come later, or are cut.
TOKENS: Final = ("tok_ok", "tok_ok", "tok_async", "tok_cut")
PATIENCE_SECONDS: Final = 120


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("purchases")) as living:
        living.manage("seed")
        living.execute("UPDATE catalog_sku SET on_hand = 1000000")
        yield living


def persistent(mobile: Mobile, method: str, path: str, body: Any = None, key: Any = None) -> Any:
    """Call until the answer comes: a repeat with the same key is harmless."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            return mobile.call(method, path, body, key=key)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in {409, 500, 502, 503}:
                raise
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{method} {path} was never answered")


def pay_somehow(mobile: Mobile, order_id: str, chance: random.Random) -> None:
    """Pay an order, and wait for what comes of it; where that is nothing, pay again."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        order = persistent(mobile, "GET", f"/orders/{order_id}")
        if order["payment_state"] == "paid":
            return
        if order["payment_state"] == "none":
            body = {"method": "sandbox", "token": chance.choice(TOKENS)}
            try:
                persistent(mobile, "POST", f"/orders/{order_id}/payments", body, uuid7())
            except httpx.HTTPStatusError as error:
                assert error.response.status_code == 409, error.response.text  # noqa: PT017
        time.sleep(0.1)
    pytest.fail(f"order {order_id} was never paid")


def newcomers(system: Living, *, orders: int) -> list[tuple[Mobile, int]]:
    """Register the buyers, each with something to buy."""
    people = []
    for number in range(BUYERS):
        mobile = system.client()
        mobile.register(f"purchases_{orders}_{number}")
        people.append((mobile, shoppable(mobile)[2]["id"]))
    return people


def buy_many(mobile: Mobile, sku_id: int, *, orders: int, goes_on: Callable[[], bool]) -> list[str]:
    """Buy the same thing again and again, so often at least and while somebody dies; return the
    orders."""
    chance = random.Random(sku_id)  # noqa: S311 - a repeatable disorder, not a secret
    bought: list[str] = []
    while len(bought) < orders or goes_on():
        persistent(mobile, "PUT", f"/cart/items/{sku_id}", {"quantity": 1})
        order = persistent(mobile, "POST", "/checkout", {"address": ADDRESS}, uuid7())
        pay_somehow(mobile, order["id"], chance)
        bought.append(order["id"])
    return bought


def kill_at_random(system: Living, stop: threading.Event, killed: list[str], *, most: int) -> None:
    """SIGKILL one of the victims at random moments."""
    chance = random.Random(11)  # noqa: S311 - a repeatable disorder, not a secret
    while len(killed) < most and not stop.wait(chance.uniform(0.3, 1.5)):
        role = chance.choice(VICTIMS)
        for process in system.processes(role):
            try:
                process.kill()
                killed.append(role)
            except psutil.NoSuchProcess:
                continue


def charged(system: Living) -> dict[str, dict[str, Any]]:
    """Return the charges that succeeded, by their ids, as the company knows them."""
    record = system.company_record()
    return {one["id"]: one for one in record["charges"] if one["state"] == "succeeded"}


@pytest.mark.parametrize(
    ("orders", "kills"), [(36, 6), pytest.param(500, 30, marks=pytest.mark.soak)]
)
def test_whoever_dies_each_order_is_paid_once_and_nothing_stays_open(
    system: Living, orders: int, kills: int
) -> None:
    people = newcomers(system, orders=orders)
    stop, killed = threading.Event(), list[str]()
    killer = threading.Thread(
        target=kill_at_random, args=(system, stop, killed), kwargs={"most": kills}
    )
    killer.start()
    try:
        with ThreadPoolExecutor(BUYERS) as pool:
            buy = partial(buy_many, orders=orders // BUYERS, goes_on=killer.is_alive)
            batches = list(pool.map(lambda one: buy(*one), people))
    finally:
        stop.set()
        killer.join(timeout=60)

    bought = [order for batch in batches for order in batch]
    assert len(killed) >= kills
    assert len(set(bought)) == len(bought) >= orders // BUYERS * BUYERS
    open_payments = "SELECT count(*) FROM orders_payment WHERE settled_at IS NULL"
    assert eventually(lambda: system.rows(open_payments) == [(0,)], seconds=PATIENCE_SECONDS)
    succeeded = charged(system)
    ours = system.rows(
        "SELECT p.order_id::text, p.id::text, p.amount_minor FROM orders_payment p"
        " WHERE p.state = 'succeeded' AND NOT p.is_late AND p.method = 'sandbox'"
    )
    per_order = Counter(row[0] for row in ours)
    assert {per_order[order] for order in bought} == {1}
    assert all(succeeded[row[1]]["amount_minor"] == row[2] for row in ours)
    # what the company took and the shop does not count as payment has gone back
    late = {row[0] for row in system.rows("SELECT id::text FROM orders_payment WHERE is_late")}
    assert set(succeeded) - {row[1] for row in ours} == late
    due = "SELECT count(*) FROM orders_repayment WHERE settled_at IS NULL"
    assert eventually(lambda: system.rows(due) == [(0,)], seconds=PATIENCE_SECONDS)
    said = system.manage("reconcile", "stock", "ledger")  # exits 1 where something differs
    assert said.count("0 differ") == 2
