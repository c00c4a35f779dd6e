"""What the behaviour log holds about people, and how it lets go of them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from redshop.core.data_map import (
    Erasure,
    Leaving,
    describe,
    erases,
    holds_elsewhere,
    knows_devices,
)
from redshop.events.lake import rewriting
from redshop.events.models import Identity
from redshop.events.services import forgetting

describe(
    "events.Event",
    whose="person_id",
    device="visitor_id",
    erasure=Erasure.BY_HAND,
    kept="in the log for 25 months (LAKE_KEEP_MONTHS), then in the lake",
    key="person_id author_id",
    identifies="visitor_id session_id",
    words="query",
    about="kind occurred_at received_at surface request_id note_id product_id order_id position"
    " dwell_ms completion quantity amount_minor currency suspicion",
    plain="id population source",
)
describe("events.EventId", kept="35 days", plain="id received_at")
describe(
    "events.RejectedEvent",
    whose="person_id",
    device="visitor_id",
    erasure=Erasure.BY_HAND,
    kept="90 days",
    identifies="visitor_id",
    key="person_id",
    words="event_id message body",
    plain="id received_at code fingerprint",
)
describe(
    "events.Identity",
    whose="person_id",
    erasure=Erasure.BY_HAND,
    kept="as long as the account",
    identifies="visitor_id",
    key="person_id",
    about="joined_at",
)
describe(
    "events.Unread",
    erasure=Erasure.BY_HAND,
    kept="seconds",
    key="person_id",
    identifies="visitor_id",
    plain="id",
)
describe(
    "events.OptOut",
    whose="person_id",
    erasure=Erasure.DELETED,
    kept="as long as the account",
    key="person_id",
    about="since",
)
describe(
    "events.ArchivedMonth",
    kept="as long as the lake",
    plain="month edition rows checksum files changes exported_at verified_at detached_at",
)
describe(
    "events.Forgotten",
    whose="person_id",
    erasure=Erasure.BY_HAND,
    kept="until the lake is written anew, minutes",
    key="person_id",
    identifies="visitor_ids",
    about="asked_at",
    plain="id",
)


@knows_devices
def devices_of(person_id: int) -> Collection[UUID]:
    """Return the devices whose anonymous history is the person's."""
    return list(Identity.objects.filter(person_id=person_id).values_list("visitor_id", flat=True))


@holds_elsewhere("events.Event in the lake")
def held_in_lake(person: Leaving) -> list[dict[str, object]]:
    """Return what the person did in months that the log no longer has."""
    return rewriting.rows_of(person_id=person.person_id, visitor_ids=person.visitor_ids)


@erases
def forget(person: Leaving, at: datetime) -> None:
    """Leave what was done and to what; take out the device and the words."""
    forgetting.forget(person_id=person.person_id, visitor_ids=list(person.visitor_ids), at=at)
