"""Merchants and creators are paid what can no longer come back, once, whoever runs it."""

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from orders import factories
from orders.errors import NothingOwed
from orders.models import Batch, CommissionRate, LedgerAccount, Order, Posting
from orders.services import commissions, fulfilment, payment, refunds, settlement
from orders.services.commissions import Credited
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import CategoryFactory, SkuFactory
from redshop.core.errors import NotFound
from redshop.core.populations import Population
from tests.orders.books import balances, differences
from tests.orders.world import DAY, NOW
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

OVER = NOW + 8 * DAY
SETTLEMENT, PAYOUT = Batch.Kind.SETTLEMENT, Batch.Kind.PAYOUT


@pytest.fixture(autouse=True)
def _free_of_charge() -> None:
    """Let the platform keep nothing, so that what is paid is what was sold for."""
    CommissionRate.objects.all().delete()


def sku_at(price_minor: int, **fields: Any) -> Any:
    return SkuFactory.create(
        price_minor=price_minor, product__category=CategoryFactory.create(slug="toys"), **fields
    )


def arrived(buyer: User, *skus: Any, quantity: int = 1, at: datetime = NOW) -> Order:
    order = factories.paid(buyer, *skus, quantity=quantity, at=at)
    fulfilment.ship_order(order_id=order.pk, at=at)
    fulfilment.deliver_order(order_id=order.pk, at=at)
    return order


def pay(kind: Batch.Kind = SETTLEMENT, *, at: datetime = OVER) -> Batch | None:
    return settlement.run(kind=kind, population=Population.REAL, at=at)


def merchants() -> dict[str, int]:
    return balances(kind="merchant_payable")


def paid_out() -> int:
    return -balances().get("bank", 0)


def test_a_merchant_is_paid_once_the_time_for_returns_is_over(person: User) -> None:
    arrived(person, sku_at(1_000))

    assert pay(at=NOW + 7 * DAY - timedelta(seconds=1)) is None
    batch = pay(at=NOW + 7 * DAY)

    assert batch is not None
    assert batch.delivered_before == NOW
    assert paid_out() == 1_000
    assert merchants() == {}
    assert differences() == []


def test_running_again_pays_nothing(person: User) -> None:
    arrived(person, sku_at(1_000))
    pay()

    assert pay() is None
    assert Batch.objects.count() == 1


def test_what_is_under_way_is_held_back(person: User) -> None:
    sku = sku_at(1_000)
    arrived(person, sku)
    on_its_way = factories.paid(person, sku, at=NOW)
    fulfilment.ship_order(order_id=on_its_way.pk, at=NOW)
    factories.paid(person, sku, at=NOW)

    pay()

    assert paid_out() == 1_000
    assert merchants() == {f"merchant_payable/{sku.product.brand.merchant_id}": -2_000}


def test_an_open_return_holds_back_until_it_is_decided(person: User) -> None:
    order = arrived(person, sku_at(1_000), quantity=2)
    asked = factories.asked_back(order, quantities={order.lines.get().pk: 1}, at=NOW + DAY)

    assert pay() is None
    factories.sent_back(factories.approved(asked))
    pay()

    assert paid_out() == 1_000
    assert merchants() == {}
    assert differences() == []


def test_of_an_order_of_two_merchants_each_is_paid_by_their_own_part(person: User) -> None:
    fast, slow = sku_at(1_000), sku_at(5_000)
    order = factories.paid(person, fast, slow, at=NOW)
    part = order.lines.get(sku=fast).part_id
    fulfilment.ship_order(order_id=order.pk, part_id=part, at=NOW)
    fulfilment.deliver_order(order_id=order.pk, part_id=part, at=NOW)

    pay()

    assert paid_out() == 1_000
    assert merchants() == {f"merchant_payable/{slow.product.brand.merchant_id}": -5_000}


def test_a_refund_after_paying_makes_a_debt_that_later_sales_pay(person: User) -> None:
    sku = sku_at(1_000)
    order = arrived(person, sku)
    pay()
    refunds.refund_order(order_id=order.pk, at=OVER)
    merchant = f"merchant_payable/{sku.product.brand.merchant_id}"
    assert merchants() == {merchant: 1_000}

    assert pay(at=OVER + DAY) is None
    arrived(person, sku, quantity=3, at=OVER + DAY)
    pay(at=OVER + 9 * DAY)

    assert paid_out() == 3_000
    assert merchants() == {}
    assert differences() == []


def test_creators_are_paid_when_the_whole_order_can_no_longer_come_back(person: User) -> None:
    creator, sku = UserFactory.create(), sku_at(1_000, product__commission_bp=1_000)
    order = arrived(person, sku)
    fulfilment.complete_order(order_id=order.pk, at=NOW)
    with transaction.atomic():
        news = Credited(order.lines.get().pk, 1, {creator.pk: 1_000_000_000})
        commissions.refresh(order_id=order.pk, credited=[news], at=NOW)

    assert pay(PAYOUT, at=NOW + DAY) is None
    assert pay(PAYOUT) is not None
    assert paid_out() == 100
    assert balances(kind="creator_payable") == {}

    pay(SETTLEMENT)
    assert paid_out() == 1_000
    assert merchants() == {}


