"""A payment that was given up and succeeds after all is found by asking, without any webhook."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from config.processes import wait_until
from orders import factories
from orders.models import Order, Payment, Repayment, WebhookDelivery
from orders.services import cancellation, repayment, watching, webhooks
from orders.tasks import ask_companies
from redshop.accounts.models import User
from tests.api import ApiClient
from tests.companies import Company
from tests.orders.world import standing
from tests.payments.test_payments import charges, later, pay
from tests.payments.test_webhooks import event, post, signed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

GIVEN_UP_AFTER = 16 * 60


@pytest.fixture
def order(person: User) -> Order:
    return factories.placed(person, at=timezone.now())


@pytest.fixture
def silent(told: Company) -> Company:
    """A company that could reach this shop, and tells it nothing."""
    told.behave(webhooks="off")
    return told


def give_up(api: ApiClient, order: Order) -> datetime:
    """Have the order's buyer never confirm their payment; return when it was given up."""
    pay(api, order, "tok_3ds")
    moment = later(GIVEN_UP_AFTER)
    watching.watch_due(at=moment)
    assert standing(order) == ("placed", "none", 0)
    return moment


def expire(order: Order) -> None:
    with transaction.atomic():
        cancellation.expire(order_id=order.pk, at=later(24 * 3_600))


def cancel(order: Order) -> None:
    cancellation.cancel_order(order_id=order.pk, at=later(GIVEN_UP_AFTER))


@pytest.mark.parametrize(("end", "state"), [(expire, "expired"), (cancel, "cancelled")])
def test_a_late_success_that_nobody_tells_of_is_paid_back_by_itself(
    person_api: ApiClient, silent: Company, order: Order, end: Any, state: str
) -> None:
    silent.behave(late_success_ms=300)
    given_up_at = give_up(person_api, order)
    end(order)
    assert wait_until(lambda: charges(silent, order) == {"succeeded": 1}, seconds=10)

    watching.watch_due(at=given_up_at + timedelta(seconds=61))
    repayment.send_due(at=given_up_at + timedelta(seconds=62))

    assert standing(order) == (state, "none", 0)
    late = Payment.objects.get()
    assert (late.state, late.is_late, late.repaid_minor) == ("succeeded", True, order.total_minor)
    assert Repayment.objects.get().state == "succeeded"
    assert silent.look_up(str(late.pk))["refunded_minor"] == order.total_minor
    assert not WebhookDelivery.objects.exists()


def test_the_task_that_beat_calls_finds_it_and_sends_the_money_back(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    silent.behave(late_success_ms=300)
    give_up(person_api, order)
    expire(order)
    assert wait_until(lambda: charges(silent, order) == {"succeeded": 1}, seconds=10)
    ask_companies()
    assert not Repayment.objects.exists()  # not due yet

    sooner = F("look_at") - timedelta(seconds=GIVEN_UP_AFTER + 61)
    Payment.objects.update(look_at=sooner)
    ask_companies()

    assert silent.look_up(str(Payment.objects.get().pk))["refunded_minor"] == order.total_minor


def test_a_late_success_that_nobody_tells_of_pays_an_order_that_still_waits(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    silent.behave(late_success_ms=300)
    given_up_at = give_up(person_api, order)
    assert wait_until(lambda: charges(silent, order) == {"succeeded": 1}, seconds=10)

    watching.watch_due(at=given_up_at + timedelta(seconds=61))

    assert standing(order) == ("paid", "paid", 0)
    assert not Repayment.objects.exists()


def test_what_was_given_up_is_asked_about_ever_more_seldom_for_three_days(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    given_up_at = give_up(person_api, order)
    looks = list[timedelta]()

    while (due_at := Payment.objects.get().look_at) is not None:
        assert watching.watch_due(at=due_at - timedelta(seconds=1)) == 0
        assert watching.watch_due(at=due_at) == 1
        looks.append(due_at - given_up_at)

    minutes, hours = timedelta(minutes=1), timedelta(hours=1)
    doubling = [2**power * minutes for power in range(10)]
    assert looks[:10] == doubling
    assert looks[10:-1] == [512 * minutes + 6 * hours * more for more in range(1, 11)]
    assert looks[-1] == timedelta(days=3)
    assert standing(order) == ("placed", "none", 0)


def test_what_the_company_declined_is_final_and_nobody_asks(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    pay(person_api, order, "tok_declined")

    assert Payment.objects.get().look_at is None
    assert watching.watch_due(at=later(24 * 3_600)) == 0


def test_a_company_that_is_away_at_one_look_is_asked_at_the_next(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    silent.behave(late_success_ms=300)
    given_up_at = give_up(person_api, order)
    expire(order)
    assert wait_until(lambda: charges(silent, order) == {"succeeded": 1}, seconds=10)

    silent.behave(service="unreachable")
    assert watching.watch_due(at=given_up_at + timedelta(minutes=1)) == 1
    assert Payment.objects.get().state == "failed"
    silent.behave(service="up")
    watching.watch_due(at=given_up_at + timedelta(minutes=2))

    assert (Payment.objects.get().state, Repayment.objects.count()) == ("succeeded", 1)


def test_who_is_paying_is_asked_about_before_what_was_given_up(
    person: User,
    person_api: ApiClient,
    silent: Company,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_up(person_api, order)
    Payment.objects.update(look_at=later(-600))
    paying = factories.placed(person, at=timezone.now())
    pay(person_api, paying, "tok_cut")
    monkeypatch.setattr(watching, "AT_A_TIME", 1)

    watching.watch_due(at=later(10))

    assert standing(paying) == ("paid", "paid", 0)
    assert Payment.objects.filter(look_at__lte=later(0), state="failed").count() == 1


def test_a_hint_that_could_not_be_followed_is_followed_until_the_company_answers(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    silent.behave(late_success_ms=300)
    pay(person_api, order, "tok_declined")
    declined = Payment.objects.get()
    assert wait_until(lambda: charges(silent, order) == {"succeeded": 1}, seconds=10)
    silent.behave(service="unreachable")
    body = event(declined.pk)
    post(body, signed(body))
    watching.watch_due(at=later(20))
    assert standing(order) == ("placed", "none", 0)
    silent.behave(service="up")

    watching.watch_due(at=later(20 + 90))

    assert standing(order) == ("paid", "paid", 0)


def test_a_hint_that_the_company_denies_is_followed_once(
    person_api: ApiClient, silent: Company, order: Order
) -> None:
    pay(person_api, order, "tok_declined")
    body = event(Payment.objects.get().pk)

    post(body, signed(body))

    assert Counter(WebhookDelivery.objects.values_list("result", flat=True)) == {
        webhooks.Result.KNOWN: 1
    }
    assert Payment.objects.get().look_at is None
    assert watching.watch_due(at=later(24 * 3_600)) == 0
