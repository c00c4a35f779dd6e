"""Orders that were placed, paid and kept elsewhere, before this shop knew of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from orders.models import Order, OrderLine, OrderPart, Payment, Transition
from orders.states import OrderState, PaymentAttempt, PaymentState
from redshop.catalog.services import popularity
from redshop.core.db import requires_transaction
from redshop.core.populations import Population

METHOD: Final = "elsewhere"
_NOWHERE: Final = dict.fromkeys(
    ("name", "phone", "line1", "city", "region", "postcode", "country"), ""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """One SKU that was bought and kept; id and number are the same at every import."""

    id: UUID
    number: str
    buyer_id: int
    merchant_id: int
    product_id: int
    sku_id: int
    quantity: int
    unit_price_minor: int
    currency: str
    paid_at: datetime

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor


@requires_transaction
def import_orders(orders: Sequence[PastOrder], *, source: str) -> list[int]:
    """Write the orders that are not there yet, completed and paid; return their new lines.

    Nothing is taken from stock, no parcel is invented and no fact is published: what follows
    from history, the caller does at once for many.

    Locks: their products, in primary-key order.
    """
    known = set(Order.objects.filter(pk__in=[order.id for order in orders]).values_list("pk"))
    new = [order for order in orders if (order.id,) not in known]
    Order.objects.bulk_create([_order(past) for past in new])
    parts = OrderPart.objects.bulk_create(
        OrderPart(order_id=past.id, merchant_id=past.merchant_id, state=OrderState.COMPLETED)
        for past in new
    )
    lines = OrderLine.objects.bulk_create(
        _line(past, part) for past, part in zip(new, parts, strict=True)
    )
    Payment.objects.bulk_create(_payment(past) for past in new)
    Transition.objects.bulk_create(_transition(past, source=source) for past in new)
    if sold := _units(new):
        popularity.add_units(sold)
    return [line.pk for line in lines]


def _order(past: PastOrder) -> Order:
    return Order(
        id=past.id,
        number=past.number,
        buyer_id=past.buyer_id,
        state=OrderState.COMPLETED,
        payment_state=PaymentState.PAID,
        address=_NOWHERE,
        currency=past.currency,
        total_minor=past.total_minor,
        placed_at=past.paid_at,
        expires_at=past.paid_at + timedelta(microseconds=1),
        paid_at=past.paid_at,
        population=Population.REAL,
    )


def _line(past: PastOrder, part: OrderPart) -> OrderLine:
    return OrderLine(
        order_id=past.id,
        part=part,
        sku_id=past.sku_id,
        product_id=past.product_id,
        quantity=past.quantity,
        unit_price_minor=past.unit_price_minor,
        total_minor=past.total_minor,
        shipped_quantity=past.quantity,
    )


def _payment(past: PastOrder) -> Payment:
    return Payment(
        order_id=past.id,
        method=METHOD,
        state=PaymentAttempt.SUCCEEDED,
        amount_minor=past.total_minor,
        currency=past.currency,
        created_at=past.paid_at,
        settled_at=past.paid_at,
    )


def _transition(past: PastOrder, *, source: str) -> Transition:
    return Transition(
        order_id=past.id,
        from_state="",
        to_state=OrderState.COMPLETED,
        at=past.paid_at,
        reason=f"Imported from {source}",
    )


def _units(orders: Sequence[PastOrder]) -> dict[int, int]:
    units = Counter[int]()
    for order in orders:
        units[order.product_id] += order.quantity
    return units
