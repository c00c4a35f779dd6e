"""The record of what was done about content: by whom, when, to what."""

from datetime import datetime
from typing import Any

from notes.models import AuditEntry
from redshop.core.db import requires_transaction


@requires_transaction
def note_down(
    action: str, *, subject: str, actor_id: int | None, at: datetime, **details: Any
) -> None:
    """Write down what is done, in the transaction that does it; details hold nobody's words."""
    AuditEntry.objects.create(
        at=at, actor_id=actor_id, action=action, subject=subject, details=details
    )
