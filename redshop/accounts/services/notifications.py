"""What a person is told about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from redshop.accounts.models import Block, Notification
from redshop.core.db import requires_transaction


@requires_transaction
def notify(
    *,
    recipient_id: int,
    kind: str,
    at: datetime,
    actor_id: int | None = None,
    subject: Mapping[str, Any] | None = None,
) -> None:
    """Tell a person what happened; a step for services and for consumers of facts.

    The same kind, actor and ``subject`` (ids of what it is about) are told once, however often
    it happens. Nobody is told of what they did themselves, nor of those with whom they have a
    block.
    """
    if actor_id == recipient_id:
        return
    if actor_id is not None and Block.objects.between(actor_id, recipient_id).exists():
        return
    row = Notification(
        recipient_id=recipient_id,
        actor_id=actor_id,
        kind=Notification.Kind(kind),
        subject=dict(subject or {}),
        created_at=at,
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic(durable=True)
def mark_read(*, person_id: int, up_to_id: int | None, at: datetime) -> int:
    """Mark a person's notifications as read, all or up to one; return how many were unread."""
    unread = Notification.objects.filter(recipient_id=person_id, read_at=None)
    if up_to_id is not None:
        unread = unread.filter(pk__lte=up_to_id)
    return unread.update(read_at=at)
