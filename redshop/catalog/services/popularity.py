"""How many units of each product were paid."""

from collections.abc import Mapping
from typing import Final

from django.db import connection

from redshop.catalog.models import Product
from redshop.core.db import LockableQuerySet, requires_transaction

_ADD: Final = """
UPDATE catalog_product SET popularity = popularity + sold.units
FROM unnest(%s::bigint[], %s::int[]) AS sold (product_id, units)
WHERE catalog_product.id = sold.product_id
"""


@requires_transaction
def add_units(units: Mapping[int, int]) -> None:
    """Count units that were paid, by product.

    Locks: the products, in primary-key order (a single one by its own update).
    """
    sold: LockableQuerySet[Product] = LockableQuerySet(Product).filter(pk__in=units)
    if len(units) > 1:
        list(sold.locked().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(units), list(units.values())])
