"""Stock: reserved at checkout, consumed on shipment, given back when an order ends early.

Each move is one UPDATE, and the movement that records it is written by the trigger of that UPDATE
(ADR 7). What causes it travels inside the statement and is forgotten with its end.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from redshop.catalog.errors import CountedBelowReserved
from redshop.catalog.errors import OutOfStock as OutOfStock
from redshop.catalog.models import Sku, StockMovement
from redshop.catalog.models.stock import CAUSE
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import NotFound
from redshop.core.prepared import prepared

Kind = StockMovement.Kind

_ADD: Final = f"""
UPDATE catalog_sku
SET on_hand = on_hand
        + %(on_hand)s * (%(units)s::int[])[array_position(%(ids)s::bigint[], id)],
    reserved = reserved
        + %(reserved)s * (%(units)s::int[])[array_position(%(ids)s::bigint[], id)]
WHERE id = ANY (%(ids)s::bigint[]) AND set_config('{CAUSE}', %(cause)s, true) <> ''
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why units move: what kind of movement, when, for what, and by whom where by hand."""

    kind: Kind
    at: datetime
    reference: UUID | None = None
    by_id: int | None = None
    reason: str = ""

    def __str__(self) -> str:
        said = {
            "kind": self.kind.value,
            "at": self.at.isoformat(),
            "reference": self.reference and str(self.reference),
            "by_id": self.by_id,
            "reason": self.reason,
        }
        return json.dumps(said)


@requires_transaction
def lock(sku_ids: Collection[int]) -> None:
    """Lock several SKUs in their order, before moves of some of them; one needs no order.

    Locks: the SKUs, in primary-key order.
    """
    if len(sku_ids) > 1:
        list(Sku.objects.filter(pk__in=sku_ids).locked().values_list("pk", flat=True))


@requires_transaction
def reserve(quantities: Mapping[int, int], *, reference: UUID, at: datetime) -> list[Sku]:
    """Hold units of the SKUs for an order; return the SKUs as they were locked, by id.

    Each comes with its product, brand and merchant.

    Locks: the SKUs, in primary-key order.

    Raises:
        OutOfStock: some SKU cannot cover its quantity; nothing is reserved.
    """
    skus = _offered(sku_ids=sorted(quantities))
    short = [sku.pk for sku in skus if sku.available < quantities[sku.pk]]
    missing = sorted(set(quantities) - {sku.pk for sku in skus})
    if short or missing:
        raise OutOfStock(sku_ids=sorted([*short, *missing]))
    cause = Cause(kind=Kind.RESERVED, reference=reference, at=at)
    _add(quantities, cause, on_hand=0, reserved=1)
    return skus


@prepared
def _offered(*, sku_ids: list[int]) -> QuerySet[Sku]:
    """Lock what is on sale of these SKUs and find what each belongs to."""
    offered = Sku.objects.on_sale().filter(pk__in=sku_ids, product__is_listed=True)
    return offered.select_related("product__brand__merchant").locked()


@requires_transaction
def release(quantities: Mapping[int, int], *, reference: UUID, at: datetime) -> None:
    """Give back units that an order held.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    cause = Cause(kind=Kind.RELEASED, reference=reference, at=at)
    _add(quantities, cause, on_hand=0, reserved=-1)


@requires_transaction
def consume(quantities: Mapping[int, int], *, reference: UUID, at: datetime) -> None:
    """Take shipped units out of the warehouse and out of what is held.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    cause = Cause(kind=Kind.SHIPPED, reference=reference, at=at)
    _add(quantities, cause, on_hand=-1, reserved=-1)


@requires_transaction
def write_off(quantities: Mapping[int, int], *, reference: UUID, at: datetime) -> None:
    """Give up units that an order held and that can be neither shipped nor sold again.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    cause = Cause(kind=Kind.WRITTEN_OFF, reference=reference, at=at)
    _add(quantities, cause, on_hand=-1, reserved=-1)


@requires_transaction
def restock(quantities: Mapping[int, int], *, reference: UUID, at: datetime) -> None:
    """Put units that came back from a buyer on sale again.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    cause = Cause(kind=Kind.RESTOCKED, reference=reference, at=at)
    _add(quantities, cause, on_hand=1, reserved=0)


@requires_transaction
def enter(quantities: Mapping[int, int], *, at: datetime) -> None:
    """Put into the warehouse what is there when the life of new SKUs begins.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    _add(quantities, Cause(kind=Kind.OPENING, at=at), on_hand=1, reserved=0)


@requires_transaction
def receive(
    quantities: Mapping[int, int],
    *,
    at: datetime,
    reference: UUID | None = None,
    by_id: int | None = None,
    reason: str = "",
) -> None:
    """Put what a supplier delivered into the warehouse.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    cause = Cause(kind=Kind.RECEIVED, reference=reference, by_id=by_id, reason=reason, at=at)
    _add(quantities, cause, on_hand=1, reserved=0)


#: ``receive`` in a transaction of its own.
receive_delivery = use_case(receive)


@requires_transaction
def count(
    *, sku_id: int, units: int, at: datetime, by_id: int | None = None, reason: str = ""
) -> int:
    """Have the units on hand be what a person counted; return how many more they are now.

    Locks: the SKU.

    Raises:
        NotFound: there is no such SKU.
        CountedBelowReserved: placed orders hold more units than were counted.
    """
    sku = Sku.objects.filter(pk=sku_id).locked().first()
    if sku is None:
        raise NotFound
    if units < sku.reserved:
        raise CountedBelowReserved(reserved=sku.reserved)
    difference = units - sku.on_hand
    cause = Cause(kind=Kind.COUNTED, by_id=by_id, reason=reason, at=at)
    _add({sku_id: difference}, cause, on_hand=1, reserved=0)
    return difference


#: ``count`` in a transaction of its own.
count_stock = use_case(count)


def _add(quantities: Mapping[int, int], cause: Cause, *, on_hand: int, reserved: int) -> None:
    """Change the counters of SKUs that are locked; one statement, whatever their number.

    ``on_hand`` and ``reserved`` are the signs with which the units count.
    """
    values: dict[str, Any] = {
        "ids": list(quantities),
        "units": list(quantities.values()),
        "on_hand": on_hand,
        "reserved": reserved,
        "cause": str(cause),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
