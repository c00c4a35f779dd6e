"""How many units of each product were paid."""

from collections.abc import Mapping
from typing import Final

from redshop.core.db import requires_transaction
from redshop.core.writes import write

_ADD: Final = """
UPDATE catalog_product SET popularity = popularity + sold.units
FROM (SELECT id FROM catalog_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE) AS locked
JOIN unnest(%s::bigint[], %s::int[]) AS sold (product_id, units) ON sold.product_id = locked.id
WHERE catalog_product.id = locked.id
"""


@requires_transaction
def add_units(units: Mapping[int, int]) -> None:
    """Count units that were paid, by product.

    Locks: the products, in primary-key order.
    """
    product_ids = list(units)
    write(_ADD, [product_ids, product_ids, list(units.values())])
