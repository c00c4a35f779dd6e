"""The sandbox payment company over real HTTP: what it promises, and how it can misbehave."""

import json
import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from orders.sandbox.journal import Journal
from tests.companies import Company, Shop

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("token", "state", "failure_code"),
    [
        ("", "succeeded", ""),
        ("tok_ok", "succeeded", ""),
        ("tok_declined", "failed", "card_declined"),
        ("tok_insufficient_funds", "failed", "insufficient_funds"),
        ("tok_expired_card", "failed", "expired_card"),
        ("tok_incorrect_cvc", "failed", "incorrect_cvc"),
        ("tok_fraudulent", "failed", "fraudulent"),
        ("tok_nobody_issued", "failed", "invalid_token"),
        ("tok_3ds", "requires_action", ""),
        ("tok_async", "pending", ""),
    ],
)
def test_a_token_leads_to_what_it_says(
    company: Company, token: str, state: str, failure_code: str
) -> None:
    charge = company.charge(token)

    assert (charge["state"], charge["failure_code"]) == (state, failure_code)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("4242 4242 4242 4242", "succeeded"),
        ("4000000000000002", "failed"),
        ("4000000000009995", "failed"),
        ("4000000000000069", "failed"),
        ("4000000000000127", "failed"),
        ("4100000000000019", "failed"),
        ("4000002500003155", "requires_action"),
        ("4000000000000077", "pending"),
    ],
)
def test_a_card_number_gives_a_token_that_behaves_like_the_card(
    company: Company, number: str, state: str
) -> None:
    given = httpx.post(f"{company.url}/v1/tokens", json={"number": number})

    assert given.status_code == 201
    assert company.charge(given.json()["token"])["state"] == state


def test_a_number_that_is_no_test_card_is_refused(company: Company) -> None:
    given = httpx.post(f"{company.url}/v1/tokens", json={"number": "4111111111111112"})

    assert (given.status_code, given.json()["error"]["code"]) == (422, "unknown_card")


def test_sixteen_demands_at_once_are_one_charge(company: Company, shop: Shop) -> None:
    charge_id = str(uuid4())
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: company.put(charge_id, webhook_url=shop.url), range(16)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 15}
    assert len({answer.text for answer in answers}) == 1
    assert shop.hears(lambda: bool(shop.heard))
    time.sleep(0.2)
    assert shop.kinds() == ["charge.succeeded"]


def test_an_id_is_never_used_for_another_amount(company: Company) -> None:
    charge_id = company.charge()["id"]

    other = company.put(charge_id, amount_minor=1)

    assert (other.status_code, other.json()["error"]["code"]) == (409, "charge_differs")
    assert company.look_up(charge_id)["amount_minor"] == 12_900


def test_a_tombstone_refuses_the_charge_that_arrives_later(company: Company) -> None:
    charge_id = str(uuid4())

    assert company.http.post(f"/v1/charges/{charge_id}/cancel").json()["state"] == "canceled"
    assert company.charge(id=charge_id)["state"] == "canceled"


def test_cancelling_comes_too_late_for_what_has_succeeded(company: Company) -> None:
    charge_id = company.charge()["id"]

    assert company.http.post(f"/v1/charges/{charge_id}/cancel").json()["state"] == "succeeded"


def test_refunds_at_once_never_exceed_the_charge(company: Company) -> None:
    charge_id = company.charge(amount_minor=1_000)["id"]
    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(lambda _: company.refund(charge_id, 400).status_code, range(8)))

    assert Counter(ends) == {201: 2, 422: 6}
    assert company.look_up(charge_id)["refunded_minor"] == 800


def test_a_refund_that_is_sent_again_is_the_same_refund(company: Company) -> None:
    charge_id, refund_id = company.charge()["id"], str(uuid4())

    answers = [company.refund(charge_id, 900, refund_id) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert company.look_up(charge_id)["refunded_minor"] == 900
    assert company.refund(charge_id, 901, refund_id).status_code == 409


def test_only_what_succeeded_can_be_refunded(company: Company) -> None:
    charge_id = company.charge("tok_declined")["id"]

    refused = company.refund(charge_id, 1)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "charge_not_succeeded")


def test_an_asynchronous_card_settles_by_itself_and_the_shop_is_told(
    company: Company, shop: Shop
) -> None:
    good = company.charge("tok_async", webhook_url=shop.url)["id"]
    bad = company.charge("tok_async_declined", webhook_url=shop.url)["id"]

    assert shop.hears(lambda: len(shop.heard) == 2)
    assert company.look_up(good)["state"] == "succeeded"
    assert company.look_up(bad)["failure_code"] == "card_declined"
    assert {proof for _, proof in shop.heard} == {"good"}


