"""What questions to sums have in common: how fresh sums must be to answer."""

from datetime import datetime, timedelta
from typing import Final

from redshop.conversion.models import RollUp

#: Older sums are not shown; what is asked is then computed.
OLDEST: Final = timedelta(minutes=5)


def fresh_at(of: RollUp.Of, *, at: datetime) -> datetime | None:
    """Return as of when sums are there, None where there are none or nobody kept them up."""
    return (
        RollUp.objects.filter(pk=of, fresh_at__gte=at - OLDEST)
        .values_list("fresh_at", flat=True)
        .first()
    )
