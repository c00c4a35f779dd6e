"""What is given back: goods, their duty and shipping, exact to the last minor unit."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from orders import factories
from orders.models import Order, OrderPart, RefundLine
from orders.services import cancellation, fulfilment, refunds
from redshop.accounts.models import User
from redshop.catalog.factories import MerchantFactory, SkuFactory
from redshop.conversion.selectors.overview import overview
from redshop.events.models import Event
from tests.orders.world import NOW, standing

pytestmark = pytest.mark.django_db


def foreign_order(buyer: User, *, quantity: int = 3, **terms: Any) -> Order:
    """Return a paid order of units at 10.01 that come from Italy for 30.00, with a coupon."""
    merchant = MerchantFactory.create(name="Ferri", country="IT")
    sku = SkuFactory.create(product__brand__merchant=merchant, price_minor=1_001)
    coupon = factories.CouponFactory.create(**terms)
    return factories.paid(buyer, sku, quantity=quantity, coupon=coupon.code, at=NOW)


def give_back(order: Order, units: int) -> tuple[int, int, int, int]:
    """Refund units of the order's one line; return amount, goods, duty and shipping."""
    line = order.lines.get()
    refund = refunds.refund_order(order_id=order.pk, quantities={line.pk: units}, at=NOW)
    row = RefundLine.objects.get(refund=refund)
    return refund.amount_minor, row.amount_minor, row.duty_minor, refund.shipping_minor


def test_unit_by_unit_no_cent_is_lost_and_shipping_comes_last(person: User) -> None:
    order = foreign_order(person)
    line = order.lines.get()
    assert (line.discount_minor, line.total_minor, line.duty_minor) == (300, 2_703, 246)
    assert order.total_minor == 2_703 + 246 + 3_000

    assert give_back(order, 1) == (983, 901, 82, 0)
    assert give_back(order, 1) == (983, 901, 82, 0)
    assert standing(order) == ("paid", "partially_refunded", 1_966)
    assert give_back(order, 1) == (3_983, 901, 82, 3_000)

    assert standing(order) == ("cancelled", "refunded", 5_949)
    part = order.parts.get()
    assert (part.shipping_minor, part.shipping_refunded_minor) == (3_000, 3_000)


def test_what_does_not_divide_is_given_back_with_the_last_units(person: User) -> None:
    order = foreign_order(person, percent_basis_points=None, amount_minor=1)
    line = order.lines.get()
    assert (line.total_minor, line.duty_minor) == (3_002, 273)

    assert give_back(order, 1) == (1_091, 1_000, 91, 0)
    assert give_back(order, 2) == (2_002 + 182 + 3_000, 2_002, 182, 3_000)
    assert standing(order) == ("cancelled", "refunded", order.total_minor)


def test_a_return_keeps_the_shipping(person: User) -> None:
    order = foreign_order(person)
    fulfilment.ship_order(order_id=order.pk, at=NOW)
    fulfilment.deliver_order(order_id=order.pk, at=NOW)

    assert give_back(order, 3) == (2_949, 2_703, 246, 0)

    assert standing(order) == ("delivered", "partially_refunded", 2_949)
    assert order.parts.get().shipping_refunded_minor == 0


def test_a_part_that_left_in_part_keeps_its_shipping(person: User) -> None:
    order = foreign_order(person)
    line = order.lines.get()
    fulfilment.ship_order(order_id=order.pk, quantities={line.pk: 1}, at=NOW)

    assert give_back(order, 2)[3] == 0


def test_cancelling_gives_back_everything(person: User) -> None:
    order = foreign_order(person)

    cancellation.cancel_order(order_id=order.pk, at=NOW)

    assert standing(order) == ("cancelled", "refunded", order.total_minor)
    assert order.refunds.get().shipping_minor == 3_000


def test_each_part_gives_back_its_own_shipping(person: User) -> None:
    italian, french = (
        SkuFactory.create(
            product__brand__merchant=MerchantFactory.create(name=country, country=country),
            price_minor=1_000,
        )
        for country in ("IT", "FR")
    )
    order = factories.paid(person, italian, french, at=NOW)
    first, second = order.lines.order_by("pk")
    fulfilment.ship_order(order_id=order.pk, part_id=first.part_id, at=NOW)

    refund = refunds.refund_order(order_id=order.pk, at=NOW)

    assert refund.shipping_minor == 3_000
    shipping = dict(order.parts.values_list("pk", "shipping_refunded_minor"))
    assert shipping == {first.part_id: 0, second.part_id: 3_000}
    assert standing(order) == ("shipped", "partially_refunded", order.total_minor - 3_000)


def test_an_order_that_cost_nothing_is_refunded_with_its_last_unit(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000)
    coupon = factories.CouponFactory.create(percent_basis_points=10_000)
    order = factories.paid(person, sku, quantity=2, coupon=coupon.code, at=NOW)
    assert order.total_minor == 0

    assert give_back(order, 1) == (0, 0, 0, 0)
    assert standing(order)[:2] == ("paid", "partially_refunded")
    assert give_back(order, 1) == (0, 0, 0, 0)
    assert standing(order)[:2] == ("cancelled", "refunded")


def test_shipping_counted_twice_is_refused_by_the_constraint(person: User) -> None:
    order = foreign_order(person)
    cancellation.cancel_order(order_id=order.pk, at=NOW)

    with pytest.raises(IntegrityError, match="shipping_refunded_within"), transaction.atomic():
        OrderPart.objects.filter(order=order).update(shipping_refunded_minor=6_000)


def test_figures_of_sales_are_of_goods(person: User) -> None:
    order = foreign_order(person)
    give_back(order, 3)

    events = Event.objects.filter(kind__in=["checkout", "order_paid", "order_refunded"])
    assert set(events.values_list("amount_minor", flat=True)) == {2_703}
    day = overview(population="real", at=NOW).sales[-1]
    assert (day.orders, day.gross.amount_minor, day.refunded.amount_minor) == (1, 2_703, 2_703)
