"""The counters of stock, compared with the sums of its movements."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce

from redshop.catalog.models import Sku, StockMovement
from redshop.core.reconciliation import Comparison


def compare() -> Comparison:
    """Compare what each SKU says of its units with what its movements add up to.

    The differences come from one statement, so that sales meanwhile make none.
    """
    scope = f"{Sku.objects.count()} SKUs, {StockMovement.objects.count()} movements"
    return Comparison(scope=scope, differences=_differences())


def _differences() -> Iterator[str]:
    for sku in _differing():
        for counter in ("on_hand", "reserved"):
            kept, moved = getattr(sku, counter), getattr(sku, f"moved_{counter}")
            if kept != moved:
                name = counter.replace("_", " ")
                yield f"SKU {sku.code}: {kept} {name}, but its movements add up to {moved}"


def _differing() -> QuerySet[Any]:
    """Return the SKUs whose counters and movements differ, in their order."""
    summed = Sku.objects.annotate(
        moved_on_hand=Coalesce(Sum("movements__on_hand"), 0),
        moved_reserved=Coalesce(Sum("movements__reserved"), 0),
    )
    agreeing = {"on_hand": F("moved_on_hand"), "reserved": F("moved_reserved")}
    return summed.exclude(**agreeing).order_by("pk")
