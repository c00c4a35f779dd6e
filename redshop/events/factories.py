"""Events that could have happened, for tests and for developers."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import factory
from factory.django import DjangoModelFactory

from redshop.core.ids import uuid7
from redshop.core.populations import Population
from redshop.events import partitions
from redshop.events.kinds import EventKind, Source, Surface
from redshop.events.models import (
    ArchivedMonth,
    Event,
    EventId,
    Forgotten,
    Identity,
    OptOut,
    RejectedEvent,
    Unread,
)
from redshop.events.types import Batch

MOMENT = datetime(2026, 3, 20, 12, tzinfo=UTC)


class EventFactory(DjangoModelFactory[Event]):
    """Somebody saw a note in the explore feed."""

    class Meta:
        model = Event

    id = factory.LazyAttribute(lambda event: uuid7(event.occurred_at))
    kind = EventKind.IMPRESSION
    occurred_at = MOMENT
    received_at = factory.SelfAttribute("occurred_at")
    visitor_id = factory.LazyFunction(uuid4)
    surface = Surface.EXPLORE
    population = Population.REAL
    source = Source.CLIENT

    @classmethod
    def _create(cls, model_class: type[Event], *args: Any, **kwargs: Any) -> Event:
        partitions.ensure(since=kwargs["occurred_at"], until=kwargs["occurred_at"])
        made: Event = super()._create(model_class, *args, **kwargs)
        return made


class EventIdFactory(DjangoModelFactory[EventId]):
    """An id that was taken."""

    class Meta:
        model = EventId

    id = factory.LazyFunction(uuid4)
    received_at = MOMENT


class RejectedEventFactory(DjangoModelFactory[RejectedEvent]):
    """A row that claimed what only the server may state."""

    class Meta:
        model = RejectedEvent

    received_at = MOMENT
    event_id = factory.LazyFunction(lambda: str(uuid4()))
    code = "server_kind"
    message = "Only the server states events of this kind."
    body = factory.LazyAttribute(lambda row: f'{{"id": "{row.event_id}", "kind": "like"}}')
    fingerprint = factory.LazyFunction(uuid4)


class ForgottenFactory(DjangoModelFactory[Forgotten]):
    """Somebody without whom the lake is not written yet."""

    class Meta:
        model = Forgotten

    person_id = factory.Sequence(lambda n: 700_000 + n)
    asked_at = MOMENT


class IdentityFactory(DjangoModelFactory[Identity]):
    """A visitor who turned out to be a person."""

    class Meta:
        model = Identity

    visitor_id = factory.LazyFunction(uuid4)
    person_id = factory.Sequence(lambda n: n + 1)
    joined_at = MOMENT


class ArchivedMonthFactory(DjangoModelFactory[ArchivedMonth]):
    """A month without any events, as the lake holds it."""

    class Meta:
        model = ArchivedMonth

    month = factory.Sequence(lambda n: date(2000 + n // 12, n % 12 + 1, 1))
    edition = 1
    exported_at = MOMENT
    verified_at = MOMENT


class UnreadFactory(DjangoModelFactory[Unread]):
    """A mark of a person whose events are to be read again."""

    class Meta:
        model = Unread

    person_id = factory.Sequence(lambda n: n + 1)


class OptOutFactory(DjangoModelFactory[OptOut]):
    """A person who withdrew consent to analytics."""

    class Meta:
        model = OptOut

    person_id = factory.Sequence(lambda n: n + 1)
    since = MOMENT


def row(**fields: Any) -> dict[str, Any]:
    """Return a row of a batch as a client writes it: an impression at MOMENT."""
    return {
        "id": str(uuid7()),
        "kind": "impression",
        "occurred_at": MOMENT.isoformat().replace("+00:00", "Z"),
        "surface": "explore",
        "note_id": 7,
        **fields,
    }


def batch(
    *rows: Any,
    sent_at: datetime = MOMENT,
    visitor_id: UUID | None = None,
    session_id: UUID | None = None,
) -> Batch:
    """Return a batch of these rows."""
    return Batch(sent_at=sent_at, visitor_id=visitor_id, session_id=session_id, rows=rows)