@pytest.mark.parametrize(("decision", "state"), [("approve", "succeeded"), ("refuse", "failed")])
def test_the_owner_of_a_card_decides_on_the_page(
    company: Company, shop: Shop, decision: str, state: str
) -> None:
    charge = company.charge("tok_3ds", return_url="https://shop.example/back", webhook_url=shop.url)

    page = httpx.get(charge["action_url"])
    answer = httpx.post(charge["action_url"], data={"decision": decision})

    assert "129.00 CNY" in page.text
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://shop.example/back")
    assert company.look_up(charge["id"])["state"] == state
    assert shop.hears(lambda: set(shop.kinds()) == {"charge.requires_action", f"charge.{state}"})


def test_a_decision_counts_once(company: Company) -> None:
    charge = company.charge("tok_3ds")
    httpx.post(charge["action_url"], data={"decision": "refuse"})

    httpx.post(charge["action_url"], data={"decision": "approve"})

    assert company.look_up(charge["id"])["state"] == "failed"


def test_nobody_without_the_secret_is_served(company: Company) -> None:
    charge_id = company.charge()["id"]
    path = f"{company.url}/v1/charges/{charge_id}"

    for secret in (b"", b"Bearer wrong", b"Bearer \xe9"):
        assert httpx.get(path, headers={b"Authorization": secret}).status_code == 401


def test_webhooks_come_in_copies_and_reversed_when_that_is_switched_on(
    company: Company, shop: Shop
) -> None:
    company.behave(webhook_copies=3, webhook_order="reversed", webhook_spread_ms=600)
    charge = company.charge("tok_3ds", webhook_url=shop.url)
    httpx.post(charge["action_url"], data={"decision": "approve"})

    assert shop.hears(lambda: len(shop.heard) == 6)
    assert shop.kinds() == ["charge.succeeded"] * 3 + ["charge.requires_action"] * 3
    assert len({event["id"] for event, _ in shop.heard}) == 2


def test_a_webhook_can_come_before_the_answer(company: Company, shop: Shop) -> None:
    company.behave(is_webhook_first=True)

    company.charge(webhook_url=shop.url)

    assert shop.kinds() == ["charge.succeeded"]


def test_a_card_that_hangs_is_charged_though_nobody_waits_for_the_answer(company: Company) -> None:
    charge_id, body = str(uuid4()), {"amount_minor": 900, "currency": "CNY", "token": "tok_hang"}

    with pytest.raises(httpx.ReadTimeout):
        company.http.put(f"/v1/charges/{charge_id}", json=body, timeout=0.5)

    assert company.look_up(charge_id)["state"] == "succeeded"


def test_answers_take_as_long_as_is_switched_on(company: Company) -> None:
    company.behave(answer_delay_ms=400)
    began = time.monotonic()

    assert company.charge()["state"] == "succeeded"
    assert time.monotonic() - began >= 0.4


def test_every_charge_settles_later_when_that_is_switched_on(company: Company, shop: Shop) -> None:
    company.behave(settle_later_ms=300)

    charge = company.charge(webhook_url=shop.url)

    assert charge["state"] == "pending"
    assert shop.hears(lambda: shop.kinds() == ["charge.succeeded"])
    assert company.look_up(charge["id"])["state"] == "succeeded"


def test_a_shop_is_told_nothing_when_that_is_switched_off(company: Company, shop: Shop) -> None:
    company.behave(webhooks="off")
    company.charge(webhook_url=shop.url)
    company.behave(webhooks="on")
    told = company.charge(webhook_url=shop.url)

    assert shop.hears(lambda: len(shop.heard) > 0)
    assert [event["data"]["id"] for event, _ in shop.heard] == [told["id"]]


def test_a_webhook_comes_again_until_the_shop_has_it(company: Company, shop: Shop) -> None:
    shop.status = 500
    company.charge(webhook_url=shop.url)
    assert shop.hears(lambda: len(shop.heard) == 1)

    shop.status = 204

    assert shop.hears(lambda: len(shop.heard) == 2)
    assert len({event["id"] for event, _ in shop.heard}) == 1


def test_it_can_be_down_and_nothing_is_charged(company: Company) -> None:
    charge_id = str(uuid4())
    company.behave(service="failing")
    assert company.put(charge_id).status_code == 503
    company.behave(service="unreachable")
    with pytest.raises(httpx.TransportError):
        company.put(charge_id)
    company.behave(service="up")

    assert company.http.get(f"/v1/charges/{charge_id}").status_code == 404


@pytest.mark.parametrize("how", ["switch", "token"])
def test_an_answer_that_is_cut_leaves_the_charge_made(company: Company, how: str) -> None:
    charge_id = str(uuid4())
    company.behave(is_answer_cut=how == "switch")
    with pytest.raises(httpx.TransportError):
        company.put(charge_id, "tok_cut" if how == "token" else "")
    company.behave(is_answer_cut=False)

    assert company.look_up(charge_id)["state"] == "succeeded"


