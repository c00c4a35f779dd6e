"""Marking what was found suspect later: the event stays, and counts no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from redshop.core.db import requires_transaction
from redshop.events.suspicion import LATER

_MARK: Final = """
UPDATE events_event SET suspicion = %(suspicion)s
FROM unnest(%(people)s::bigint[], %(notes)s::bigint[], %(moments)s::timestamptz[])
    AS found (person_id, note_id, occurred_at)
WHERE events_event.person_id = found.person_id AND events_event.note_id = found.note_id
  AND events_event.occurred_at = found.occurred_at AND events_event.kind = %(kind)s
  AND events_event.suspicion = ''
  AND events_event.occurred_at >= %(first)s AND events_event.occurred_at <= %(last)s
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did with a note, by which its event is found."""

    person_id: int
    note_id: int
    occurred_at: datetime


@requires_transaction
def mark(deeds: Sequence[Deed], *, kind: str, suspicion: str) -> int:
    """Leave deeds of a kind out of what is counted from now on; return how many events that were.

    For kinds on which no sums rest: those would have to be made anew.

    Raises:
        ValueError: it is no suspicion that comes later.
    """
    if suspicion not in LATER:
        raise ValueError(f"{suspicion!r} is judged when an event arrives, not later")
    if not deeds:
        return 0
    told: dict[str, Any] = {
        "suspicion": suspicion,
        "kind": kind,
        "people": [deed.person_id for deed in deeds],
        "notes": [deed.note_id for deed in deeds],
        "moments": [deed.occurred_at for deed in deeds],
        "first": min(deed.occurred_at for deed in deeds),
        "last": max(deed.occurred_at for deed in deeds),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MARK, told)
        return int(cursor.rowcount)
