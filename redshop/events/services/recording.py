"""What the server knows to be true, written in the transaction that makes it true."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7
from redshop.core.populations import Population
from redshop.events import partitions
from redshop.events.kinds import Source
from redshop.events.services import writing


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """An event of a kind that only the server may state."""

    kind: str
    occurred_at: datetime
    person_id: int | None
    population: str = Population.REAL
    visitor_id: UUID | None = None
    session_id: UUID | None = None
    surface: str = ""
    request_id: UUID | None = None
    note_id: int | None = None
    product_id: int | None = None
    author_id: int | None = None
    order_id: UUID | None = None
    quantity: int | None = None
    amount_minor: int | None = None
    currency: str = ""
    id: UUID = field(default_factory=uuid7)


_NAMES: Final = tuple(each.name for each in fields(ServerEvent))


@requires_transaction
def record(events: Sequence[ServerEvent], *, received_at: datetime | None = None) -> None:
    """Append server events; the caller vouches for them and owns the transaction.

    Whoever withdrew consent to analytics is left out of their events.
    """
    if not events:
        return
    partitions.cover(event.occurred_at for event in events)
    writing.append(
        [
            {
                **{name: getattr(event, name) for name in _NAMES},
                "received_at": received_at or event.occurred_at,
                "source": Source.SERVER,
            }
            for event in events
        ]
    )