def test_what_was_declined_or_cancelled_can_succeed_late(company: Company) -> None:
    company.behave(late_success_ms=200)
    declined, waiting = company.charge("tok_declined")["id"], company.charge("tok_3ds")["id"]
    company.http.post(f"/v1/charges/{waiting}/cancel")
    time.sleep(0.5)

    assert company.look_up(declined)["state"] == "succeeded"
    assert company.look_up(waiting)["state"] == "succeeded"


def test_refunds_can_be_slow_or_fail(company: Company) -> None:
    charge_id = company.charge(amount_minor=1_000)["id"]
    company.behave(refunds="failing")
    assert company.refund(charge_id, 1_000).json()["state"] == "failed"
    company.behave(refunds="later")
    slow = company.refund(charge_id, 1_000).json()
    assert slow["state"] == "pending"
    time.sleep(1.3)

    path = f"/v1/charges/{charge_id}/refunds/{slow['id']}"
    assert company.http.get(path).json()["state"] == "succeeded"
    assert company.look_up(charge_id)["refunded_minor"] == 1_000


def test_a_company_that_is_killed_forgets_nothing(tmp_path: Path, shop: Shop) -> None:
    company = Company(tmp_path)
    chance = random.Random(7)  # noqa: S311 - a repeatable disorder, not a secret
    said: dict[str, Any] = {}
    shop.status = 500  # whatever it is told, it has not heard

    for _ in range(3):
        for _ in range(chance.randint(3, 8)):
            charge = company.charge(chance.choice(["", "tok_declined"]), webhook_url=shop.url)
            said[charge["id"]] = charge["state"]
        company.kill()
        company.start()
    shop.status = 200

    assert {one: company.look_up(one)["state"] for one in said} == said
    acknowledged = {"charge.succeeded", "charge.failed"}
    assert shop.hears(
        lambda: {event["data"]["id"] for event, _ in shop.heard} == set(said), seconds=20
    )
    assert set(shop.kinds()) <= acknowledged
    company.end()


def test_a_torn_last_line_of_the_journal_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b'{"behaviour":{}}\n{"charge":{"id":')

    journal = Journal(path)
    entries = list(journal.entries())
    journal.append({"delivered": "x"})
    journal.close()

    assert entries == [{"behaviour": {}}]
    assert path.read_bytes() == b'{"behaviour":{}}\n{"delivered":"x"}\n'


WRONG: list[dict[str, Any]] = [
    {"amount_minor": -1}, {"amount_minor": True}, {"amount_minor": "1"}, {"amount_minor": 1.5},
    {"amount_minor": 10**30}, {"amount_minor": None}, {"currency": "cny"}, {"currency": ""},
    {"currency": 7}, {"currency": "CNYX"}, {"token": 5}, {"token": "x" * 5_000},
    {"token": ["tok_ok"]}, {"webhook_url": "file:///etc/passwd"}, {"webhook_url": "http://[::1"},
    {"webhook_url": "http://a b"}, {"webhook_url": "http://a..b/x"}, {"webhook_url": {}},
    {"return_url": "javascript:alert(1)"}, {"webhook_url": "http://x\r\nEvil: yes"},
]  # fmt: skip
BODIES = [
    b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"amount_minor": 1e400}', b"[" * 30_000,
    *(
        json.dumps({"amount_minor": 1, "currency": "CNY", "token": "", **wrong}).encode()
        for wrong in WRONG
    ),
]  # fmt: skip
PATHS = [
    "/v1/charges/{id}", "/v1/charges/nonsense", "/v1/charges/{id}/refunds/{id}", "/v1/behaviour",
    "/v1/charges/{id}/refunds/x", "/", "/v1", "//[", "/v1/charges/%00", "/3ds/{id}", "/3ds/..",
]  # fmt: skip


def test_hostile_input_is_refused_and_changes_nothing(company: Company) -> None:
    before = company.http.get("/v1/record").json()
    statuses = Counter[int]()
    for path in PATHS:
        for body in BODIES:
            for method in ("PUT", "POST"):
                target = path.format(id=uuid4())
                statuses[company.http.request(method, target, content=body).status_code] += 1

    assert sum(statuses.values()) > 300
    assert {status for status in statuses if not 400 <= status < 500} <= {200}
    after = company.http.get("/v1/record").json()
    assert after["charges"] == before["charges"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"BREW /v1/record HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"PUT /v1/record HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"PUT /v1/record HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"PUT /v1/record HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_http_is_the_sender_s_mistake(company: Company, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", company.port), timeout=5) as line:
        line.sendall(sent)
        said = line.recv(65_536)

    assert not said.startswith(b"HTTP/") or b" 4" in said.split(b"\r\n")[0]
    assert company.http.get("/healthz").status_code == 200
