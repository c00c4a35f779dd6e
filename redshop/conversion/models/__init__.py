"""What this app keeps: credits, what was computed at some time, and sums."""

from redshop.conversion.models.credits import (
    MODELS,
    Attribution,
    AttributionQuerySet,
    Credit,
    Lookback,
)
from redshop.conversion.models.reports import ImportedLog, MarkovReport, NoteSnapshot
from redshop.conversion.models.rollups import (
    FunnelCell,
    FunnelTaking,
    FunnelWay,
    RollUp,
    SaleCell,
    SaleShare,
    UnreadSale,
)

__all__ = [
    "MODELS",
    "Attribution",
    "AttributionQuerySet",
    "Credit",
    "FunnelCell",
    "FunnelTaking",
    "FunnelWay",
    "ImportedLog",
    "Lookback",
    "MarkovReport",
    "NoteSnapshot",
    "RollUp",
    "SaleCell",
    "SaleShare",
    "UnreadSale",
]
