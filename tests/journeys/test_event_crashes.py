"""Processes die at random while people report and buy: what was answered 202 is there, once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import httpx
import psutil
import pytest

from redshop.core.ids import uuid7
from tests.journeys.system import Living, Mobile, eventually, living_system
from tests.journeys.test_closed_loop import ADDRESS, shoppable
from tests.journeys.test_crashes import persistent, stock_up, uncredited

pytestmark = pytest.mark.processes

PEOPLE: Final = 4
UNREAD: Final = """
SELECT (SELECT count(*) FROM events_unread) + (SELECT count(*) FROM conversion_unreadsale)
"""
VICTIMS: Final = ("web", "worker", "bell", "valkey", "postgres")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("event_crashes")) as living:
        living.manage("seed")
        yield living


#: PostgreSQL and the web take seconds to come back, and are killed again meanwhile.
stubborn = partial(persistent, tries=600)


class Reporter:
    """Somebody who reports batches of good, bad and repeated rows, and buys now and then.

    A batch whose answer was lost is sent again as it was, so that only ids tell it from another.
    """

    def __init__(self, mobile: Mobile, number: int) -> None:
        self.chance = random.Random(number)  # noqa: S311 - a repeatable disorder, not a secret
        self.mobile = mobile
        mobile.register(f"reporter_{number}")
        self.feed, self.item, self.sku = shoppable(mobile)
        self.answered: list[str] = []  #: ids of good rows whose batch was answered 202
        self.bad = 0
        self.orders: list[str] = []

    def live(self, stop: threading.Event) -> None:
        """Report and buy until told to stop, and long enough to have something to show."""
        while not stop.is_set() or len(self.orders) < 2 or len(self.answered) < 300:
            self.report()
            if self.chance.random() < 0.2:
                self.buy()

    def report(self) -> None:
        rows = [self.row() for _ in range(self.chance.randrange(20, 60))]
        ids = [row["id"] for row in rows]
        rows += self.chance.sample(rows, 2)
        if self.answered:
            rows += [{**rows[0], "id": each} for each in self.chance.sample(self.answered, 1)]
        bad = [{**self.row(), "kind": "teleport"} for _ in range(2)]
        sent = {
            "sent_at": datetime.now(tz=UTC).isoformat(),  # noqa: TID251 - a client's clock
            "visitor_id": str(self.mobile.visitor),
            "session_id": str(uuid7()),
            "events": rows + bad,
        }
        answer = stubborn(self.mobile, "POST", "/events", sent)
        assert answer["accepted"] + answer["duplicates"] == len(rows), answer
        assert len(answer["rejected"]) == len(bad), answer
        self.answered += ids
        self.bad += len(bad)

    def row(self) -> dict[str, Any]:
        at = datetime.now(tz=UTC) - timedelta(seconds=self.chance.randrange(3_600))  # noqa: TID251
        return {
            "id": str(uuid7()),
            "kind": self.chance.choice(["impression", "note_open", "read"]),
            "occurred_at": at.isoformat(),
            "surface": "explore",
            "note_id": self.item["note"]["id"],
        }

    def buy(self) -> None:
        body = {"quantity": 1, "note_id": self.item["note"]["id"]}
        stubborn(self.mobile, "PUT", f"/cart/items/{self.sku['id']}", body)
        order = stubborn(self.mobile, "POST", "/checkout", {"address": ADDRESS}, uuid7())
        path = f"/orders/{order['id']}/payments"
        stubborn(self.mobile, "POST", path, {"method": "sandbox"}, uuid7())
        self.orders.append(order["id"])


def kill_everything(system: Living, killed: Counter[str], *, kills: int) -> None:
    """SIGKILL web, worker, bell, Valkey and PostgreSQL in turn at random moments."""
    chance = random.Random(11)  # noqa: S311 - as above
    while killed.total() < kills:
        time.sleep(chance.uniform(0.3, 1.2))
        role = VICTIMS[killed.total() % len(VICTIMS)]
        for process in system.processes(role):
            try:
                process.kill()
                killed[role] += 1
            except psutil.NoSuchProcess:
                continue


def paid(system: Living, orders: list[str]) -> int:
    """Return how many of these orders are paid by now."""
    found = system.rows(
        "SELECT count(*) FROM orders_order WHERE id = ANY(%s::uuid[]) AND paid_at IS NOT NULL",
        orders,
    )
    return int(found[0][0])


def is_answering(system: Living) -> bool:
    try:
        return httpx.get(f"{system.url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("kills", [10, pytest.param(30, marks=pytest.mark.soak)])
def test_what_was_answered_is_there_once_and_every_credit_is_right(
    system: Living, kills: int
) -> None:
    stock_up(system)
    reporters = [Reporter(system.client(), number) for number in range(PEOPLE)]
    stop, killed = threading.Event(), Counter[str]()

    with ThreadPoolExecutor(PEOPLE) as pool:
        living = [pool.submit(reporter.live, stop) for reporter in reporters]
        try:
            kill_everything(system, killed, kills=kills)
        finally:
            stop.set()
        for each in living:
            each.result(timeout=120)

    assert set(killed) == set(VICTIMS)
    assert eventually(lambda: is_answering(system), seconds=60)
    answered = [each for reporter in reporters for each in reporter.answered]
    there = dict(
        system.rows(
            "SELECT id::text, count(*) FROM events_event WHERE source = 'client' GROUP BY 1"
        )
    )
    assert len(set(answered)) == len(answered) > 1_000
    assert there == dict.fromkeys(answered, 1)
    bad = sum(reporter.bad for reporter in reporters)
    assert system.rows("SELECT count(*) FROM events_rejectedevent") == [(bad,)]
    orders = [order for reporter in reporters for order in reporter.orders]
    assert eventually(lambda: paid(system, orders) == len(orders) > 5, seconds=60)
    assert eventually(lambda: uncredited(system, orders) == 0, seconds=60)
    # the look for what was reported late comes minutes later, and after a month; here, at once
    looks = "kind = 'conversion.settling' AND done_at IS NULL"
    system.execute(f"UPDATE core_fact SET due_at = now() WHERE {looks}")  # noqa: S608 - a constant
    waiting = f"SELECT count(*) FROM core_fact WHERE {looks}"  # noqa: S608 - a constant
    assert eventually(lambda: system.rows(waiting) == [(0,)], seconds=60)
    # nobody is left to be read, so that all sums are compared with what a rebuild would make
    assert eventually(lambda: system.rows(UNREAD) == [(0,)], seconds=60)
    fresh = "SELECT count(*) FROM conversion_rollup WHERE fresh_at > now() - INTERVAL '1 minute'"
    assert system.rows(fresh) == [(2,)]
    assert ", 0 differ" in system.manage("reconcile", "conversion", "--quiet")
