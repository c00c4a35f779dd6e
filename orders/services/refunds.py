"""Giving money back, by line and quantity; never more than was paid, whatever runs in parallel."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from orders.errors import NothingToRefund
from orders.models import Refund, RefundLine
from orders.services.holding import Held, add, hold, save
from orders.services.reporting import report
from orders.services.standing import refresh
from orders.states import PaymentState
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

    Units not yet shipped are withdrawn first: they never will be. With ``restock`` the units can
    be sold again; without it those that are in the warehouse are written off.

    Locks: the order row, then the SKUs in primary-key order.

    Raises:
        NotFound: there is no such order.
        NothingToRefund: nothing was paid, or all of it was given back.
        LineUnknown: a line is not of this order.
        QuantityNotPossible: a line has not that many units whose money was not given back.
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
    at: datetime,
) -> Refund:
    """Give back money of an order that is held; see ``refund``."""
    if held.order.paid_at is None:
        raise NothingToRefund
    left = {line.pk: line.refundable_quantity for line in held.lines.values()}
    units = held.units(left, wanted=quantities)
    if not units:
        raise NothingToRefund
    given_back = _write(held, units, reason=reason, restock=restock, at=at)
    withdrawn = _withdrawn(held, units)
    _move_stock(held, units, withdrawn, restock=restock, at=at)
    add(
        held,
        refunded_quantity=units,
        refunded_minor=_amounts(held, units),
        withdrawn_quantity=withdrawn,
    )
    _count(held, given_back)
    refresh(held, at=at, reason=reason)
    _tell(held, units, given_back)
    return given_back


def _amounts(held: Held, units: Mapping[int, int]) -> dict[int, int]:
    """Return the minor units of money that units by line are worth."""
    return {pk: held.lines[pk].unit_price_minor * quantity for pk, quantity in units.items()}


def _withdrawn(held: Held, units: Mapping[int, int]) -> dict[int, int]:
    """Return how many of the units are still open, by line, where any are."""
    open_units = {pk: min(held.lines[pk].open_quantity, quantity) for pk, quantity in units.items()}
    return {pk: quantity for pk, quantity in open_units.items() if quantity}


def _write(
    held: Held, units: Mapping[int, int], *, reason: str, restock: bool, at: datetime
) -> Refund:
    amounts = _amounts(held, units)
    given_back = Refund.objects.create(
        id=uuid7(at),
        order=held.order,
        amount_minor=sum(amounts.values()),
        currency=held.order.currency,
        reason=reason,
        is_restocked=restock,
        refunded_at=at,
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=given_back, line_id=pk, quantity=quantity, amount_minor=amounts[pk])
        for pk, quantity in units.items()
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


def _count(held: Held, given_back: Refund) -> None:
    """Bring the order's money in line with its lines."""
    is_whole = all(line.refundable_quantity == 0 for line in held.lines.values())
    held.order.refunded_minor += given_back.amount_minor
    held.order.payment_state = (
        PaymentState.REFUNDED if is_whole else PaymentState.PARTIALLY_REFUNDED
    )
    save(held.order)


def _tell(held: Held, units: Mapping[int, int], given_back: Refund) -> None:
    order, at = held.order, given_back.refunded_at
    lines = [held.lines[pk] for pk in units]
    amounts = _amounts(held, units)
    portions = [(line, units[line.pk], amounts[line.pk]) for line in lines]
    report(EventKind.ORDER_REFUNDED, order, portions, at=at)
    key = str(given_back.pk)
    payload = {"order_id": str(order.pk), "refund_id": key, "refunded_at": at.isoformat()}
    outbox.publish("order.refunded", key=key, payload=payload, at=at)
