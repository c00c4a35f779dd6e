"""What is done with single parcels of an order, on its page."""

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from orders.admin.buttons import Button
from orders.admin.unit_forms import DeliverParcelsForm, ShipUnitsForm
from orders.models import Order
from orders.moves import has_parcel_under_way
from orders.services import fulfilment
from orders.states import OrderState


def open_parcel_buttons(order: Order) -> frozenset[str]:
    """Return the names of what may be done with parcels now."""
    legal = {
        _SHIP.attribute: order.state == OrderState.PAID,
        _DELIVER.attribute: has_parcel_under_way(order),
    }
    return frozenset(name for name, is_legal in legal.items() if is_legal)


def _ship(_: HttpRequest, order_id: str, answers: dict[str, Any]) -> str:
    fulfilment.ship_order(
        order_id=UUID(order_id),
        part_id=answers["part_id"],
        quantities=answers["units"],
        carrier=answers["carrier"],
        tracking=answers["tracking"],
        at=timezone.now(),
    )
    return f"{_counted(sum(answers['units'].values()), 'unit')} shipped."


def _deliver(_: HttpRequest, order_id: str, answers: dict[str, Any]) -> str:
    parcels = answers["parcels"]
    fulfilment.deliver_order(order_id=UUID(order_id), parcel_ids=parcels, at=timezone.now())
    return f"{_counted(len(parcels), 'parcel')} delivered."


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


_SHIP: Final = Button(
    name="ship_units",
    label="Ship some",
    question="The chosen units of one merchant go out in one parcel; the others wait.",
    icon="package",
    form=ShipUnitsForm,
    press=_ship,
)
_DELIVER: Final = Button(
    name="deliver_parcels",
    label="Deliver some",
    question="The chosen parcels have arrived; the others are still under way.",
    icon="where_to_vote",
    form=DeliverParcelsForm,
    press=_deliver,
)
PARCEL_BUTTONS: Final = (_SHIP, _DELIVER)
