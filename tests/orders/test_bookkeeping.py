"""Orders post what happens to their money, in the transaction in which it happens."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders import factories
from orders.models import CommissionRate, Order, OrderLine, Payment, Posting, Refund
from orders.providers.types import BackOutcome, Outcome
from orders.services import (
    bookkeeping,
    cancellation,
    fulfilment,
    history,
    holding,
    payment,
    refunds,
    repayment,
)
from orders.states import PaymentAttempt, RepaymentState
from redshop.accounts.models import User
from redshop.catalog.factories import CategoryFactory, MerchantFactory, SkuFactory
from redshop.core.populations import Population
from redshop.simulation.calibration import figure
from tests.orders.books import balances, differences, kinds, of_order, posted_keys
from tests.orders.world import NOW, standing

pytestmark = pytest.mark.django_db


def sku_at(price_minor: int, **fields: Any) -> Any:
    """Return a SKU of a category of which the platform keeps 3 %, as of most."""
    toys = CategoryFactory.create(slug="toys")
    return SkuFactory.create(price_minor=price_minor, product__category=toys, **fields)


def foreign_sku() -> Any:
    """Return a SKU at 10.01 that a merchant abroad ships."""
    merchant = MerchantFactory.create(name="Ferri", country="IT")
    return sku_at(1_001, product__brand__merchant=merchant)


def test_a_paid_order_has_its_sale_and_payment_in_the_books(person: User) -> None:
    sku = foreign_sku()
    coupon = factories.CouponFactory.create()
    order = factories.paid(person, sku, quantity=3, coupon=coupon.code, at=NOW)
    merchant = sku.product.brand.merchant_id

    assert kinds(order) == ["sale", "payment"]
    assert of_order(order) == {
        "clearing/simulated": 5_949,
        "coupons": 300,
        f"merchant_payable/{merchant}": -5_877,  # 30.03 + 30.00 less 0.90 and 0.18 + 0.18
        "platform_commission": -90,
        "payment_fee": -36,
        "duty_payable": -246,
    }
    assert differences() == []


def test_a_discount_that_a_brand_funds_is_not_the_platforms(person: User) -> None:
    sku = foreign_sku()
    coupon = factories.CouponFactory.create(funded_by="brand", brand=sku.product.brand)
    order = factories.paid(person, sku, quantity=3, coupon=coupon.code, at=NOW)

    assert "coupons" not in of_order(order)
    assert order.lines.get().subsidy_minor == 0
    assert of_order(order)["platform_commission"] == -81  # 3 % of 27.03
    assert differences() == []


def test_a_coupon_that_is_changed_later_changes_nothing_of_what_was_agreed(person: User) -> None:
    sku = foreign_sku()
    coupon = factories.CouponFactory.create()
    order = factories.paid(person, sku, quantity=3, coupon=coupon.code, at=NOW)
    coupon.funded_by, coupon.brand = "brand", sku.product.brand
    coupon.save()

    cancellation.cancel_order(order_id=order.pk, at=NOW)

    assert of_order(order) == {}


def test_each_merchant_is_owed_their_own(person: User) -> None:
    first, second = sku_at(1_000), sku_at(2_000)
    order = factories.paid(person, first, second, at=NOW)
    owed = {k: v for k, v in of_order(order).items() if k.startswith("merchant")}

    assert owed == {
        f"merchant_payable/{first.product.brand.merchant_id}": -964,
        f"merchant_payable/{second.product.brand.merchant_id}": -1_928,
    }


def test_refunds_unit_by_unit_leave_only_what_the_buyer_is_owed(person: User) -> None:
    coupon = factories.CouponFactory.create()
    order = factories.paid(person, foreign_sku(), quantity=3, coupon=coupon.code, at=NOW)
    line = order.lines.get()

    for _ in range(3):
        assert differences() == []
        refunds.refund_order(order_id=order.pk, quantities={line.pk: 1}, at=NOW)

    assert kinds(order) == ["sale", "payment", *["refund", "repayment"] * 3]
    assert of_order(order) == {}
    assert differences() == []


def test_after_shipping_the_freight_stays_the_merchants(person: User) -> None:
    sku = foreign_sku()
    order = factories.paid(person, sku, at=NOW)
    fulfilment.ship_order(order_id=order.pk, at=NOW)

    refunds.refund_order(order_id=order.pk, at=NOW)

    assert of_order(order) == {
        "clearing/simulated": 3_000,
        f"merchant_payable/{sku.product.brand.merchant_id}": -2_982,
        "payment_fee": -18,
    }
    assert differences() == []


def test_an_unpaid_order_is_not_in_the_books(person: User) -> None:
    placed = factories.placed(person, at=NOW)
    factories.declined(placed)
    factories.cancelled(person, at=NOW)

    assert not Posting.objects.exists()


def test_an_order_that_costs_nothing_is_paid_without_moving_money(person: User) -> None:
    sku = sku_at(0)
    order = factories.paid(person, sku, at=NOW)

    assert standing(order) == ("paid", "paid", 0)
    assert not Posting.objects.exists()
    assert differences() == []


def test_what_the_platform_gives_away_it_owes_the_merchant(person: User) -> None:
    sku = sku_at(1_000)
    coupon = factories.CouponFactory.create(percent_basis_points=10_000)
    order = factories.paid(person, sku, coupon=coupon.code, at=NOW)

    assert of_order(order) == {
        "coupons": 1_000,
        f"merchant_payable/{sku.product.brand.merchant_id}": -964,
        "platform_commission": -30,
        "payment_fee": -6,
    }


def network_payment(order: Order) -> Payment:
    """Return a payment that a company over a network was asked for."""
    begun = payment.begin_payment(order_id=order.pk, method="simulated", at=NOW)
    Payment.objects.filter(pk=begun.pk).update(method="sandbox")
    return begun


def test_money_that_came_too_late_is_owed_back_until_it_went_back(person: User) -> None:
    order = factories.placed(person, sku_at(1_000), at=NOW)
    late = network_payment(order)
    payment.settle_payment(payment_id=late.pk, outcome=Outcome(state=PaymentAttempt.FAILED), at=NOW)
    cancellation.cancel_order(order_id=order.pk, at=NOW)
    assert not Posting.objects.exists()

    payment.settle_payment(
        payment_id=late.pk, outcome=Outcome(state=PaymentAttempt.SUCCEEDED), at=NOW
    )
    assert of_order(order) == {"clearing/sandbox": 1_000, "refunds": -1_000}
    assert differences() == []

    back = late.repayments.get()
    for _ in range(2):
        repayment.settle_repayment(
            repayment_id=back.pk, outcome=BackOutcome(state=RepaymentState.SUCCEEDED), at=NOW
        )
    assert of_order(order) == {}
    assert kinds(order) == ["late_capture", "repayment"]
    assert differences() == []


def test_a_refund_is_owed_until_the_company_gave_it_back(person: User) -> None:
    order = factories.placed(person, sku_at(1_000), at=NOW)
    paid = network_payment(order)
    payment.settle_payment(
        payment_id=paid.pk, outcome=Outcome(state=PaymentAttempt.SUCCEEDED), at=NOW
    )
    factories.refund(order)
    assert of_order(order) == {"clearing/sandbox": 1_000, "refunds": -1_000}

    back = paid.repayments.get()
    repayment.settle_repayment(
        repayment_id=back.pk, outcome=BackOutcome(state=RepaymentState.FAILED), at=NOW
    )
    assert of_order(order) == {"clearing/sandbox": 1_000, "refunds": -1_000}
    assert differences() == []

    again = repayment.try_repayment_again(repayment_id=back.pk, at=NOW)
    assert again is not None
    repayment.settle_repayment(
        repayment_id=again.pk, outcome=BackOutcome(state=RepaymentState.SUCCEEDED), at=NOW
    )
    assert of_order(order) == {}
    assert differences() == []


def test_if_the_books_refuse_nothing_was_paid(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = factories.placed(person, at=NOW)

    def refuse(*_args: Any, **_named: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(bookkeeping, "post", refuse)
    with pytest.raises(IntegrityError):
        payment.pay_order(order_id=order.pk, at=NOW)

    assert standing(order) == ("placed", "none", 0)
    assert not Payment.objects.exists()


def test_no_event_of_an_order_is_posted_twice(person: User) -> None:
    order = factories.paid(person, at=NOW)
    keys = posted_keys(order.pk)
    held = holding.hold(order_id=order.pk)

    with pytest.raises(IntegrityError, match="posting_key"), transaction.atomic():
        bookkeeping.post_paid(held, order.payments.get(), at=NOW)

    assert posted_keys(order.pk) == keys


def test_simulated_money_never_meets_real_money(person: User) -> None:
    factories.paid(person, at=NOW)
    person.population = Population.SIMULATED
    person.save()
    factories.paid(person, at=NOW)

    for population in Population:
        assert balances(population=population)["clearing/simulated"] == 12_900
    assert differences() == []


def test_imported_orders_are_not_in_the_books(person: User) -> None:
    sku = SkuFactory.create()
    past = history.PastOrder(
        id=factories.placed(person, at=NOW).pk.__class__(int=7),
        number="H-1",
        buyer_id=person.pk,
        merchant_id=sku.product.brand.merchant_id,
        product_id=sku.product_id,
        sku_id=sku.pk,
        quantity=1,
        unit_price_minor=500,
        currency="CNY",
        paid_at=NOW,
    )

    history.import_orders([past], source="a test")
    refunds.refund_order(order_id=past.id, at=NOW)

    assert not Posting.objects.exists()
    assert differences() == []


def test_sale_and_payment_are_posted_in_one_statement(person: User) -> None:
    order = factories.placed(person, at=NOW)

    with CaptureQueriesContext(connection) as paying:
        payment.pay_order(order_id=order.pk, at=NOW)
    with CaptureQueriesContext(connection) as refunding:
        factories.refund(order)

    written = [
        sum("INSERT INTO orders_posting" in query["sql"] for query in captured)
        for captured in (paying, refunding)
    ]
    assert written == [1, 2]  # the refund, and the money that went back


def test_rates_are_those_of_the_calibration_by_category(person: User) -> None:
    known = figure("money.marketplace_commission")
    slugs = {"fashion": "fashion", "beauty": "beauty", "food": "fresh", "toys": "other"}
    fee = figure("money.payment_fee").number

    for slug, name in slugs.items():
        category = CategoryFactory.create(slug=slug)
        order = factories.paid(person, SkuFactory.create(product__category=category), at=NOW)
        line = OrderLine.objects.get(order=order)

        assert line.marketplace_bp == round(known.at(name) * 10_000)
        assert Order.objects.get(pk=order.pk).payment_fee_bp == round(fee * 10_000)
    assert set(CommissionRate.objects.values_list("evidence", "source")) == {
        (known.kind, known.source),
        (figure("money.payment_fee").kind, figure("money.payment_fee").source),
    }


@pytest.mark.parametrize("column", ["refunded_minor", "subsidy_minor", "marketplace_bp"])
def test_reconciling_tells_what_the_books_lack(column: str, person: User) -> None:
    coupon = factories.CouponFactory.create()
    order = factories.paid(person, SkuFactory.create(), quantity=2, coupon=coupon.code, at=NOW)

    OrderLine.objects.filter(order=order).update(**{column: 77})

    found = differences()
    assert found
    assert all(sentence.startswith(f"order {order.number}: ") for sentence in found)


def test_reconciling_notices_a_refund_that_was_not_posted(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = factories.paid(person, sku_at(1_000), at=NOW)
    monkeypatch.setattr(bookkeeping, "post", lambda _drafts: None)
    factories.refund(order)

    assert Refund.objects.exists()
    merchant = order.parts.get().merchant_id
    assert differences() == [
        f"order {order.number}: clearing/simulated lacks -10.00 CNY",
        f"order {order.number}: merchant_payable/{merchant} lacks 9.64 CNY",
        f"order {order.number}: payment_fee lacks 0.06 CNY",
        f"order {order.number}: platform_commission lacks 0.30 CNY",
    ]