def test_each_population_is_paid_by_itself(person: User) -> None:
    arrived(person, sku_at(1_000))
    person.population = Population.SIMULATED
    person.save()
    arrived(person, sku_at(2_000))

    batches = settlement.run_all(at=OVER)

    assert [(batch.kind, batch.population) for batch in batches] == [
        ("settlement", "real"),
        ("settlement", "simulated"),
    ]
    assert balances(population="real")["bank"] == -1_000
    assert balances(population="simulated")["bank"] == -2_000


def test_of_six_runs_at_once_one_pays(person: User) -> None:
    arrived(person, sku_at(1_000))

    ends = at_once([lambda: pay() is not None] * 6)

    assert ends == {"True": 1, "False": 5}
    assert (Batch.objects.count(), paid_out()) == (1, 1_000)


def test_without_the_lock_the_key_stops_the_other_five(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived(person, sku_at(1_000))
    everyone_has_looked = threading.Barrier(6)
    due = settlement.due

    def looked(**named: Any) -> Any:
        found = due(**named)
        everyone_has_looked.wait(timeout=30)
        return found

    monkeypatch.setattr(settlement, "_lock", lambda: None)
    monkeypatch.setattr(settlement, "due", looked)
    ends = at_once([lambda: pay() is not None] * 6)

    assert ends == {"True": 1, "IntegrityError": 5}
    assert (Batch.objects.count(), paid_out()) == (1, 1_000)


def in_debt(buyer: User) -> LedgerAccount:
    """Return the account of a merchant who was paid and then had to give back."""
    order = arrived(buyer, sku_at(1_000))
    pay()
    refunds.refund_order(order_id=order.pk, at=OVER)
    return LedgerAccount.objects.owing().get()


def test_what_nobody_will_pay_is_written_off(person: User) -> None:
    account = in_debt(person)

    given_up = settlement.write_off(account_id=account.pk, reason="bankrupt", at=OVER)

    assert str(given_up) == "10.00 CNY"
    assert merchants() == {}
    assert balances()["write_offs"] == 1_000
    assert Posting.objects.get(kind="write_off").reason == "bankrupt"
    assert not LedgerAccount.objects.owing().exists()


def test_only_a_debt_can_be_written_off(person: User) -> None:
    arrived(person, sku_at(1_000))
    owed = LedgerAccount.objects.get(kind="merchant_payable")
    clearing = LedgerAccount.objects.get(kind="clearing")
    count = Posting.objects.count()

    for account in (owed, clearing):
        with pytest.raises(NothingOwed):
            settlement.write_off(account_id=account.pk, reason="", at=OVER)
    with pytest.raises(NotFound):
        settlement.write_off(account_id=uuid4(), reason="", at=OVER)

    assert Posting.objects.count() == count


def test_of_six_who_write_off_at_once_one_does(person: User) -> None:
    account = in_debt(person)

    ends = at_once([lambda: settlement.write_off(account_id=account.pk, reason="", at=OVER)] * 6)

    assert ends == {"10.00 CNY": 1, "NothingOwed": 5}
    assert balances()["write_offs"] == 1_000


def test_eight_refunds_at_once_are_posted_once(person: User) -> None:
    order = arrived(person, sku_at(1_000))

    ends = at_once([lambda: type(factories.refund(order)).__name__] * 8)

    assert ends == {"Refund": 1, "NothingToRefund": 7}
    assert Posting.objects.filter(kind="refund").count() == 1
    assert balances() == {}


def test_an_account_that_many_open_at_once_is_opened_once() -> None:
    skus = [sku_at(1_000) for _ in range(12)]
    orders = [factories.placed(UserFactory.create(), sku, at=NOW) for sku in skus]

    ends = at_once([partial(payment.pay_order, order_id=order.pk, at=NOW) for order in orders])

    assert ends == {"simulated succeeded": 12}
    assert balances()["clearing/simulated"] == 12_000
    with pytest.raises(IntegrityError, match="ledger_account_once"):
        LedgerAccount.objects.create(
            pk=orders[0].pk, kind="clearing", owner="simulated", currency="CNY", population="real"
        )


def test_nobody_is_paid_more_than_their_whole_balance(person: User) -> None:
    creator, sku = UserFactory.create(), sku_at(1_000, product__commission_bp=10_000)
    CommissionRate.objects.create(charge="payment", basis_points=60, evidence="assumed")
    order = arrived(person, sku)
    fulfilment.complete_order(order_id=order.pk, at=NOW)
    with transaction.atomic():
        news = Credited(order.lines.get().pk, 1, {creator.pk: 1_000_000_000})
        commissions.refresh(order_id=order.pk, credited=[news], at=NOW)
    account = LedgerAccount.objects.owing().get()
    settlement.write_off(account_id=account.pk, reason="the rates were too high", at=NOW)

    assert pay(at=NOW + DAY) is None
    assert pay() is None
    assert merchants() == {}
