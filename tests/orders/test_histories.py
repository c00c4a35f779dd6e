"""Whatever is done to an order in whatever order: money and units always add up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders import factories
from orders.models import (
    CouponUse,
    Order,
    OrderLine,
    RefundLine,
    Return,
    ReturnLine,
    Transition,
)
from orders.services import cancellation, fulfilment, payment, refunds, returns
from orders.states import OPEN_RETURNS, OrderState, slowest
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku
from redshop.catalog.services import reconciliation
from redshop.core import outbox
from redshop.core.errors import DomainError
from tests.orders.world import NOW

ON_HAND = 20
_numbers = count(1)


@dataclass(frozen=True)
class Act:
    """One thing done to an order; ``units`` are taken line by line where it asks for some."""

    verb: str
    units: tuple[int, ...]
    is_restocked: bool


ACTS = st.builds(
    Act,
    verb=st.sampled_from(
        ["pay", "decline", "ship", "ship_some", "deliver", "complete", "cancel", "expire",
         "refund", "refund_some", "refund_some", "refund_some",
         "ask_back", "ask_back", "decide", "refuse", "receive", "receive"]
    ),
    units=st.tuples(*[st.integers(0, 3)] * 3),
    is_restocked=st.booleans(),
)  # fmt: skip
LINES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 999, 12_900])), min_size=1, max_size=3
)


@dataclass(frozen=True)
class Terms:
    """What makes a purchase cost something else than its goods."""

    currency: str
    is_abroad: bool
    discount: dict[str, int]


TERMS = st.builds(
    Terms,
    currency=st.sampled_from(["CNY", "JPY", "KWD"]),
    is_abroad=st.booleans(),
    discount=st.sampled_from(
        [{}, {"percent_basis_points": 3_333}, {"percent_basis_points": 10_000}, {"amount_minor": 7}]
    ),
)


def buy(lines: Sequence[tuple[int, int]], terms: Terms) -> tuple[Order, list[Sku]]:
    """Place an order of (quantity, price) lines; the last two SKUs are of one merchant."""
    number = next(_numbers)
    buyer: User = User.objects.create_user(f"history{number}", f"history{number}@example.com")
    shared: dict[str, Any] = {"currency": terms.currency}
    first = SkuFactory.create(on_hand=ON_HAND, price_minor=lines[0][1], **shared)
    skus = [first]
    for _, price in lines[1:]:
        skus.append(SkuFactory.create(on_hand=ON_HAND, price_minor=price, **shared))
        shared["product"] = skus[-1].product
    for sku, (quantity, _) in zip(skus, lines, strict=True):
        factories.CartItemFactory.create(person=buyer, sku=sku, quantity=quantity)
    coupon = ""
    if terms.discount and any(price for _, price in lines):
        coupon = factories.CouponFactory.create(
            currency=terms.currency, **{"percent_basis_points": None, **terms.discount}
        ).code
    address = factories.ADDRESSES[terms.is_abroad]
    return factories.check_out(buyer, coupon=coupon, address=address, at=NOW), skus


def do(act: Act, order: Order) -> object:
    """Do one thing to the order, as the services let one."""
    lines = OrderLine.objects.filter(order=order).order_by("pk")
    some = {line.pk: units for line, units in zip(lines, act.units, strict=False) if units}
    at = NOW + timedelta(hours=1)
    acts: dict[str, Callable[[], object]] = {
        "pay": lambda: payment.pay_order(order_id=order.pk, at=at),
        "decline": lambda: payment.pay_order(order_id=order.pk, token="tok_declined", at=at),
        "ship": lambda: fulfilment.ship_order(order_id=order.pk, at=at),
        "ship_some": lambda: fulfilment.ship_order(order_id=order.pk, quantities=some, at=at),
        "deliver": lambda: fulfilment.deliver_order(order_id=order.pk, at=at),
        "complete": lambda: fulfilment.complete_order(order_id=order.pk, at=at),
        "cancel": lambda: cancellation.cancel_order(order_id=order.pk, at=at),
        "expire": lambda: outbox.drain_all(at=at),
        "refund": lambda: refunds.refund_order(order_id=order.pk, restock=act.is_restocked, at=at),
        "refund_some": lambda: refunds.refund_order(
            order_id=order.pk, quantities=some, restock=act.is_restocked, at=at
        ),
        "ask_back": lambda: returns.request_return(
            order_id=order.pk, buyer_id=order.buyer_id, quantities=some, at=at
        ),
        **acts_on_the_oldest_return(order, act, at),
    }
    return acts[act.verb]()


def acts_on_the_oldest_return(
    order: Order, act: Act, at: datetime
) -> dict[str, Callable[[], object]]:
    """Return what may be done with the return that has been open longest."""
    asked = Return.objects.filter(order=order).still_open().order_by("pk").first()
    if asked is None:
        return dict.fromkeys(("decide", "refuse", "receive"), lambda: None)
    lines = asked.lines.order_by("pk")
    came = {line.line_id: units for line, units in zip(lines, act.units, strict=False)}
    restocked, written_off = (came, {}) if act.is_restocked else ({}, came)
    return {
        "decide": lambda: returns.approve_return(return_id=asked.pk, actor_id=None, at=at),
        "refuse": lambda: returns.refuse_return(
            return_id=asked.pk, actor_id=None, decision="worn", at=at
        ),
        "receive": lambda: returns.receive_return(
            return_id=asked.pk,
            restocked=restocked,
            written_off=written_off,
            actor_id=None,
            at=at,
        ),
    }


def story(order: Order, skus: Sequence[Sku]) -> Any:
    """Return everything that an act could change."""
    rows = [
        Order.objects.filter(pk=order.pk).values(),
        OrderLine.objects.filter(order=order).order_by("pk").values(),
        order.parts.order_by("pk").values(),
        order.transitions.values("pk"),
        order.refunds.values("pk"),
        Return.objects.filter(order=order).order_by("pk").values(),
        ReturnLine.objects.filter(of_return__order=order).order_by("pk").values(),
        Sku.objects.filter(pk__in=[sku.pk for sku in skus]).order_by("pk").values(),
    ]
    return [list(each) for each in rows]


def assert_money_adds_up(order: Order, lines: Sequence[OrderLine]) -> None:
    for line in lines:
        rows = RefundLine.objects.filter(line=line)
        back = line.refunded_quantity
        assert line.total_minor == line.quantity * line.unit_price_minor - line.discount_minor
        assert back == sum(row.quantity for row in rows)
        assert line.refunded_minor == sum(row.amount_minor for row in rows)
        assert line.refunded_minor == line.total_minor * back // line.quantity
        assert line.duty_refunded_minor == sum(row.duty_minor for row in rows)
        assert line.duty_refunded_minor == line.duty_minor * back // line.quantity
    assert_sums_are_right(order, lines)
    units_back = sum(line.refunded_quantity for line in lines)
    if order.paid_at is None:
        assert (order.payment_state, units_back) == ("none", 0)
    else:
        is_whole = units_back == sum(line.quantity for line in lines)
        is_whole = is_whole and order.refunded_minor == order.total_minor
        expected = "refunded" if is_whole else "partially_refunded" if units_back else "paid"
        assert order.payment_state == expected


def assert_sums_are_right(order: Order, lines: Sequence[OrderLine]) -> None:
    parts, refunded = order.parts.all(), order.refunds.all()
    shipping_back = sum(part.shipping_refunded_minor for part in parts)
    of_lines = sum(line.refunded_minor + line.duty_refunded_minor for line in lines)
    assert shipping_back == sum(refund.shipping_minor for refund in refunded)
    assert order.refunded_minor == of_lines + shipping_back
    assert order.refunded_minor == sum(refund.amount_minor for refund in refunded)
    assert order.discount_minor == sum(line.discount_minor for line in lines)
    assert order.duty_minor == sum(line.duty_minor for line in lines)
    assert order.shipping_minor == sum(part.shipping_minor for part in parts)
    goods = sum(line.total_minor for line in lines)
    assert order.refunded_minor <= order.total_minor
    assert order.total_minor == goods + order.duty_minor + order.shipping_minor
    for part in parts:
        never_left = all(line.withdrawn_quantity == line.quantity for line in part.lines.all())
        assert part.shipping_refunded_minor == (part.shipping_minor if never_left else 0)
    is_free_again = order.state in {"cancelled", "expired"} and order.paid_at is None
    for use in CouponUse.objects.filter(order=order):
        assert (use.released_at is not None) == is_free_again
        assert use.coupon.used == (0 if is_free_again else 1)


def assert_units_add_up(order: Order, lines: Sequence[OrderLine]) -> None:
    has_ended = order.state in {"cancelled", "expired"}
    for line in lines:
        shipped = sum(row.quantity for row in line.shipment_lines.all())
        back = RefundLine.objects.filter(line=line, refund__is_restocked=True)
        back_on_sale = sum(row.quantity for row in back)
        written_off = line.refunded_quantity - back_on_sale
        assert line.shipped_quantity == shipped
        assert line.sku.reserved == (0 if has_ended else line.open_quantity)
        # every unit is in the warehouse, with the buyer, or written off
        kept = shipped - (line.refunded_quantity - line.withdrawn_quantity)
        assert line.sku.on_hand == ON_HAND - kept - written_off


def assert_returns_add_up(order: Order, lines: Sequence[OrderLine]) -> None:
    for line in lines:
        back = ReturnLine.objects.filter(line=line).select_related("of_return")
        claims = [row.quantity for row in back if row.of_return.state in OPEN_RETURNS]
        assert line.returning_quantity == sum(claims)
        assert line.returning_quantity <= line.shipped_quantity
        received = sum(row.received_quantity for row in back)
        assert received <= line.refunded_quantity - line.withdrawn_quantity
    for asked in Return.objects.filter(order=order, state="refunded"):
        arrived = {row.line_id: row.received_quantity for row in asked.lines.all()}
        refunds_of_it = [asked.restock_refund_id, asked.write_off_refund_id]
        paid_back = dict.fromkeys(arrived, 0)
        for row in RefundLine.objects.filter(refund__in=[pk for pk in refunds_of_it if pk]):
            paid_back[row.line_id] += row.quantity
        assert paid_back == arrived


def assert_states_add_up(order: Order) -> None:
    parts = [OrderState(part.state) for part in order.parts.all()]
    assert order.state == slowest(parts)
    steps = list(Transition.objects.filter(order=order, part=None))
    assert [step.from_state for step in steps] == ["", *[step.to_state for step in steps[:-1]]]
    assert steps[-1].to_state == order.state


@pytest.mark.django_db
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=LINES, terms=TERMS, acts=st.lists(ACTS, min_size=1, max_size=12))
def test_whatever_is_done_money_and_units_add_up(
    lines: list[tuple[int, int]], terms: Terms, acts: list[Act]
) -> None:
    order, skus = buy(lines, terms)

    for act in acts:
        before = story(order, skus)
        try:
            do(act, order)
        except DomainError:
            assert story(order, skus) == before
        now = Order.objects.prefetch_related("parts", "refunds").get(pk=order.pk)
        rows = list(OrderLine.objects.filter(order=order).select_related("sku").order_by("pk"))
        assert_money_adds_up(now, rows)
        assert_units_add_up(now, rows)
        assert_returns_add_up(now, rows)
        assert_states_add_up(now)
        assert list(reconciliation.compare().differences) == []
