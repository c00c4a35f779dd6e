"""Giving money back, by line and quantity; never more than was paid, whatever runs in parallel."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from orders.errors import NothingToRefund
from orders.models import OrderLine, OrderPart, Refund, RefundLine
from orders.prices import share_of
from orders.services import bookkeeping, repayment
from orders.services.holding import Held, add, hold, save
from orders.services.reporting import report
from orders.services.standing import refresh
from orders.states import OrderState, PaymentState
from redshop.catalog.services import stock
from redshop.core import outbox
from redshop.core.db import requires_transaction, use_case
from redshop.core.ids import uuid7
from redshop.events.kinds import EventKind


@requires_transaction
def refund(
    *,
    order_id: UUID,
    quantities: Mapping[int, int] | None = None,
    reason: str = "",
    restock: bool = False,
    at: datetime,
) -> Refund:
    """Give back the money of units by line, or of all that is left where None.

    With the goods goes their duty, and the shipping of a part of which nothing ever leaves.
    Units not yet shipped are withdrawn first: they never will be. With ``restock`` the units can
    be sold again; without it those that are in the warehouse are written off. Units that an open
    return claims wait for its receipt.

    Locks: the order row, then the SKUs in primary-key order.

    Raises:
        NotFound: there is no such order.
        NothingToRefund: nothing was paid, or all of it was given back.
        LineUnknown: a line is not of this order.
        QuantityNotPossible: a line has not that many unclaimed units left to refund.
    """
    return refund_held(
        hold(order_id=order_id), quantities=quantities, reason=reason, restock=restock, at=at
    )


#: ``refund`` in a transaction of its own.
refund_order = use_case(refund)


@requires_transaction
def refund_held(
    held: Held,
    *,
    quantities: Mapping[int, int] | None,
    reason: str,
    restock: bool,
    is_sent_back: bool = False,
    at: datetime,
) -> Refund:
    """Give back money of an order that is held; see ``refund``.

    Where the units were sent back, they are ones that were shipped: none is withdrawn.
    """
    if held.order.paid_at is None:
        raise NothingToRefund
    left = {line.pk: line.unclaimed_quantity for line in held.lines.values()}
    units = held.units(left, wanted=quantities)
    if not units:
        raise NothingToRefund
    withdrawn = {} if is_sent_back else _withdrawn(held, units)
    back = _reckon(held, units, withdrawn)
    given_back = _write(held, back, reason=reason, restock=restock, at=at)
    _move_stock(held, units, withdrawn, restock=restock, at=at)
    add(
        held,
        refunded_quantity=units,
        refunded_minor=back.goods,
        duty_refunded_minor=back.duty,
        withdrawn_quantity=withdrawn,
    )
    _count_shipping(held, back)
    bookkeeping.post_refund(
        held,
        given_back,
        units=back.units,
        goods=back.goods,
        duty=back.duty,
        shipping=back.shipping,
        at=at,
    )
    _count(held, given_back)
    repayment.request_for(given_back, at=at)
    refresh(held, at=at, reason=reason)
    _tell(held, back, given_back)
    return given_back


@dataclass(frozen=True, slots=True)
class _Back:
    """What is given back: units, minor units of goods and of duty by line, of shipping by part."""

    units: Mapping[int, int]
    goods: Mapping[int, int]
    duty: Mapping[int, int]
    shipping: Mapping[int, int]

    @property
    def amount_minor(self) -> int:
        amounts = (*self.goods.values(), *self.duty.values(), *self.shipping.values())
        return sum(amounts)


def _reckon(held: Held, units: Mapping[int, int], withdrawn: Mapping[int, int]) -> _Back:
    """Return the money that goes with the units.

    Of a line's money as much has been given back, after r of n units in all, as r n-ths of it
    rounded down: a cent that does not divide goes back with the last unit. The shipping of a part
    goes back with the last of its units where none of them was shipped.
    """
    lines = [held.lines[pk] for pk in units]
    return _Back(
        units=units,
        goods={
            line.pk: _due(line, line.total_minor, units[line.pk]) - line.refunded_minor
            for line in lines
        },
        duty={
            line.pk: _due(line, line.duty_minor, units[line.pk]) - line.duty_refunded_minor
            for line in lines
        },
        shipping={
            part.pk: part.shipping_minor - part.shipping_refunded_minor
            for part in held.parts.values()
            if _never_leaves(held, part, withdrawn)
        },
    )


def _due(line: OrderLine, total_minor: int, units: int) -> int:
    """Return how much of a line's money has been given back once these units are, too."""
    return share_of(total_minor, units=line.refunded_quantity + units, of=line.quantity)


