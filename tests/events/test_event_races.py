"""Real threads, real transactions."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from redshop.core.db import patience
from redshop.events import partitions
from redshop.events.factories import MOMENT, batch, row
from redshop.events.models import Event, EventId, Identity
from redshop.events.services import identities
from redshop.events.services.ingestion import ingest
from redshop.events.services.recording import ServerEvent, record
from redshop.events.types import Ingested

pytestmark = pytest.mark.django_db(transaction=True)

RIVALS = 8


def at_once(work: Callable[[int], Any], *, rivals: int = RIVALS) -> list[Any]:
    """Run the work in threads that set out together; return what each answered."""
    barrier, answers = Barrier(rivals), [None] * rivals

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=10)
            answers[number] = work(number)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(rivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers


def test_one_batch_sent_by_eight_at_once_counts_once() -> None:
    rows = [row() for _ in range(200)]

    def send(number: int) -> Ingested:
        mine = rows if number % 2 else rows[::-1]
        return ingest(batch=batch(*mine), person_id=None, received_at=MOMENT)

    answers = at_once(send)

    assert sum(answer.accepted for answer in answers) == 200
    assert sum(answer.duplicates for answer in answers) == 200 * (RIVALS - 1)
    assert Event.objects.count() == EventId.objects.count() == 200


def test_batches_that_overlap_in_any_order_count_each_event_once() -> None:
    rows = [row() for _ in range(100)]

    def send(number: int) -> int:
        mine = rows[number * 10 :] + rows[: number * 10]
        return sum(
            ingest(batch=batch(*part), person_id=None, received_at=MOMENT).accepted
            for part in (mine[:60], mine[40:])
        )

    answers = at_once(send)

    assert sum(answers) == 100
    assert Event.objects.count() == 100


def test_a_batch_that_fails_gives_its_ids_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(), row(kind="like")]
    with monkeypatch.context() as patch:
        patch.setattr("redshop.events.services.ingestion.set_aside", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ingest(batch=batch(*rows), person_id=None, received_at=MOMENT)
    assert Event.objects.count() == EventId.objects.count() == 0

    result = ingest(batch=batch(*rows), person_id=None, received_at=MOMENT)

    assert (result.accepted, result.duplicates) == (1, 0)


def test_of_many_who_log_in_at_once_one_keeps_the_history() -> None:
    visitor = uuid4()

    def log_in(number: int) -> bool:
        with transaction.atomic():
            return identities.join(visitor_id=visitor, person_id=number + 1, at=MOMENT)

    answers = at_once(log_in)

    assert sum(answers) == 1
    assert Identity.objects.get().person_id == answers.index(True) + 1


def test_a_partition_can_be_attached_while_others_write() -> None:
    moment = MOMENT.replace(year=2036)
    barrier = Barrier(2)

    def write() -> None:
        try:
            with transaction.atomic():
                record([ServerEvent(kind="like", occurred_at=MOMENT, person_id=5)])
                barrier.wait(timeout=10)  # written, not committed
                barrier.wait(timeout=10)  # until the partition is there
        finally:
            connection.close()

    partitions.ensure(since=MOMENT, until=MOMENT)
    writer = Thread(target=write)
    writer.start()
    barrier.wait(timeout=10)
    with transaction.atomic(), patience(3_000):
        made = partitions.ensure(since=moment, until=moment)
    barrier.wait(timeout=10)
    writer.join(timeout=10)

    assert made == ["events_event_2036_03"]
    assert Event.objects.get().person_id == 5


def test_many_who_need_a_partition_make_one() -> None:
    moment = MOMENT.replace(year=2035)

    made = at_once(lambda _: partitions.ensure(since=moment, until=moment))

    assert sorted(made, key=len) == [[]] * (RIVALS - 1) + [["events_event_2035_03"]]
