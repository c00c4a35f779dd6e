"""What a person is told about."""

from datetime import datetime
from typing import Any

from django.db import transaction

from redshop.accounts.models import Notification
from redshop.core.db import requires_transaction


@requires_transaction
def notify(
    *,
    recipient_id: int,
    kind: str,
    at: datetime,
    actor_id: int | None = None,
    subject: dict[str, Any] | None = None,
) -> None:
    """Tell a person what happened; nobody is told of what they did themselves."""
    if recipient_id != actor_id:
        Notification.objects.create(
            recipient_id=recipient_id,
            actor_id=actor_id,
            kind=kind,
            subject=subject or {},
            created_at=at,
        )


@transaction.atomic(durable=True)
def mark_read(*, person_id: int, up_to_id: int | None, at: datetime) -> int:
    """Mark a person's notifications as read, all or up to one; return how many were unread."""
    unread = Notification.objects.filter(recipient_id=person_id, read_at=None)
    if up_to_id is not None:
        unread = unread.filter(pk__lte=up_to_id)
    return unread.update(read_at=at)
