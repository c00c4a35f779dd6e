"""What waits for a person is on the admin's home page, with the way to it."""

from datetime import timedelta

import pytest
from django.test import Client

from orders import factories
from orders.models import Payment, Repayment
from orders.waiting import waiting
from redshop.accounts.models import User
from tests.orders.world import NOW

pytestmark = pytest.mark.django_db


def titles() -> dict[str, int]:
    return {one.title: one.count for one in waiting(at=NOW)}


def test_where_all_is_well_nothing_waits(person: User) -> None:
    factories.refund(factories.delivered(person, at=NOW - timedelta(days=2)))

    assert titles() == {}


def test_what_no_process_mends_waits_for_a_person(person: User) -> None:
    factories.WebhookDeliveryFactory.create()
    order = factories.placed(person, at=NOW)
    Payment.objects.create(
        order=order, method="sandbox", state="pending", amount_minor=1, currency="CNY",
        created_at=NOW - timedelta(minutes=3), look_at=NOW,
    )  # fmt: skip
    paid = factories.paid(person, at=NOW)
    Repayment.objects.create(
        payment=paid.payments.get(), state="failed", amount_minor=1, currency="CNY",
        failure_code="refused", created_at=NOW, settled_at=NOW,
    )  # fmt: skip

    assert titles() == {
        "Payments whose end is unknown": 1,
        "Money that a company failed to send back": 1,
        "Webhooks of payments that we do not know": 1,
    }


def test_a_payment_that_was_given_up_waits_for_nobody_though_it_is_asked_about(
    person: User,
) -> None:
    Payment.objects.create(
        order=factories.placed(person, at=NOW), method="sandbox", state="failed", amount_minor=1,
        currency="CNY", failure_code="abandoned", created_at=NOW - timedelta(minutes=20),
        settled_at=NOW - timedelta(minutes=4), look_at=NOW,
    )  # fmt: skip

    assert titles() == {}


def test_the_home_page_leads_there(person: User) -> None:
    factories.WebhookDeliveryFactory.create()
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))

    page = client.get("/admin/").content.decode()

    address = "/admin/orders/webhookdelivery/?result__exact=unmatched"
    assert address in page
    assert client.get(address).status_code == 200
    for one in waiting(at=NOW):
        page = f"/admin/{one.page.replace('_', '/')}/?{one.query}"
        assert client.get(page).status_code == 200
