"""How rows get into the log: ids taken once, identities left out where consent is withdrawn."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import pgtrigger
from django.db import connection
from numpy.typing import NDArray

from redshop.core.copying import copy as copy_arrays
from redshop.core.db import requires_transaction
from redshop.core.writes import write
from redshop.events.suspicion import MOST_A_MINUTE

#: What leads to a person; empty in every event of someone who withdrew consent to analytics.
IDENTIFYING: Final = frozenset({"person_id", "visitor_id", "session_id", "request_id", "order_id"})

#: Every column of the log, by its type.
COLUMNS: Final = {
    "id": "uuid",
    "kind": "text",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "person_id": "bigint",
    "visitor_id": "uuid",
    "session_id": "uuid",
    "surface": "text",
    "request_id": "uuid",
    "note_id": "bigint",
    "product_id": "bigint",
    "author_id": "bigint",
    "order_id": "uuid",
    "position": "integer",
    "dwell_ms": "integer",
    "completion": "double precision",
    "query": "text",
    "quantity": "integer",
    "amount_minor": "bigint",
    "currency": "text",
    "population": "text",
    "source": "text",
    "suspicion": "text",
}
_TEXTS: Final = {name: "" for name, kind in COLUMNS.items() if kind == "text"}

#: Ids are taken in order, then minutes counted in order: no two batches can wait for one another.
_TAKE: Final = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(minutes)s::int[]) AS given (id, minute)
),
taken AS (
    INSERT INTO events_eventid (id, received_at) SELECT id, %(received_at)s FROM given
    ON CONFLICT DO NOTHING RETURNING id
),
paced AS (
    INSERT INTO events_pace AS known (sender, minute, events)
    SELECT %(sender)s, minute, count(*) FROM taken JOIN given USING (id)
    GROUP BY minute ORDER BY minute
    ON CONFLICT (sender, minute) DO UPDATE SET events = known.events + excluded.events
    RETURNING minute, events
)
SELECT (SELECT coalesce(array_agg(id::text), '{}') FROM taken),
       (SELECT coalesce(array_agg(minute), '{}') FROM paced WHERE events > %(most)s),
       EXISTS (SELECT FROM events_optout WHERE person_id = %(person_id)s)
       OR %(person_id)s::bigint IS NULL
          AND EXISTS (SELECT FROM events_identity JOIN events_optout USING (person_id)
                      WHERE visitor_id = %(visitor_id)s)
"""
#: Every join is by primary key: a probe or two for each row, however many there are of either.
_APPEND: Final = f"""
INSERT INTO events_event ({", ".join(COLUMNS)})
SELECT {
    ", ".join(
        f"CASE WHEN theirs.person_id IS NULL AND owners.person_id IS NULL THEN given.{name} END"
        if name in IDENTIFYING
        else f"given.{name}"
        for name in COLUMNS
    )
}
FROM json_to_recordset(%s) AS given ({", ".join(f"{n} {kind}" for n, kind in COLUMNS.items())})
LEFT JOIN events_optout AS theirs ON theirs.person_id = given.person_id
LEFT JOIN events_identity AS device ON device.visitor_id = given.visitor_id
                                   AND given.person_id IS NULL
LEFT JOIN events_optout AS owners ON owners.person_id = device.person_id
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants of this module only


@dataclass(frozen=True, slots=True)
class Taken:
    """Which ids were free, of which minutes their sender reported more than a person does, and
    whether their events must not lead to anyone."""

    ids: frozenset[str]
    floods: frozenset[int]
    is_withdrawn: bool


@requires_transaction
def take(
    ids: Mapping[str, int],
    *,
    sender: UUID,
    person_id: int | None,
    visitor_id: UUID | None,
    received_at: datetime,
) -> Taken:
    """Take the ids that nobody has taken; they are the caller's once the transaction commits.

    ``ids`` tells the minute of each. What is taken is counted to its sender's minutes.

    Locks: the ids, in order, so that two batches with ids in common cannot deadlock: the second
    waits and finds them taken; then the minutes of the sender, in order.
    """
    in_order = sorted(ids)
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {
                "ids": f"{{{','.join(in_order)}}}",
                "minutes": f"{{{','.join(str(ids[each]) for each in in_order)}}}",
                "sender": sender,
                "most": MOST_A_MINUTE,
                "person_id": person_id,
                "visitor_id": visitor_id,
                "received_at": received_at,
            },
        )
        taken, floods, is_withdrawn = cursor.fetchone()
    return Taken(ids=frozenset(taken), floods=frozenset(floods), is_withdrawn=is_withdrawn)


@requires_transaction
def copy(columns: Sequence[str], rows: Collection[Sequence[Any]]) -> None:
    """Write rows as they are, by COPY: the fastest way in."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY events_event ({', '.join(columns)}) FROM STDIN") as pipe,
    ):
        for row in rows:
            pipe.write_row(row)


@contextmanager
def marked_once(person_ids: Sequence[int]) -> Iterator[None]:
    """Import events of some people, all of whom are marked unread once, not by every batch."""
    with pgtrigger.ignore("events.Event:unread"), connection.cursor() as cursor:
        cursor.execute("SELECT")  # what is ignored is told with a statement, and COPY is none
        yield
    write(
        "INSERT INTO events_unread (person_id) SELECT * FROM unnest(%s::bigint[])",
        [list(person_ids)],
    )


@requires_transaction
def import_columns(columns: Mapping[str, NDArray[Any] | str]) -> int:
    """Write events that happened elsewhere or earlier, many at once; return how many.

    Their ids are not taken from the ledger of ids: nobody sends them again. The caller knows that
    nobody in them withdrew consent, and has made the partitions.

    Args:
        columns: as ``redshop.core.copying.copy`` takes them; texts that are left out are empty.
    """
    return copy_arrays("events_event", {**_TEXTS, **columns})


@requires_transaction
def append(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each by its own person's consent.

    A row whose id and moment are there already is left as it is.
    """
    write(_APPEND, [_given(rows)])


@requires_transaction
def append_new(rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Write rows as ``append`` does, and return the ids that were new."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_APPEND} RETURNING id::text", [_given(rows)])
        return frozenset(event_id for (event_id,) in cursor)


def _given(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps([{**_TEXTS, **row} for row in rows], default=str)
