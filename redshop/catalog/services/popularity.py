"""How many units of each product were paid."""

from collections.abc import Mapping

from django.db.models import Case, F, IntegerField, Value, When

from redshop.catalog.models import Product
from redshop.core.db import LockableQuerySet, requires_transaction


@requires_transaction
def add_units(units: Mapping[int, int]) -> None:
    """Count units that were paid, by product.

    Locks: the products, in primary-key order (a single one by its own update).
    """
    sold: LockableQuerySet[Product] = LockableQuerySet(Product).filter(pk__in=units)
    if len(units) > 1:
        list(sold.locked().values_list("pk", flat=True))
    paid = Case(
        *(When(pk=product_id, then=Value(count)) for product_id, count in units.items()),
        output_field=IntegerField(),
    )
    sold.update(popularity=F("popularity") + paid)
