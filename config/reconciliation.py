"""What `manage.py reconcile` compares: one function a room, by the name that it is asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from notes.services import reconciliation as notes
from orders.services import coupons
from orders.services import reconciliation as ledger
from redshop.catalog.services import reconciliation as stock
from redshop.conversion.services import reconciliation as conversion
from redshop.conversion.services import snapshots
from redshop.core.reconciliation import Comparison
from redshop.studio.services import trials

COMPARISONS: Final[Mapping[str, Callable[[], Comparison]]] = {
    "stock": stock.compare,
    "ledger": ledger.compare,
    "coupons": coupons.compare,
    "notes": notes.compare,
    "words": notes.compare_index,
    "conversion": conversion.compare,
    "snapshots": snapshots.compare,
    "trials": trials.compare,
}
