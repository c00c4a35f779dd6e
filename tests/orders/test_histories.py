"""Whatever is done to an order in whatever order: money and units always add up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders import factories
from orders.models import Order, OrderLine, RefundLine, Transition
from orders.services import cancellation, fulfilment, payment, refunds
from orders.states import OrderState, slowest
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
         "refund", "refund_some", "refund_some", "refund_some"]
    ),
    units=st.tuples(*[st.integers(0, 3)] * 3),
    is_restocked=st.booleans(),
)  # fmt: skip
LINES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([0, 1, 999, 12_900])), min_size=1, max_size=3
)


def buy(lines: Sequence[tuple[int, int]]) -> tuple[Order, list[Sku]]:
    """Place an order of (quantity, price) lines; the last two SKUs are of one merchant."""
    number = next(_numbers)
    buyer: User = User.objects.create_user(f"history{number}", f"history{number}@example.com")
    first = SkuFactory.create(on_hand=ON_HAND, price_minor=lines[0][1])
    shared: dict[str, Any] = {}
    skus = [first]
    for _, price in lines[1:]:
        skus.append(SkuFactory.create(on_hand=ON_HAND, price_minor=price, **shared))
        shared = {"product": skus[-1].product}
    for sku, (quantity, _) in zip(skus, lines, strict=True):
        factories.CartItemFactory.create(person=buyer, sku=sku, quantity=quantity)
    return factories.check_out(buyer, at=NOW), skus


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
    }
    return acts[act.verb]()


def story(order: Order, skus: Sequence[Sku]) -> Any:
    """Return everything that an act could change."""
    rows = [
        Order.objects.filter(pk=order.pk).values(),
        OrderLine.objects.filter(order=order).order_by("pk").values(),
        order.parts.order_by("pk").values(),
        order.transitions.values("pk"),
        order.refunds.values("pk"),
        Sku.objects.filter(pk__in=[sku.pk for sku in skus]).order_by("pk").values(),
    ]
    return [list(each) for each in rows]


def assert_money_adds_up(order: Order, lines: Sequence[OrderLine]) -> None:
    for line in lines:
        given_back = RefundLine.objects.filter(line=line)
        assert line.refunded_quantity == sum(row.quantity for row in given_back)
        assert line.refunded_minor == sum(row.amount_minor for row in given_back)
        assert line.refunded_minor == line.refunded_quantity * line.unit_price_minor
    assert order.refunded_minor == sum(line.refunded_minor for line in lines)
    assert order.refunded_minor == sum(refund.amount_minor for refund in order.refunds.all())
    assert order.refunded_minor <= order.total_minor == sum(line.total_minor for line in lines)
    units_back = sum(line.refunded_quantity for line in lines)
    if order.paid_at is None:
        assert (order.payment_state, units_back) == ("none", 0)
    else:
        is_whole = units_back == sum(line.quantity for line in lines)
        expected = "refunded" if is_whole else "partially_refunded" if units_back else "paid"
        assert order.payment_state == expected


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


def assert_states_add_up(order: Order) -> None:
    parts = [OrderState(part.state) for part in order.parts.all()]
    assert order.state == slowest(parts)
    steps = list(Transition.objects.filter(order=order, part=None))
    assert [step.from_state for step in steps] == ["", *[step.to_state for step in steps[:-1]]]
    assert steps[-1].to_state == order.state


@pytest.mark.django_db
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=LINES, acts=st.lists(ACTS, min_size=1, max_size=12))
def test_whatever_is_done_money_and_units_add_up(
    lines: list[tuple[int, int]], acts: list[Act]
) -> None:
    order, skus = buy(lines)

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
        assert_states_add_up(now)
        assert list(reconciliation.compare().differences) == []
