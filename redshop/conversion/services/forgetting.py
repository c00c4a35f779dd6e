"""What sums must know of somebody before they can be forgotten."""

from collections.abc import Sequence
from uuid import UUID

from redshop.conversion.errors import SumsPending
from redshop.conversion.models import FunnelWay
from redshop.core.populations import Population


def check_read(*, visitor_ids: Sequence[UUID]) -> None:
    """Refuse to forget devices whose ways are not yet the person's: sums are seconds behind.

    Raises:
        SumsPending: that is so; the erasure is tried again.
    """
    actors = [f"{population}:{device}" for device in visitor_ids for population in Population]
    if FunnelWay.objects.filter(actor__in=actors).exists():
        raise SumsPending
