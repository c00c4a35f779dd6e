"""Visitors who turn out to be people."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from redshop.core import outbox
from redshop.core.db import requires_transaction

_JOIN = """
INSERT INTO events_identity (visitor_id, person_id, joined_at)
SELECT %(visitor_id)s, %(person_id)s, %(at)s
WHERE NOT EXISTS (SELECT FROM events_optout WHERE person_id = %(person_id)s)
ON CONFLICT DO NOTHING
"""


@requires_transaction
def join(*, visitor_id: UUID, person_id: int, at: datetime) -> bool:
    """Make the visitor's anonymous history the person's; tell whether it became theirs now.

    The first person who logs in on a visitor keeps it; a later one changes nothing. Of two who
    come at once, the second waits until the first is certain. Of someone who withdrew consent to
    analytics nothing anonymous becomes theirs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, {"visitor_id": visitor_id, "person_id": person_id, "at": at})
        is_new = bool(cursor.rowcount)
    if is_new:
        outbox.publish(
            "visitor.joined",
            key=str(visitor_id),
            payload={"visitor_id": str(visitor_id), "person_id": person_id},
            at=at,
        )
    return is_new
