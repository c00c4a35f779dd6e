"""Shipping, delivery and completion of what was paid."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from orders import carriers
from orders.errors import NothingToDeliver, NothingToShip, ParcelUnknown, ReturnOpen
from orders.models import Shipment, ShipmentLine
from orders.services import timers
from orders.services.holding import Held, add, advance, hold
from orders.services.standing import refresh
from orders.states import OrderState
from redshop.catalog.services import stock
from redshop.core.db import requires_transaction, use_case


@requires_transaction
def ship(
    *,
    order_id: UUID,
    part_id: int | None = None,
    quantities: Mapping[int, int] | None = None,
    carrier: str = "",
    tracking: str = "",
    at: datetime,
) -> list[Shipment]:
    """Ship units of lines, or all that is open of one part or of the order; a parcel a part.

    Lines of other parts than the one named are not shipped with it.

    A part is shipped once none of its units is open.

    Locks: the order row, then the SKUs in primary-key order.

    Raises:
        NotFound: there is no such order.
        WrongState: the order is not paid, or has ended.
        LineUnknown: a line is not of this order.
        QuantityNotPossible: a line has not that many open units.
        NothingToShip: no unit is open.
        CarrierUnknown: the shop knows no such carrier.
        TrackingInvalid: the carrier gives no such numbers.
    """
    number = carriers.normal(carrier=carrier, tracking=tracking)
    held = hold(order_id=order_id)
    held.require(OrderState.PAID)
    units = held.units(
        {
            line.pk: line.open_quantity
            for line in held.lines.values()
            if part_id in {None, line.part_id}
        },
        wanted=quantities,
    )
    if not units:
        raise NothingToShip
    shipments = _pack(held, units, carrier=carrier, tracking=number, at=at)
    stock.consume(held.by_sku(units), reference=held.order.pk, at=at)
    add(held, shipped_quantity=units)
    refresh(held, at=at)
    return shipments


@requires_transaction
def deliver(
    *,
    order_id: UUID,
    part_id: int | None = None,
    parcel_ids: Collection[int] | None = None,
    at: datetime,
) -> list[Shipment]:
    """Mark parcels that are under way, of one part or of the order, as delivered: those named,
    or all.

    Locks: the order row.

    Raises:
        NotFound: there is no such order.
        NothingToDeliver: no parcel is under way.
        ParcelUnknown: one that is named is not under way.
    """
    held = hold(order_id=order_id)
    under_way = Shipment.objects.filter(part__order=held.order, delivered_at=None).order_by("pk")
    shipments = [parcel for parcel in under_way if part_id in {None, parcel.part_id}]
    if not shipments:
        raise NothingToDeliver
    if parcel_ids is not None:
        shipments = [parcel for parcel in shipments if parcel.pk in parcel_ids]
        if len(shipments) != len(set(parcel_ids)) or not shipments:
            raise ParcelUnknown
    for parcel in shipments:
        parcel.delivered_at = at
    Shipment.objects.bulk_update(shipments, ["delivered_at"])
    refresh(held, at=at)
    return shipments


@requires_transaction
def complete(*, order_id: UUID, at: datetime) -> None:
    """Close an order that was delivered: the buyer keeps it.

    Locks: the order row.

    Raises:
        NotFound: there is no such order.
        WrongState: the order is not delivered.
        ReturnOpen: units of it are on their way back.
    """
    _complete(hold(order_id=order_id), at=at)


@requires_transaction
def complete_if_due(*, order_id: UUID, at: datetime) -> bool:
    """Close an order that was delivered COMPLETE_DAYS ago; tell whether it was closed now.

    Whatever happened since the timer was set is respected: an order that is closed stays so, an
    open return postpones it until it ends, and where the time is longer now, it is waited for.

    Locks: the order row.

    Raises:
        NotFound: there is no such order.
    """
    held = hold(order_id=order_id)
    if held.state != OrderState.DELIVERED or held.is_returning:
        return False
    due_at = timers.completion_due_at(held.order)
    if at < due_at:
        timers.start_completion(held.order, at=at, due_at=due_at)
        return False
    _complete(held, at=at)
    return True


def _complete(held: Held, *, at: datetime) -> None:
    held.require(OrderState.DELIVERED)
    if held.is_returning:
        raise ReturnOpen
    going = [part.pk for part in held.parts.values() if part.state == OrderState.DELIVERED]
    advance(held, parts_to=dict.fromkeys(going, OrderState.COMPLETED), at=at)


#: The steps above, each in a transaction of its own.
ship_order = use_case(ship)
deliver_order = use_case(deliver)
complete_order = use_case(complete)


def _pack(
    held: Held, units: Mapping[int, int], *, carrier: str, tracking: str, at: datetime
) -> list[Shipment]:
    """Write a parcel for each part that the units are of."""
    part_ids = sorted({held.lines[line_id].part_id for line_id in units})
    shipments = Shipment.objects.bulk_create(
        Shipment(part_id=part_id, carrier=carrier, tracking=tracking, shipped_at=at)
        for part_id in part_ids
    )
    parcel_of = dict(zip(part_ids, shipments, strict=True))
    ShipmentLine.objects.bulk_create(
        ShipmentLine(
            shipment=parcel_of[held.lines[line_id].part_id], line_id=line_id, quantity=quantity
        )
        for line_id, quantity in units.items()
    )
    return shipments
