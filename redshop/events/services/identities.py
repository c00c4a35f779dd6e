"""Visitors who turn out to be people."""

from datetime import datetime
from uuid import UUID

from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.events.models import Identity


@requires_transaction
def join(*, visitor_id: UUID, person_id: int, at: datetime) -> bool:
    """Make the visitor's anonymous history the person's; tell whether it became theirs now.

    The first person who logs in on a visitor keeps it; a later one changes nothing.
    """
    created = (
        Identity.objects.bulk_create(
            [Identity(visitor_id=visitor_id, person_id=person_id, joined_at=at)],
            ignore_conflicts=True,
        )
        and Identity.objects.filter(
            visitor_id=visitor_id, person_id=person_id, joined_at=at
        ).exists()
    )
    if created:
        outbox.publish(
            "visitor.joined",
            key=str(visitor_id),
            payload={"visitor_id": str(visitor_id), "person_id": person_id},
            at=at,
        )
    return bool(created)
