"""Paying through a company over the network: whatever its answers do, money is taken once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from orders import factories
from orders.models import Order, Payment
from orders.services import payment, watching
from redshop.accounts.models import User
from redshop.core.models import IdempotencyKey
from tests.api import ApiClient
from tests.companies import Company
from tests.orders.world import standing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture
def order(person: User) -> Order:
    return factories.placed(person, at=timezone.now())


def pay(api: ApiClient, order: Order, token: str = "", key: UUID | None = None) -> Any:
    body = {"method": "sandbox", "token": token}
    return api.call("POST", f"/orders/{order.pk}/payments", body, key=key or uuid4())


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def charges(company: Company, order: Order) -> Counter[str]:
    """Return how the charges for an order ended, as the company knows it."""
    ours = {str(pk) for pk in Payment.objects.filter(order=order).values_list("pk", flat=True)}
    return Counter(one["state"] for one in company.record()["charges"] if one["id"] in ours)


def test_a_card_that_works_pays_the_order(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    answer = pay(person_api, order, "tok_ok")

    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert standing(order) == ("paid", "paid", 0)
    assert charges(company, order) == {"succeeded": 1}
    assert company.look_up(answer.json()["id"])["amount_minor"] == order.total_minor


def test_a_card_that_is_declined_lets_one_try_again(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    declined = pay(person_api, order, "tok_insufficient_funds")
    assert (declined.status_code, declined.json()["state"]) == (201, "failed")
    assert declined.json()["failure_code"] == "insufficient_funds"
    assert standing(order) == ("placed", "none", 0)

    assert pay(person_api, order).json()["state"] == "succeeded"
    assert charges(company, order) == {"failed": 1, "succeeded": 1}


def test_a_second_factor_is_asked_for_and_its_answer_pays(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    waiting = pay(person_api, order, "tok_3ds").json()
    assert waiting["state"] == "requires_action"
    assert standing(order) == ("placed", "pending", 0)

    httpx.post(waiting["action_url"], data={"decision": "approve"})
    watching.watch_due(at=later(10))

    assert standing(order) == ("paid", "paid", 0)
    assert Payment.objects.get().action_url == ""


@pytest.mark.parametrize("token", ["tok_cut", "tok_hang"])
def test_an_answer_that_never_comes_is_pending_until_the_company_is_asked(
    person_api: ApiClient, company: Company, order: Order, token: str
) -> None:
    key = uuid4()
    answer = pay(person_api, order, token, key)
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    assert standing(order) == ("placed", "pending", 0)

    watching.watch_due(at=later(10))

    assert standing(order) == ("paid", "paid", 0)
    assert charges(company, order) == {"succeeded": 1}
    again = pay(person_api, order, token, key)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (answer.content, "true")


@pytest.mark.parametrize("service", ["failing", "unreachable"])
def test_a_company_that_is_down_is_asked_again_and_what_never_arrived_is_barred(
    person_api: ApiClient, company: Company, order: Order, service: str
) -> None:
    company.behave(service=service)
    assert pay(person_api, order).json()["state"] == "pending"
    watching.watch_due(at=later(10))
    assert standing(order) == ("placed", "pending", 0)
    company.behave(service="up")

    watching.watch_due(at=later(60))

    assert standing(order) == ("placed", "none", 0)
    assert Payment.objects.get().failure_code == "abandoned"
    assert charges(company, order) == {"canceled": 1}
    assert pay(person_api, order).json()["state"] == "succeeded"
    assert standing(order) == ("paid", "paid", 0)


def test_what_nobody_confirms_in_time_is_abandoned(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    pay(person_api, order, "tok_3ds")

    watching.watch_due(at=later(10))
    assert standing(order) == ("placed", "pending", 0)
    watching.watch_due(at=later(16 * 60))

    assert standing(order) == ("placed", "none", 0)
    assert charges(company, order) == {"canceled": 1}


def test_a_repeat_after_a_crash_takes_the_payment_up_again(
    person_api: ApiClient, company: Company, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_args: Any, **_more: Any) -> Any:
        raise SystemExit

    key = uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(payment, "ask", dies)
        with pytest.raises(SystemExit):
            pay(person_api, order, key=key)
    assert Payment.objects.get().state == "pending"

    at_once = pay(person_api, order, key=key)
    Payment.objects.update(look_at=later(-1))  # the lease has run out
    other = person_api.call(
        "POST", f"/orders/{order.pk}/payments", {"method": "sandbox", "token": "tok_ok"}, key=key
    )
    after = pay(person_api, order, key=key)

    assert (at_once.status_code, at_once.json()["code"]) == (409, "in_progress")
    assert at_once.headers["Retry-After"] == "1"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (after.status_code, after.json()["state"]) == (201, "succeeded")
    assert Payment.objects.count() == 1
    assert charges(company, order) == {"succeeded": 1}
    assert pay(person_api, order, key=key).content == after.content


def test_a_crash_after_the_company_has_charged_charges_nobody_twice(
    person_api: ApiClient, company: Company, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_args: Any, **_more: Any) -> Any:
        raise SystemExit

    key = uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(payment, "settle", dies)
        with pytest.raises(SystemExit):
            pay(person_api, order, key=key)
    assert charges(company, order) == {"succeeded": 1}
    assert standing(order) == ("placed", "pending", 0)

    Payment.objects.update(look_at=later(-1))
    after = pay(person_api, order, key=key)

    assert after.json()["state"] == "succeeded"
    assert charges(company, order) == {"succeeded": 1}
    assert standing(order) == ("paid", "paid", 0)


def test_a_crash_that_nobody_repeats_is_settled_by_the_watch(
    person_api: ApiClient, company: Company, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(payment, "settle", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pay(person_api, order, key=key)

    watching.watch_due(at=later(20))
    repeated = pay(person_api, order, key=key)

    assert standing(order) == ("paid", "paid", 0)
    assert repeated.json()["state"] == "succeeded"
    assert charges(company, order) == {"succeeded": 1}


def test_of_eight_payments_at_once_one_is_charged(
    person_api: ApiClient, company: Company, order: Order
) -> None:
    def go(_: int) -> str:
        try:
            answer = pay(person_api, order)
            return str(answer.json().get("state") or answer.json()["code"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ends = Counter(pool.map(go, range(8)))

    assert ends["succeeded"] == 1
    assert set(ends) <= {"succeeded", "payment_under_way", "already_paid"}
    assert charges(company, order) == {"succeeded": 1}


def test_with_the_recovery_point_away_a_repeat_would_begin_another_payment(
    person_api: ApiClient, company: Company, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = uuid4()
    with monkeypatch.context() as patched:
        patched.setattr(payment, "settle", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pay(person_api, order, key=key)
    Payment.objects.update(look_at=later(-1))

    monkeypatch.setattr(payment, "_begun", lambda *_args, **_more: None)
    again = pay(person_api, order, key=key)

    assert (again.status_code, again.json()["code"]) == (409, "payment_under_way")
    assert not IdempotencyKey.objects.exists()


def test_an_order_that_costs_nothing_is_paid_without_asking_anybody(
    person: User, person_api: ApiClient, company: Company
) -> None:
    from redshop.catalog.factories import SkuFactory

    free = factories.placed(person, SkuFactory.create(price_minor=0), at=timezone.now())

    assert pay(person_api, free).json()["state"] == "succeeded"
    assert charges(company, free) == {}


def test_nobody_pays_with_the_company_of_people_who_do_not_exist(
    person_api: ApiClient, order: Order
) -> None:
    answer = person_api.post_once(f"/orders/{order.pk}/payments", {"method": "simulated"})

    assert answer.status_code == 400
    assert not Payment.objects.exists()


def test_without_a_company_the_method_is_not_available(
    person_api: ApiClient, order: Order, settings: Any
) -> None:
    settings.SANDBOX_URL = ""

    answer = pay(person_api, order)

    assert (answer.status_code, answer.json()["code"]) == (422, "payment_method_unavailable")
    assert standing(order) == ("placed", "none", 0)
