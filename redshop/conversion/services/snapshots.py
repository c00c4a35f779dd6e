"""Snapshots of notes at T+1, 7, 15, 30, 60 and 90: taken once each moment has passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from redshop.conversion.models import NoteSnapshot
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.selectors.subjects import ENGAGING, KINDS
from redshop.core.reconciliation import Comparison
from redshop.events.services.validation import LATEST

DAYS: Final = (1, 7, 15, 30, 60, 90)
#: What is being reported or attributed at the moment is let arrive.
MARGIN: Final = timedelta(hours=1)
NOTES_AT_ONCE: Final = 1_000
_ANY_TIME: Final = datetime(2100, 1, 1, tzinfo=UTC)

#: Due: never taken; or taken while reports of that time could still come, which they now cannot.
_DUE: Final = """
SELECT notes_note.id, notes_note.published_at + %(days)s * INTERVAL '24 hours' AS until
FROM notes_note
LEFT JOIN conversion_notesnapshot AS taken
  ON taken.note_id = notes_note.id AND taken.days = %(days)s
WHERE notes_note.published_at + %(days)s * INTERVAL '24 hours' <= %(passed)s
  AND (taken.id IS NULL
       OR (NOT taken.is_final
           AND notes_note.published_at + %(days)s * INTERVAL '24 hours' <= %(final)s))
ORDER BY notes_note.id LIMIT %(limit)s
"""
_FIGURES: Final = f"""
WITH due AS (
    SELECT * FROM unnest(%(note_ids)s::bigint[], %(untils)s::timestamptz[]) AS given (id, until)
),
people AS (
    SELECT due.id, due.until,
           coalesce(coalesce(event.person_id, events_identity.person_id)::text,
                    event.visitor_id::text) AS actor, {
    ", ".join(
        f"count(*) FILTER (WHERE event.kind = '{kind}') AS {name}" for name, kind in KINDS.items()
    )
}
    FROM due
    LEFT JOIN events_event AS event
      ON event.note_id = due.id AND event.occurred_at < due.until AND event.suspicion = ''
     AND event.occurred_at >= %(since)s AND event.occurred_at < %(latest)s
    LEFT JOIN events_identity ON event.person_id IS NULL
                             AND events_identity.visitor_id = event.visitor_id
    GROUP BY 1, 2, 3
)
SELECT id AS note_id, until, {", ".join(f"sum({name})::bigint AS {name}" for name in KINDS)},
       count(*) FILTER (WHERE impressions > 0) AS people,
       count(*) FILTER (WHERE opens > 0) AS openers,
       count(*) FILTER (WHERE impressions > 0 AND opens > 0) AS saw_and_opened,
       count(*) FILTER (WHERE {" + ".join(ENGAGING)} > 0) AS engaged
FROM people GROUP BY id, until
"""  # noqa: S608 - constants
_CREDITS: Final = """
SELECT due.id AS note_id, credit.model, credit.currency,
       coalesce(sum(credit.weight_billionths) FILTER (WHERE credit.refund_id IS NULL), 0)::bigint
           AS weight,
       coalesce(sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NULL), 0)::bigint
           AS gross,
       -coalesce(sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NOT NULL), 0)::bigint
           AS refunded
FROM unnest(%(note_ids)s::bigint[], %(untils)s::timestamptz[]) AS due (id, until)
JOIN conversion_credit AS credit ON credit.note_id = due.id
JOIN orders_orderline AS line ON line.id = credit.line_id
JOIN orders_order ON orders_order.id = line.order_id AND orders_order.paid_at < due.until
LEFT JOIN orders_refund ON orders_refund.id = credit.refund_id
WHERE credit.refund_id IS NULL OR orders_refund.refunded_at < due.until
GROUP BY 1, 2, 3
HAVING sum(credit.weight_billionths) <> 0 OR sum(credit.amount_minor) <> 0
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A note and the moment as of which it is looked at."""

    note_id: int
    until: datetime


def take(*, at: datetime) -> int:
    """Take every snapshot that is due, a thousand notes in a transaction; return how many."""
    taken = 0
    for days in DAYS:
        while some := _take(days, at=at):
            taken += some
    return taken


@transaction.atomic(durable=True)
def _take(days: int, *, at: datetime) -> int:
    values: dict[str, Any] = {
        "days": days,
        "passed": at - MARGIN,
        "final": at - MARGIN - LATEST,
        "limit": NOTES_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, values)
        due = [Due(*row) for row in cursor.fetchall()]
    rows = list(_computed(due, days=days, at=at))
    NoteSnapshot.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["note", "days"],
        update_fields=["until", "figures", "credits", "computed_at", "is_final"],
    )
    return len(rows)


def compare() -> Comparison:
    """Compare every final snapshot with what the log and the ledger say now."""
    rows = list(NoteSnapshot.objects.filter(is_final=True).order_by("pk"))
    return Comparison(scope=f"{len(rows)} final snapshots", differences=_differences(rows))


def _differences(rows: Sequence[NoteSnapshot]) -> Iterator[str]:
    for start in range(0, len(rows), NOTES_AT_ONCE):
        some = rows[start : start + NOTES_AT_ONCE]
        for days in DAYS:
            kept = {row.note_id: row for row in some if row.days == days}
            due = [Due(row.note_id, row.until) for row in kept.values()]
            for row in _computed(due, days=days, at=_ANY_TIME):
                old = kept[row.note_id]
                if (old.figures, old.credits) != (row.figures, row.credits):
                    was, is_ = (old.figures, old.credits), (row.figures, row.credits)
                    yield f"note {row.note_id} at T+{days}: kept {was}, computed {is_}"


def _computed(due: Sequence[Due], *, days: int, at: datetime) -> Iterator[NoteSnapshot]:
    if not due:
        return
    span = timedelta(hours=24) * days
    values: dict[str, Any] = {
        "note_ids": [each.note_id for each in due],
        "untils": [each.until for each in due],
        "since": min(each.until for each in due) - span,
        "latest": max(each.until for each in due),
    }
    credited: dict[int, dict[str, dict[str, list[int]]]] = {}
    for row in rows_of(_CREDITS, values):
        by_model = credited.setdefault(row["note_id"], {}).setdefault(row["model"], {})
        by_model[row["currency"]] = [row["weight"], row["gross"], row["refunded"]]
    for row in rows_of(_FIGURES, values):
        note_id, until = row.pop("note_id"), row.pop("until")
        yield NoteSnapshot(
            note_id=note_id,
            days=days,
            until=until,
            figures=row,
            credits=credited.get(note_id, {}),
            computed_at=at,
            is_final=until <= at - MARGIN - LATEST,
        )
