"""Groups of notes of which each viewer is offered one: made, weighed anew, let go."""

from collections.abc import Mapping
from datetime import datetime

from notes.models import Alternative
from redshop.core.db import requires_transaction


@requires_transaction
def weigh(group: str, *, propensities: Mapping[int, float], epoch: int, at: datetime) -> None:
    """Let a group be these notes, each offered with its chance, from now on."""
    release(group)
    Alternative.objects.bulk_create(
        Alternative(note_id=note_id, group=group, epoch=epoch, propensity=chance, since=at)
        for note_id, chance in sorted(propensities.items())
    )


@requires_transaction
def release(group: str) -> None:
    """Offer all notes of a group to everybody again."""
    Alternative.objects.filter(group=group).delete()
