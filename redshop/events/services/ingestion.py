"""Taking what clients report: good rows kept once, bad rows kept aside, all of it or nothing."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from redshop.core.populations import Population
from redshop.events import partitions
from redshop.events.errors import BatchTooLarge
from redshop.events.kinds import Source
from redshop.events.models import EventId
from redshop.events.services import writing
from redshop.events.services.rejection import (
    LONGEST_ID,
    Rejected,
    fingerprint,
    readable,
    set_aside,
)
from redshop.events.services.validation import Refusal, Row, judge
from redshop.events.suspicion import Suspicion, minute_of
from redshop.events.types import Batch, Ingested, Rejection

MOST_ROWS: Final = 1_000
_ABOUT_THE_BATCH: Final = (
    "received_at",
    "person_id",
    "visitor_id",
    "session_id",
    "currency",
    "population",
    "source",
    "suspicion",
)
_COLUMNS: Final = (*Row._fields, *_ABOUT_THE_BATCH)


def ingest(
    *,
    batch: Batch,
    person_id: int | None,
    received_at: datetime,
    population: str = Population.REAL,
) -> Ingested:
    """Keep the good rows of a batch, each id once; when this returns they are committed.

    Bad rows are kept aside with their reason. A row whose id is known is a duplicate. Whoever
    withdrew consent to analytics is left out of their events.

    Raises:
        BatchTooLarge: it has more than 1,000 rows.
    """
    if len(batch.rows) > MOST_ROWS:
        raise BatchTooLarge
    skew = received_at - batch.sent_at
    judged = [judge(row, received_at=received_at, skew=skew) for row in batch.rows]
    partitions.cover(_ends([row.occurred_at for row in judged if isinstance(row, Row)]))
    return _keep(batch, judged, person_id=person_id, received_at=received_at, population=population)


def _ends(moments: Sequence[datetime]) -> set[datetime]:
    """Return the first and the last: what is taken is of 30 days, so of their months at most."""
    return {min(moments), max(moments)} if moments else set()


@transaction.atomic(durable=True)
def _keep(
    batch: Batch,
    judged: Sequence[Row | Refusal],
    *,
    person_id: int | None,
    received_at: datetime,
    population: str,
) -> Ingested:
    good: dict[str, Row] = {}
    for row in judged:
        if isinstance(row, Row):
            good.setdefault(row.id, row)
    minutes = {event_id: minute_of(row.occurred_at) for event_id, row in good.items()}
    taken = writing.take(
        minutes,
        sender=fingerprint("sender", str(person_id or batch.visitor_id)),
        person_id=person_id,
        visitor_id=batch.visitor_id,
        received_at=received_at,
    )
    who = (person_id, _text(batch.visitor_id), _text(batch.session_id))
    if taken.is_withdrawn:
        who = (None, None, None)
    rest = (received_at, *who, "", str(population), Source.CLIENT.value)
    marks = dict.fromkeys(taken.floods, Suspicion.FLOOD.value)
    otherwise = Suspicion.BOT.value if batch.is_by_bot else Suspicion.NONE.value
    writing.copy(
        _COLUMNS,
        [
            (
                *(row._replace(request_id=None) if taken.is_withdrawn else row),
                *rest,
                otherwise or marks.get(minutes[event_id], ""),
            )
            for event_id, row in good.items()
            if event_id in taken.ids
        ],
    )
    rejected = _rejections(batch.rows, judged)
    sender = str(batch.visitor_id or person_id)
    sent_by = (None, None) if taken.is_withdrawn else (person_id, batch.visitor_id)
    set_aside(
        [_as_it_came(batch, each, sender=sender, who=sent_by) for each in rejected],
        received_at=received_at,
    )
    return Ingested(
        accepted=len(taken.ids),
        duplicates=len(judged) - len(taken.ids) - len(rejected),
        rejected=tuple(rejected),
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _rejections(rows: Sequence[Any], judged: Sequence[Row | Refusal]) -> list[Rejection]:
    """Return what is refused; what is only out of time, and was taken in its time, is not."""
    late = [row.id for row in judged if isinstance(row, Refusal) and row.id]
    known = {str(pk) for pk in EventId.objects.filter(pk__in=late).values_list("pk", flat=True)}
    return [
        Rejection(index, _id_of(rows[index]), row.code, row.message)
        for index, row in enumerate(judged)
        if isinstance(row, Refusal) and row.id not in known
    ]


def _as_it_came(
    batch: Batch, rejection: Rejection, *, sender: str, who: tuple[int | None, UUID | None]
) -> Rejected:
    """Return a bad row for the analyst; one without an id cannot be recognised again."""
    body = json.dumps(batch.rows[rejection.index], ensure_ascii=False, default=str)
    place = (sender, str(batch.session_id), str(rejection.index))
    return Rejected(
        person_id=who[0],
        visitor_id=who[1],
        event_id=rejection.id or "",
        code=rejection.code,
        message=rejection.message,
        body=body,
        fingerprint=fingerprint(*place, body) if rejection.id else None,
    )


def _id_of(row: Any) -> str | None:
    given = row.get("id") if isinstance(row, Mapping) else None
    return readable(given)[:LONGEST_ID] if isinstance(given, str) else None
