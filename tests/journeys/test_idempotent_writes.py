"""Phones that send the same call again and again, at once or after the line was cut: one effect."""

import http.client
import json
import random
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from redshop.catalog.factories import SkuFactory
from redshop.core import idempotency
from redshop.core.ids import uuid7
from tests.api import ApiClient
from tests.journeys.system import Living, Mobile
from tests.journeys.test_closed_loop import ADDRESS
from tests.orders.world import ADDRESS as HOME

BUYERS: Final = 10
BODY: Final = json.dumps({"address": ADDRESS}).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one sending."""

    status: int
    body: bytes
    is_replay: bool


@dataclass
class Buyer:
    """A person whose phone repeats itself."""

    mobile: Mobile
    address: tuple[str, int]
    sku_id: int
    chance: random.Random

    def check_out_repeatedly(self, pool: ThreadPoolExecutor) -> list[Answer]:
        """Fill the cart, then send one checkout two to twenty times; return all the answers."""
        self.mobile.call("PUT", f"/cart/items/{self.sku_id}", {"quantity": 1})
        key = uuid7()
        cuts = [self.chance.random() < 1 / 3 for _ in range(self.chance.randint(2, 20))]
        if self.chance.random() < 1 / 2:
            answers = list(pool.map(lambda is_cut: self.send(key, is_cut=is_cut), cuts))
        else:
            answers = [self.send(key, is_cut=is_cut) for is_cut in cuts]
        return [*(answer for answer in answers if answer), self.send_until_answered(key)]

    def send(self, key: UUID, *, is_cut: bool) -> Answer | None:
        """Send the checkout; hang up before the answer comes where it ``is_cut``."""
        line = http.client.HTTPConnection(*self.address, timeout=30)
        headers = {
            "Authorization": self.mobile.http.headers["Authorization"],
            "Idempotency-Key": str(key),
            "Content-Type": "application/json",
        }
        try:
            line.request("POST", "/api/v1/checkout", BODY, headers)
            if is_cut:
                assert line.sock is not None
                line.sock.shutdown(socket.SHUT_RDWR)
                return None
            response = line.getresponse()
            replayed = response.headers.get("Idempotent-Replayed") == "true"
            return Answer(response.status, response.read(), replayed)
        finally:
            line.close()

    def send_until_answered(self, key: UUID) -> Answer:
        """Send until the first sending is through."""
        for _ in range(100):
            answer = self.send(key, is_cut=False)
            if answer is not None and answer.status != http.HTTPStatus.CONFLICT:
                return answer
        pytest.fail("the first checkout is still running")


def buyers(system: Living, number: int, *, seed: int) -> list[Buyer]:
    """Register people, each with a thing of their own to buy."""
    parts = urlsplit(system.url)
    assert parts.hostname
    assert parts.port
    skus = system.rows("SELECT id FROM catalog_sku WHERE is_active ORDER BY id LIMIT %s", number)
    made = []
    for place, (sku_id,) in enumerate(skus):
        mobile = system.client()
        mobile.register(f"repeats_{seed}_{place}")
        chance = random.Random(seed + place)  # noqa: S311 - a repeatable disorder, not a secret
        made.append(Buyer(mobile, (parts.hostname, parts.port), sku_id, chance))
    return made


def assert_one_effect(answers: Sequence[Answer]) -> str:
    """See that all answers but "still running" are one, byte by byte; return the order's id."""
    told = [answer for answer in answers if answer.status != http.HTTPStatus.CONFLICT]
    assert {answer.status for answer in told} == {http.HTTPStatus.CREATED}
    assert len({answer.body for answer in told}) == 1
    assert sum(not answer.is_replay for answer in told) <= 1
    return str(json.loads(told[0].body)["id"])


@pytest.mark.processes
@pytest.mark.parametrize("keys", [200, pytest.param(2_000, marks=pytest.mark.soak)])
def test_a_checkout_sent_many_times_is_one_order_and_one_answer(system: Living, keys: int) -> None:
    system.execute("UPDATE catalog_sku SET on_hand = 1000000")
    people = buyers(system, BUYERS, seed=keys)

    def buy(buyer: Buyer) -> list[str]:
        with ThreadPoolExecutor(6) as pool:
            return [
                assert_one_effect(buyer.check_out_repeatedly(pool)) for _ in range(keys // BUYERS)
            ]

    with ThreadPoolExecutor(BUYERS) as pool:
        orders = [order for made in pool.map(buy, people) for order in made]

    assert len(set(orders)) == keys
    handles = f"repeats_{keys}_%"
    placed = system.rows(
        "SELECT o.id::text FROM orders_order o JOIN accounts_user u ON u.id = o.buyer_id"
        " WHERE u.handle LIKE %s",
        handles,
    )
    assert {row[0] for row in placed} == set(orders)
    assert len(placed) == keys


@pytest.mark.django_db(transaction=True)
def test_with_the_key_check_off_a_repeat_is_no_replay(
    person_api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = SkuFactory.create(on_hand=10)
    key = uuid4()

    def check_out() -> Any:
        return person_api.call("POST", "/checkout", {"address": HOME}, key=key)

    monkeypatch.setattr(idempotency, "_look", lambda call, *, at, waits=False: None)
    monkeypatch.setattr(idempotency, "_keep", lambda call, answer, *, at: None)
    answers = []
    for _ in range(2):
        person_api.put(f"/cart/items/{sku.pk}", {"quantity": 1})
        answers.append(check_out())

    assert [answer.status_code for answer in answers] == [201, 201]
    with pytest.raises(AssertionError):
        assert_one_effect([Answer(a.status_code, a.content, False) for a in answers])
