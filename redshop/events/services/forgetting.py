"""Taking a person out of the log: what was done stays, who did it and in which words does not."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Q

from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.events.models import ArchivedMonth, Forgotten, Identity, RejectedEvent

#: Every event becomes the person's by number, who is nobody by then, so that whoever counts
#: people or follows orders back counts as before.
_BLANK: Final = """
WITH blanked AS (
    UPDATE {table} SET person_id = %(person)s, visitor_id = NULL, session_id = NULL, query = ''
    WHERE {whose} AND (person_id IS NULL OR visitor_id IS NOT NULL OR session_id IS NOT NULL
                       OR query <> '')
    RETURNING occurred_at
)
SELECT DISTINCT CAST(date_trunc('month', occurred_at AT TIME ZONE 'UTC') AS date) FROM blanked
"""
#: Two statements, so that each is answered by its index.
_THEIRS: Final = (
    "person_id = %(person)s",
    "person_id IS NULL AND visitor_id = ANY(%(visitors)s)",
)
_UNREAD: Final = """
WITH gone AS (
    DELETE FROM events_unread WHERE visitor_id = ANY(%(visitors)s) RETURNING 1
)
INSERT INTO events_unread (person_id) SELECT %(person)s FROM gone LIMIT 1
"""


@requires_transaction
def forget(*, person_id: int, visitor_ids: Sequence[UUID], at: datetime) -> None:
    """Take devices and words out of what a person did; what a device did becomes theirs.

    Months that the lake holds too are written anew there later (``lake.rewriting``). Asks for the
    role that may change the log.
    """
    months = blank("events_event", person_id=person_id, visitor_ids=visitor_ids)
    for row in ArchivedMonth.objects.filter(month__in=months).locked():
        row.changes, row.verified_at = row.changes + 1, None
        row.save(update_fields=["changes", "verified_at"])
    theirs = Q(person_id=person_id) | Q(person_id=None, visitor_id__in=list(visitor_ids))
    RejectedEvent.objects.filter(theirs).delete()
    outbox.forget("visitor.joined", keys=[str(device) for device in visitor_ids])
    Identity.objects.filter(visitor_id__in=list(visitor_ids)).delete()
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, {"person": person_id, "visitors": list(visitor_ids)})
    if ArchivedMonth.objects.filter(exported_at__isnull=False).exists():
        Forgotten.objects.create(person_id=person_id, visitor_ids=list(visitor_ids), asked_at=at)


@requires_transaction
def blank(table: str, *, person_id: int, visitor_ids: Sequence[UUID]) -> set[date]:
    """Blank a person's rows of the log or of one month of it; return the months that changed."""
    told: dict[str, Any] = {"person": person_id, "visitors": list(visitor_ids)}
    months: set[date] = set()
    with connection.cursor() as cursor:
        for whose in _THEIRS:
            cursor.execute(_BLANK.format(table=table, whose=whose), told)
            months.update(month for (month,) in cursor)
    return months
