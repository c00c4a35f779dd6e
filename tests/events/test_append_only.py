from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from redshop.events import partitions
from redshop.events.factories import MOMENT, EventFactory
from redshop.events.models import Event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events_event SET kind = 'like'",
        "DELETE FROM events_event",
        "UPDATE events_event_2026_03 SET kind = 'like'",
        "DELETE FROM events_event_2026_03",
    ],
)
def test_nobody_rewrites_what_happened(statement: str) -> None:
    EventFactory.create()

    with (
        pytest.raises(ProgrammingError, match="append_only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Event.objects.get().kind == "impression"


def test_the_shell_cannot_either() -> None:
    event = EventFactory.create()

    with pytest.raises(ProgrammingError), transaction.atomic():
        event.delete()
    with pytest.raises(ProgrammingError), transaction.atomic():
        Event.objects.update(query="")

    assert Event.objects.count() == 1


def test_partitions_are_made_once() -> None:
    since, until = datetime(2031, 11, 30, 23, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)

    made = partitions.ensure(since=since, until=until)
    again = partitions.ensure(since=since, until=until)

    assert made == ["events_event_2031_11", "events_event_2031_12", "events_event_2032_01"]
    assert again == []


def test_a_partition_holds_its_month_and_nothing_else() -> None:
    first, last = datetime(2031, 12, 1, tzinfo=UTC), datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)
    EventFactory.create(occurred_at=first)
    EventFactory.create(occurred_at=last)
    EventFactory.create(occurred_at=datetime(2032, 1, 1, tzinfo=UTC))

    with connection.cursor() as cursor:
        cursor.execute("SELECT occurred_at FROM events_event_2031_12 ORDER BY 1")
        assert [moment for (moment,) in cursor] == [first, last]


def test_a_partition_has_what_the_log_has() -> None:
    partitions.ensure(since=MOMENT, until=MOMENT)

    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'events_event_2026_03'")
        indexes = [definition for (definition,) in cursor]
        cursor.execute(
            "SELECT count(*) FROM pg_constraint"
            " WHERE conrelid = 'events_event_2026_03'::regclass AND contype = 'c'"
        )
        (checks,) = cursor.fetchone()

    assert len(indexes) == 6
    assert sum("USING brin" in definition for definition in indexes) == 1
    assert checks == 4


def test_both_halves_of_a_history_are_found_by_index() -> None:
    event = EventFactory.create(person_id=5)
    before = EventFactory.create(visitor_id=(visitor := uuid4()))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    mine = Event.objects.of_person(5, visitors=[visitor])

    assert {each.pk for each in mine} == {event.pk, before.pk}
    plan = mine.explain()
    assert "_person_id_occurred_at_" in plan
    assert "_visitor_id_occurred_at_idx" in plan
    assert "Seq Scan" not in plan
