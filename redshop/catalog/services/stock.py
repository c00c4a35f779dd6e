"""Stock: reserved at checkout, consumed on shipment, given back when an order ends early."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Case, F, IntegerField, Value, When

from redshop.catalog.errors import OutOfStock as OutOfStock
from redshop.catalog.models import Sku
from redshop.core.db import requires_transaction


@requires_transaction
def lock(sku_ids: Collection[int]) -> None:
    """Lock several SKUs in their order, before moves of some of them; one needs no order.

    Locks: the SKUs, in primary-key order.
    """
    if len(sku_ids) > 1:
        list(Sku.objects.filter(pk__in=sku_ids).locked().values_list("pk", flat=True))


@requires_transaction
def reserve(quantities: Mapping[int, int]) -> list[Sku]:
    """Hold units of the SKUs for an order; return the SKUs as they were locked, by id.

    Each comes with its product, brand and merchant.

    Locks: the SKUs, in primary-key order.

    Raises:
        OutOfStock: some SKU cannot cover its quantity; nothing is reserved.
    """
    offered = Sku.objects.on_sale().filter(pk__in=quantities, product__is_listed=True)
    skus = list(offered.select_related("product__brand__merchant").locked())
    short = [sku.pk for sku in skus if sku.available < quantities[sku.pk]]
    missing = sorted(set(quantities) - {sku.pk for sku in skus})
    if short or missing:
        raise OutOfStock(sku_ids=sorted([*short, *missing]))
    _add(quantities, on_hand=0, reserved=1)
    return skus


@requires_transaction
def release(quantities: Mapping[int, int]) -> None:
    """Give back units that an order held.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    _add(quantities, on_hand=0, reserved=-1)


@requires_transaction
def consume(quantities: Mapping[int, int]) -> None:
    """Take shipped units out of the warehouse and out of what is held.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    _add(quantities, on_hand=-1, reserved=-1)


@requires_transaction
def restock(quantities: Mapping[int, int]) -> None:
    """Put units into the warehouse: a delivery, or a return that can be sold again.

    Locks: the SKUs, in primary-key order.
    """
    lock(quantities)
    _add(quantities, on_hand=1, reserved=0)


@transaction.atomic(durable=True)
def receive_delivery(*, quantities: Mapping[int, int]) -> None:
    """Put what a supplier delivered into the warehouse.

    Locks: the SKUs, in primary-key order.
    """
    restock(quantities)


def _add(quantities: Mapping[int, int], *, on_hand: int, reserved: int) -> None:
    """Change the counters of SKUs that are locked; one statement, whatever their number."""
    units = Case(
        *(When(pk=sku_id, then=Value(quantity)) for sku_id, quantity in quantities.items()),
        output_field=IntegerField(),
    )
    changes = {"on_hand": on_hand, "reserved": reserved}
    Sku.objects.filter(pk__in=quantities).update(
        **{name: F(name) + Value(sign) * units for name, sign in changes.items() if sign}
    )
