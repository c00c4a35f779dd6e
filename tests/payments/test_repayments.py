"""Money on its way back through the company that took it: all of it, once, never more."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from config.processes import wait_until
from orders import factories
from orders.errors import NothingToRefund
from orders.models import Order, Payment, Repayment
from orders.services import payment, refunds, repayment
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from tests.api import ApiClient
from tests.companies import Company
from tests.orders.world import NOW
from tests.payments.test_payments import pay
from tests.races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.fixture
def paid(person: User, person_api: ApiClient, company: Company) -> Order:
    """An order of four units, paid through the company."""
    order = factories.placed(
        person, SkuFactory.create(price_minor=1_000), quantity=4, at=timezone.now()
    )
    assert pay(person_api, order).json()["state"] == "succeeded"
    return order


def refund(order: Order, units: int | None = None) -> Any:
    lines = {line.pk: units for line in order.lines.all()} if units else None
    return refunds.refund_order(order_id=order.pk, quantities=lines, at=timezone.now())


def soon(seconds: float = 1) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def back(company: Company, order: Order) -> int:
    """Return how much of an order's payments the company has sent back."""
    ours = Payment.objects.filter(order=order).values_list("pk", flat=True)
    return sum(company.look_up(str(pk))["refunded_minor"] for pk in ours)


def states() -> Counter[str]:
    return Counter(Repayment.objects.values_list("state", flat=True))


def test_a_refund_goes_back_through_the_company(company: Company, paid: Order) -> None:
    refund(paid, 1)
    assert (states(), back(company, paid)) == ({"due": 1}, 0)

    assert repayment.send_due(at=soon()) == 1

    assert (states(), back(company, paid)) == ({"succeeded": 1}, 1_000)
    assert repayment.send_due(at=soon(600)) == 0


def test_eight_refunds_at_once_send_the_money_back_once(company: Company, paid: Order) -> None:
    ends = at_once([lambda: type(refund(paid)).__name__] * 8)
    at_once([lambda: repayment.send_due(at=soon())] * 4)

    assert ends == {"Refund": 1, "NothingToRefund": 7}
    assert (states(), back(company, paid)) == ({"succeeded": 1}, 4_000)


@pytest.mark.parametrize(
    "behaviour", [{"service": "unreachable"}, {"service": "failing"}, {"is_answer_cut": True}]
)
def test_a_company_that_does_not_answer_is_asked_until_it_does(
    company: Company, paid: Order, behaviour: dict[str, Any]
) -> None:
    refund(paid, 3)
    company.behave(**behaviour)
    repayment.send_due(at=soon())
    assert states() == {"due": 1}
    company.behave(service="up", is_answer_cut=False)

    repayment.send_due(at=soon(30))

    assert (states(), back(company, paid)) == ({"succeeded": 1}, 3_000)


def test_a_slow_refund_is_asked_about_again(company: Company, paid: Order) -> None:
    company.behave(refunds="later")
    refund(paid)
    repayment.send_due(at=soon())
    assert states() == {"pending": 1}
    company.behave(refunds="at_once")

    looks = count(1)

    def is_settled() -> bool:
        repayment.send_due(at=soon(60 * next(looks)))
        return states() == {"succeeded": 1}

    assert wait_until(is_settled, seconds=10, pause=0.3)
    assert back(company, paid) == 4_000


def test_what_the_company_fails_to_send_waits_for_a_person_and_can_be_tried_again(
    company: Company, paid: Order
) -> None:
    company.behave(refunds="failing")
    refund(paid)
    repayment.send_due(at=soon())
    assert (states(), back(company, paid)) == ({"failed": 1}, 0)
    assert Payment.objects.get().repaid_minor == 0
    company.behave(refunds="at_once")
    failed = Repayment.objects.get()

    repayment.try_repayment_again(repayment_id=failed.pk, at=timezone.now())
    with pytest.raises(NothingToRefund):
        repayment.try_repayment_again(repayment_id=failed.pk, at=timezone.now())
    repayment.send_due(at=soon())

    assert (states(), back(company, paid)) == ({"failed": 1, "succeeded": 1}, 4_000)
    assert Payment.objects.get().repaid_minor == 4_000


def test_more_than_was_paid_is_never_sent_back_even_without_a_lock(paid: Order) -> None:
    refund(paid)
    whole = Payment.objects.get()

    with pytest.raises(IntegrityError, match="payment_repaid_within"), transaction.atomic():
        repayment.request(whole, amount_minor=1, refund=None, at=timezone.now())
    assert states() == {"due": 1}


def test_people_who_do_not_exist_get_their_money_at_once(person: User) -> None:
    order = factories.paid(person, at=NOW)

    factories.refund(order)

    assert states() == {"succeeded": 1}
    assert Payment.objects.get().repaid_minor == order.total_minor
    connection.close()


def test_the_admin_s_way_of_paying_asks_the_company(person: User, company: Company) -> None:
    order = factories.placed(person, at=timezone.now())

    paid = payment.pay_through(order_id=order.pk, method="sandbox", at=timezone.now())

    assert company.look_up(str(paid.pk))["state"] == "succeeded"
