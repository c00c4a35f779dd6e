"""What companies tell us: late, twice, in any order, forged or stale; it is only ever a hint."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config.processes import wait_until
from orders import factories
from orders.models import Order, Payment, Repayment, WebhookDelivery
from orders.providers.signatures import signature_of
from orders.services import cancellation, repayment, watching, webhooks
from redshop.accounts.models import User
from tests.api import ApiClient
from tests.companies import WEBHOOK_SECRET, Company
from tests.orders.world import standing
from tests.payments.test_payments import charges, later, pay
from tests.races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture
def order(person: User) -> Order:
    return factories.placed(person, at=timezone.now())


def event(payment_id: Any, *, state: str = "succeeded", event_id: str = "") -> bytes:
    """Return what a company might say about a payment."""
    data = {"id": str(payment_id), "state": state}
    kind = f"charge.{state}"
    return json.dumps({"id": event_id or str(uuid4()), "type": kind, "data": data}).encode()


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, age_seconds: int = 0) -> dict[str, str]:
    moment = int(time.time()) - age_seconds
    proof = signature_of(body, secret=secret, moment=moment)
    return {"Sandbox-Signature": f"t={moment},v1={proof}"}


def post(body: bytes, headers: Mapping[str, str], *, company: str = "sandbox") -> Any:
    path = f"/api/v1/webhooks/payments/{company}"
    return Client().post(path, data=body, content_type="application/json", headers=dict(headers))


def results() -> Counter[str]:
    return Counter(WebhookDelivery.objects.values_list("result", flat=True))


def comes(condition: Any) -> bool:
    return wait_until(condition, seconds=10)


def test_the_second_factor_pays_as_soon_as_the_company_tells(
    person_api: ApiClient, told: Company, order: Order
) -> None:
    waiting = pay(person_api, order, "tok_3ds").json()

    httpx.post(waiting["action_url"], data={"decision": "approve"})

    assert comes(lambda: standing(order) == ("paid", "paid", 0))
    assert comes(lambda: results().total() == 2 and results()["news"] >= 1)


@pytest.mark.parametrize(
    "behaviour",
    [
        {"webhook_delay_ms": 700},
        {"webhook_copies": 2},
        {"webhook_copies": 16},
        {"webhook_order": "reversed", "webhook_spread_ms": 400},
        {"webhook_order": "shuffled", "webhook_spread_ms": 400, "webhook_copies": 3},
        {"is_webhook_first": True},
        {"webhook_copies": 3, "is_answer_cut": True},
    ],
)
def test_however_webhooks_come_the_order_is_paid_once(
    person_api: ApiClient, told: Company, order: Order, behaviour: dict[str, Any]
) -> None:
    told.behave(**behaviour)
    waiting = pay(person_api, order, "tok_3ds")
    charge_id = str(Payment.objects.get().pk)
    httpx.post(f"{told.url}/3ds/{charge_id}", data={"decision": "approve"})

    assert waiting.status_code == 201
    assert comes(lambda: standing(order) == ("paid", "paid", 0))
    assert comes(lambda: told.record()["webhooks_waiting"] == 0)
    assert WebhookDelivery.objects.count() == 2
    assert [str(step) for step in order.transitions.filter(part=None)] == [
        "new to placed",
        "placed to paid",
    ]
    assert charges(told, order) == {"succeeded": 1}


def test_a_claim_that_the_company_does_not_confirm_changes_nothing(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    pay(person_api, order, "tok_3ds")
    body = event(Payment.objects.get().pk)

    assert post(body, signed(body)).status_code == 200

    assert standing(order) == ("placed", "pending", 0)
    assert results() == {"known": 1}


def test_what_came_before_is_known_and_asked_about_once(
    person_api: ApiClient, company: Company, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(person_api, order, "tok_3ds")
    body = event(Payment.objects.get().pk)
    asked = Counter[str]()
    look = watching.look
    monkeypatch.setattr(
        watching, "look", lambda *args, **more: asked.update(["once"]) or look(*args, **more)
    )

    ends = at_once([lambda: post(body, signed(body)).status_code] * 16)

    assert ends == {"200": 16}
    assert WebhookDelivery.objects.count() == 1
    assert asked == {"once": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sandbox-Signature": ""},
        {"Sandbox-Signature": "t=,v1="},
        {"Sandbox-Signature": "nonsense"},
        {"Sandbox-Signature": f"t={'9' * 40},v1=00"},
        {"Sandbox-Signature": "t=-5,v1=00"},
        {"Sandbox-Signature": "t=١٢٣,v1=é"},
        {"Stripe-Signature": "t=1,v1=00"},
    ],
)
def test_what_nobody_signed_is_refused_and_not_kept(
    person: User, company: Company, order: Order, headers: dict[str, str]
) -> None:
    factories.declined(order)

    answer = post(event(Payment.objects.get().pk), headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_refused")
    assert not WebhookDelivery.objects.exists()


def test_forged_stale_and_altered_webhooks_are_refused(company: Company, order: Order) -> None:
    body = event(uuid4())
    tries = [
        (body, signed(body, secret="another")),
        (body, signed(body, age_seconds=400)),
        (body, signed(body, age_seconds=-400)),
        (body + b" ", signed(body)),
        (event(uuid4()), signed(body)),
    ]

    for altered, headers in tries * 40:
        assert post(altered, headers).status_code == 400
    assert not WebhookDelivery.objects.exists()


def test_a_signature_of_the_last_five_minutes_is_taken(company: Company) -> None:
    body = event(uuid4())

    assert post(body, signed(body, age_seconds=290)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"id": 1, "type": "charge.x", "data": {}}']
)
def test_a_signed_body_that_says_nothing_is_refused(company: Company, body: bytes) -> None:
    assert post(body, signed(body)).status_code == 400
    assert not WebhookDelivery.objects.exists()


def test_a_body_that_is_too_long_is_refused_whoever_signed_it(company: Company) -> None:
    body = event(uuid4()) + b" " * 70_000

    answer = post(body, signed(body))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not WebhookDelivery.objects.exists()


def test_a_company_that_we_do_not_know_is_not_there() -> None:
    body = event(uuid4())

    for name in ("nobody", "simulated", "stripe"):
        assert post(body, signed(body), company=name).status_code == 404


def test_a_company_is_not_held_back_by_rate_limits(
    company: Company, settings: Settings, order: Order
) -> None:
    settings.THROTTLING = True
    body = event(uuid4())

    assert {post(body, signed(body)).status_code for _ in range(40)} == {200}


def test_what_belongs_to_no_payment_waits_for_a_person(company: Company, person: User) -> None:
    body = event(payment_id := uuid4())
    post(body, signed(body))
    assert results() == {"unmatched": 1}
    delivery = WebhookDelivery.objects.get()

    assert webhooks.look_again(delivery_id=delivery.pk, at=timezone.now()) == "unmatched"
    order = factories.placed(person, at=timezone.now())
    Payment.objects.create(
        id=payment_id, order=order, method="sandbox", state="pending", amount_minor=1,
        currency="CNY", created_at=timezone.now(),
    )  # fmt: skip
    assert webhooks.look_again(delivery_id=delivery.pk, at=timezone.now()) == "known"

    assert results() == {"known": 1}


def test_a_success_that_comes_after_the_order_expired_is_paid_back_by_itself(
    person_api: ApiClient, told: Company, order: Order
) -> None:
    told.behave(late_success_ms=2_000)
    pay(person_api, order, "tok_3ds")
    assert comes(lambda: told.record()["webhooks_waiting"] == 0)
    watching.watch_due(at=later(16 * 60))  # abandoned
    with transaction.atomic():
        cancellation.expire(order_id=order.pk, at=later(24 * 3_600))
    assert standing(order) == ("expired", "none", 0)

    assert comes(lambda: Repayment.objects.exists())
    repayment.send_due(at=later(1))

    assert standing(order) == ("expired", "none", 0)
    late = Payment.objects.get()
    assert (late.state, late.is_late, late.repaid_minor) == ("succeeded", True, order.total_minor)
    assert Repayment.objects.get().state == "succeeded"
    assert told.look_up(str(late.pk))["refunded_minor"] == order.total_minor


def test_a_success_that_comes_after_another_card_has_paid_is_paid_back_by_itself(
    person_api: ApiClient, told: Company, order: Order
) -> None:
    told.behave(late_success_ms=300)
    declined = pay(person_api, order, "tok_declined").json()
    assert pay(person_api, order).json()["state"] == "succeeded"

    assert comes(lambda: Repayment.objects.exists())
    repayment.send_due(at=later(1))

    assert standing(order) == ("paid", "paid", 0)
    assert told.look_up(declined["id"])["refunded_minor"] == order.total_minor
    assert Payment.objects.filter(state="succeeded", is_late=False).count() == 1


def test_a_late_success_pays_an_order_that_still_waits(
    person_api: ApiClient, told: Company, order: Order
) -> None:
    told.behave(late_success_ms=200)
    pay(person_api, order, "tok_declined")

    assert comes(lambda: standing(order) == ("paid", "paid", 0))
    assert not Repayment.objects.exists()


def test_with_deduplication_off_the_same_webhook_is_kept_twice(
    company: Company, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = event(uuid4())
    doubled = webhooks._KEEP.replace("ON CONFLICT (company, event_id) DO NOTHING", "")
    monkeypatch.setattr(webhooks, "_KEEP", doubled)
    post(body, signed(body))

    with pytest.raises(Exception, match="webhook_once"):
        post(body, signed(body))


def test_what_was_kept_is_never_changed(company: Company) -> None:
    body = event(uuid4())
    post(body, signed(body))
    kept = WebhookDelivery.objects.get()

    assert kept.body == body.decode()
    for act in (kept.delete, lambda: WebhookDelivery.objects.update(body="{}")):
        with pytest.raises(Exception, match="webhook_"):
            act()
    assert kept.received_at - timezone.now() < timedelta(seconds=1)