def _never_leaves(held: Held, part: OrderPart, withdrawn: Mapping[int, int]) -> bool:
    """Tell whether all of a part will have been withdrawn, before anything of it was shipped."""
    return all(
        line.withdrawn_quantity + withdrawn.get(line.pk, 0) == line.quantity
        for line in held.lines_of(part)
    )


def _withdrawn(held: Held, units: Mapping[int, int]) -> dict[int, int]:
    """Return how many of the units are still open, by line, where any are."""
    open_units = {pk: min(held.lines[pk].open_quantity, quantity) for pk, quantity in units.items()}
    return {pk: quantity for pk, quantity in open_units.items() if quantity}


def _write(held: Held, back: _Back, *, reason: str, restock: bool, at: datetime) -> Refund:
    given_back = Refund.objects.create(
        id=uuid7(at),
        order=held.order,
        amount_minor=back.amount_minor,
        shipping_minor=sum(back.shipping.values()),
        currency=held.order.currency,
        reason=reason,
        is_restocked=restock,
        refunded_at=at,
    )
    RefundLine.objects.bulk_create(
        RefundLine(
            refund=given_back,
            line_id=pk,
            quantity=quantity,
            amount_minor=back.goods[pk],
            duty_minor=back.duty[pk],
        )
        for pk, quantity in back.units.items()
    )
    return given_back


def _move_stock(
    held: Held,
    units: Mapping[int, int],
    withdrawn: Mapping[int, int],
    *,
    restock: bool,
    at: datetime,
) -> None:
    """Let go of the stock of units that were never shipped; take the others back where wanted."""
    returned = {pk: units[pk] - withdrawn.get(pk, 0) for pk in units if restock}
    returned = {pk: quantity for pk, quantity in returned.items() if quantity}
    stock.lock(held.by_sku({**withdrawn, **returned}))
    if withdrawn:
        let_go = stock.release if restock else stock.write_off
        let_go(held.by_sku(withdrawn), reference=held.order.pk, at=at)
    if returned:
        stock.restock(held.by_sku(returned), reference=held.order.pk, at=at)


def _count_shipping(held: Held, back: _Back) -> None:
    """Count the shipping of parts as given back; all of it, and, says the constraint, once."""
    paid_for = [pk for pk, amount_minor in back.shipping.items() if amount_minor]
    if not paid_for:
        return
    counted = F("shipping_refunded_minor") + F("shipping_minor")
    OrderPart.objects.filter(pk__in=paid_for).update(shipping_refunded_minor=counted)
    for pk in paid_for:
        held.parts[pk].shipping_refunded_minor = held.parts[pk].shipping_minor


def _count(held: Held, given_back: Refund) -> None:
    """Bring the order's money in line with its lines; shipping that was kept leaves it partial."""
    order = held.order
    order.refunded_minor += given_back.amount_minor
    has_units_left = any(line.refundable_quantity for line in held.lines.values())
    is_whole = not has_units_left and order.refunded_minor == order.total_minor
    order.payment_state = PaymentState.REFUNDED if is_whole else PaymentState.PARTIALLY_REFUNDED
    save(order)


def _tell(held: Held, back: _Back, given_back: Refund) -> None:
    order, at = held.order, given_back.refunded_at
    portions = [(held.lines[pk], units, back.goods[pk]) for pk, units in back.units.items()]
    report(EventKind.ORDER_REFUNDED, order, portions, at=at)
    key = str(given_back.pk)
    product_ids = {held.lines[pk].product_id for pk in back.units}
    payload = {
        "order_id": str(order.pk),
        "refund_id": key,
        "refunded_at": at.isoformat(),
        "buyer_id": order.buyer_id,
        "given_up_product_ids": sorted(product_ids - _still_has(order.buyer_id, product_ids)),
    }
    outbox.publish("order.refunded", key=key, payload=payload, at=at)


def _still_has(buyer_id: int, product_ids: Collection[int]) -> set[int]:
    """Return which of some products a buyer had delivered, in any order, and has not given back."""
    kept = OrderLine.objects.filter(
        order__buyer=buyer_id,
        product__in=list(product_ids),
        part__state__in=[OrderState.DELIVERED.value, OrderState.COMPLETED.value],
        quantity__gt=F("withdrawn_quantity") + F("refunded_quantity"),
    )
    return set(kept.values_list("product_id", flat=True))
