"""The books in the admin: looked at from above and in detail, paid out and written off."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from orders import factories
from orders.models import Batch, LedgerAccount, Order, Posting
from redshop.accounts.models import User
from redshop.catalog.factories import CategoryFactory, MerchantFactory, SkuFactory
from tests.orders.books import balances
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

LISTS = ["ledgeraccount", "posting", "entry", "batch", "commissionrate"]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))
    return client


def kept(buyer: User) -> Order:
    """Return an order of 10.00 that arrived long ago."""
    merchant = MerchantFactory.create()
    toys = CategoryFactory.create(slug="toys")
    sku = SkuFactory.create(
        price_minor=1_000, product__category=toys, product__brand__merchant=merchant
    )
    return factories.completed(buyer, sku, at=timezone.now() - timedelta(days=30))


def press(client: Client, address: str, words: str = "") -> list[str]:
    """Press a button and answer its question; return what is said then."""
    answer = client.post(address, {"_form_submitted": "1", "words": words}, follow=True)
    return [str(message) for message in answer.context["messages"]]


def owed_to(order: Order) -> LedgerAccount:
    return LedgerAccount.objects.with_balance().get(
        kind="merchant_payable", owner=str(order.parts.get().merchant_id)
    )


@pytest.mark.parametrize("model", LISTS)
def test_each_list_takes_the_same_queries_at_any_size(
    model: str, admin: Client, person: User
) -> None:
    def prepare(times: int) -> Callable[[], object]:
        for _ in range(times):
            kept(person)
            press(admin, "/admin/orders/batch/run/")
            factories.refund(kept(person))
        return lambda: admin.get(f"/admin/orders/{model}/")

    assert_query_count(f"admin orders/{model}", lambda: prepare(1), lambda: prepare(3))


def test_the_list_of_accounts_names_their_owners_and_balances(admin: Client, person: User) -> None:
    order = kept(person)

    page = admin.get("/admin/orders/ledgeraccount/").content.decode()

    merchant = order.parts.get().merchant.name
    for text in (merchant, "merchant payable", "9.64 CNY", "we owe", "simulated", "10.00 CNY"):
        assert text in page


def test_from_an_account_to_its_entries_to_their_posting(admin: Client, person: User) -> None:
    order = kept(person)
    account = owed_to(order)

    page = admin.get(f"/admin/orders/ledgeraccount/{account.pk}/change/").content.decode()
    entries = f"/admin/orders/entry/?account__id__exact={account.pk}"
    assert entries in page
    listed = admin.get(entries).content.decode()
    posting = Posting.objects.get(order=order, kind="sale")
    assert f"/admin/orders/posting/{posting.pk}/change/" in listed
    assert order.number in listed
    story = admin.get(f"/admin/orders/posting/{posting.pk}/change/").content.decode()

    for text in ("customer", "platform_commission", "payment_fee", "0.30 CNY", "0.06 CNY"):
        assert text in story


def test_the_page_of_an_order_tells_its_postings(admin: Client, person: User) -> None:
    order = kept(person)

    page = admin.get(f"/admin/orders/order/{order.pk}/change/").content.decode()

    for text in ("clearing/simulated", f"merchant_payable/{order.parts.get().merchant_id}"):
        assert text in page


def test_a_button_pays_what_is_due_once(admin: Client, person: User) -> None:
    order = kept(person)

    assert press(admin, "/admin/orders/batch/run/") == ["1 batches were paid."]
    assert press(admin, "/admin/orders/batch/run/") == ["Nothing is due."]

    assert owed_to(order).balance_minor == 0
    batch = Batch.objects.get()
    listed = admin.get("/admin/orders/batch/").content.decode()
    page = admin.get(f"/admin/orders/batch/{batch.pk}/change/").content.decode()
    assert "9.64 CNY" in listed
    assert f"merchant_payable/{order.parts.get().merchant_id}" in page


def test_a_debt_is_listed_and_can_be_written_off(admin: Client, person: User) -> None:
    order = kept(person)
    press(admin, "/admin/orders/batch/run/")
    factories.refund(order)
    account = owed_to(order)
    in_debt = "/admin/orders/ledgeraccount/?standing=owes"
    assert "owes us" in admin.get(in_debt).content.decode()

    said = press(admin, f"/admin/orders/ledgeraccount/{account.pk}/write-off/", "bankrupt")

    assert said == ["9.64 CNY written off."]
    assert balances()["write_offs"] == 964
    assert Posting.objects.get(kind="write_off").reason == "bankrupt"
    assert "owes us" not in admin.get(in_debt).content.decode()


def test_what_is_owed_to_them_offers_no_writing_off(admin: Client, person: User) -> None:
    account = owed_to(kept(person))
    address = f"/admin/orders/ledgeraccount/{account.pk}"

    assert "write-off" not in admin.get(f"{address}/change/").content.decode()
    assert press(admin, f"{address}/write-off/") == ["Nobody owes anything on this account."]
    assert balances(kind="merchant_payable") == {str(account.reference): -964}


def test_who_may_only_look_pays_nobody(admin: Client, person: User) -> None:
    order = kept(person)
    clerk = User.objects.create_user("clerk", "clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_batch"]))
    admin.force_login(clerk)

    assert admin.get("/admin/orders/batch/").status_code == 200
    assert admin.post("/admin/orders/batch/run/", {"_form_submitted": "1"}).status_code == 403
    address = f"/admin/orders/ledgeraccount/{owed_to(order).pk}/write-off/"
    assert admin.post(address, {"_form_submitted": "1"}).status_code == 403

    assert not Batch.objects.exists()
    assert owed_to(order).balance_minor == -964


def test_rates_show_how_they_are_known(admin: Client) -> None:
    CategoryFactory.create(slug="beauty", name="Beauty")

    page = admin.get("/admin/orders/commissionrate/").content.decode()

    for text in ("Beauty", "4\N{NO-BREAK SPACE}%", "0.6\N{NO-BREAK SPACE}%", "claimed", "2025-26"):
        assert text in page


def test_the_sidebar_leads_to_the_money(admin: Client) -> None:
    page = admin.get("/admin/").content.decode()

    for address in ("ledgeraccount/", "ledgeraccount/?standing=owes", "posting/", "batch/"):
        assert f"/admin/orders/{address}" in page
