"""What the rules need to know of the shop to answer one question, as relations of PostgreSQL.

They are few beside the events: a question's conversions and refunds, the notes that show what was
bought, and the visitors whom the buyers once were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from django.db import connection

from redshop.conversion.rules import CLICKS, VIEW_HOURS

#: Nothing and an empty text are different things.
NOTHING: Final = "\\N"


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation by its name: its columns with their types, and the statement that answers it."""

    name: str
    columns: Mapping[str, str]
    statement: str


#: ``lines`` answers line_id of every conversion in question; ``window_days`` is a parameter.
CONVERSIONS: Final = f"""
SELECT line.id AS line_id, orders_order.buyer_id AS person_id, line.product_id,
       orders_order.paid_at AS converted_at,
       orders_order.paid_at - %(window_days)s * INTERVAL '24 hours' AS clicks_since,
       orders_order.paid_at - INTERVAL '{VIEW_HOURS} hours' AS views_since,
       line.total_minor AS amount_minor, %(window_days)s::bigint AS window_days
FROM orders_orderline AS line
JOIN orders_order ON orders_order.id = line.order_id
WHERE orders_order.paid_at IS NOT NULL AND line.id IN ({{lines}})
"""  # noqa: S608 - constants
#: Every refund of the conversions, whenever it was.
GIVEN_BACK: Final = """
SELECT refunded.line_id, refunded.refund_id, orders_refund.refunded_at, refunded.amount_minor
FROM orders_refundline AS refunded
JOIN orders_refund ON orders_refund.id = refunded.refund_id
WHERE refunded.line_id IN (SELECT line_id FROM conversions)
"""
_TAGS: Final = """
SELECT note_id, product_id, valid_from, valid_until FROM notes_producttag
WHERE product_id IN (SELECT product_id FROM conversions)
"""
_NOTES: Final = """
SELECT id, author_id, origin, is_sponsored, ai_use FROM notes_note
WHERE id IN (SELECT note_id FROM notes_producttag
             WHERE product_id IN (SELECT product_id FROM conversions))
"""
_IDENTITIES: Final = """
SELECT visitor_id, person_id FROM events_identity
WHERE person_id IN (SELECT person_id FROM conversions)
"""
#: What may be a touch in months that do not lie in the lake: of the people in question alone, by
#: the indexes that lead from people to their events.
_EVENTS: Final = """
SELECT DISTINCT event.id, event.kind, event.occurred_at, event.person_id, event.visitor_id,
       event.note_id, event.surface, event.suspicion
FROM (SELECT person_id, min(clicks_since) AS since, max(converted_at) AS until
      FROM conversions GROUP BY person_id) AS buyer
JOIN events_event AS event ON event.person_id = buyer.person_id
                          AND event.occurred_at BETWEEN buyer.since AND buyer.until
WHERE {months} AND event.note_id IS NOT NULL AND event.kind IN ({kinds})
UNION ALL
SELECT DISTINCT event.id, event.kind, event.occurred_at, event.person_id, event.visitor_id,
       event.note_id, event.surface, event.suspicion
FROM (SELECT person_id, min(clicks_since) AS since, max(converted_at) AS until
      FROM conversions GROUP BY person_id) AS buyer
JOIN events_identity ON events_identity.person_id = buyer.person_id
JOIN events_event AS event ON event.visitor_id = events_identity.visitor_id
                          AND event.person_id IS NULL
                          AND event.occurred_at BETWEEN buyer.since AND buyer.until
WHERE {months} AND event.note_id IS NOT NULL AND event.kind IN ({kinds})
"""
KINDS: Final = ", ".join(f"'{kind}'" for kind in (*CLICKS, "impression"))

EVENTS: Final = {
    "id": "UUID",
    "kind": "VARCHAR",
    "occurred_at": "TIMESTAMPTZ",
    "person_id": "BIGINT",
    "visitor_id": "UUID",
    "note_id": "BIGINT",
    "surface": "VARCHAR",
    "suspicion": "VARCHAR",
}
_COLUMNS: Final = {
    "conversions": {
        "line_id": "BIGINT",
        "person_id": "BIGINT",
        "product_id": "BIGINT",
        "converted_at": "TIMESTAMPTZ",
        "clicks_since": "TIMESTAMPTZ",
        "views_since": "TIMESTAMPTZ",
        "amount_minor": "BIGINT",
        "window_days": "BIGINT",
    },
    "given_back": {
        "line_id": "BIGINT",
        "refund_id": "UUID",
        "refunded_at": "TIMESTAMPTZ",
        "amount_minor": "BIGINT",
    },
    "notes_producttag": {
        "note_id": "BIGINT",
        "product_id": "BIGINT",
        "valid_from": "TIMESTAMPTZ",
        "valid_until": "TIMESTAMPTZ",
    },
    "notes_note": {
        "id": "BIGINT",
        "author_id": "BIGINT",
        "origin": "VARCHAR",
        "is_sponsored": "BOOLEAN",
        "ai_use": "VARCHAR",
    },
    "events_identity": {"visitor_id": "UUID", "person_id": "BIGINT"},
}
_STATEMENTS: Final = {
    "conversions": "SELECT * FROM conversions",
    "given_back": GIVEN_BACK,
    "notes_producttag": _TAGS,
    "notes_note": _NOTES,
    "events_identity": _IDENTITIES,
}


def relations(*, lines: str) -> list[Relation]:
    """Return what a question over these lines needs, but for the events."""
    return [
        Relation(name, columns, _of(lines, _STATEMENTS[name])) for name, columns in _COLUMNS.items()
    ]


def live_events(*, lines: str, but_not: list[date]) -> Relation:
    """Return the events in question, but those of months that are read elsewhere."""
    months = " AND ".join(
        f"NOT (event.occurred_at >= '{month} 00:00:00+00'"
        f" AND event.occurred_at < timestamptz '{month} 00:00:00+00' + INTERVAL '1 month')"
        for month in but_not
    )
    statement = _EVENTS.format(months=months or "true", kinds=KINDS)
    return Relation("live_event", EVENTS, _of(lines, statement))


def _of(lines: str, statement: str) -> str:
    conversions = CONVERSIONS.format(lines=lines)
    return f"WITH conversions AS MATERIALIZED ({conversions}) {statement}"


def copy_out(relation: Relation, values: Mapping[str, Any], target: Path) -> None:
    """Write a relation into a CSV file, as it is in the present transaction."""
    statement = f"COPY ({relation.statement}) TO STDOUT (FORMAT csv, NULL '{NOTHING}')"
    with (
        connection.cursor() as cursor,
        cursor.copy(statement, values) as pipe,
        target.open("wb") as file,
    ):
        for part in pipe:
            file.write(part)
