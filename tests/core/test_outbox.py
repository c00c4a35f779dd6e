"""A fact is acted on exactly once, whatever fails in between."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from redshop.core import outbox
from redshop.core.db import TransactionRequired
from redshop.core.models import Fact

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
seen: list[Any] = []


def _remember(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    seen.append(payload["n"])


def _fail(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    if payload["n"] == "bad":
        Fact.objects.create(kind="debris", key="1", consumer="x", due_at=at)
        raise ValueError("cannot digest this")
    seen.append(payload["n"])


def _break_the_database(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")


@pytest.fixture(autouse=True)
def _consumers() -> Iterator[None]:
    """Subscribe this file's consumers, and forget them afterwards."""
    before = dict(outbox._consumers), {k: list(v) for k, v in outbox._subscriptions.items()}
    outbox.subscribe("test.remembered")(_remember)
    outbox.subscribe("test.failing")(_fail)
    outbox.subscribe("test.breaking")(_break_the_database)
    seen.clear()
    yield
    outbox._consumers.clear()
    outbox._subscriptions.clear()
    outbox._consumers.update(before[0])
    outbox._subscriptions.update(before[1])


def publish(kind: str, n: Any, **rest: Any) -> None:
    with transaction.atomic():
        outbox.publish(kind, key=str(n), payload={"n": n}, at=NOW, **rest)


@pytest.mark.django_db(transaction=True)
def test_a_fact_needs_the_transaction_that_makes_it_true() -> None:
    with pytest.raises(TransactionRequired):
        outbox.publish("test.remembered", key="1", payload={"n": 1}, at=NOW)

    assert not Fact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_fact_of_a_transaction_that_failed_was_never_there() -> None:
    with transaction.atomic():
        outbox.publish("test.remembered", key="1", payload={"n": 1}, at=NOW)
        transaction.set_rollback(True)

    assert not Fact.objects.exists()


@pytest.mark.django_db
def test_a_fact_is_consumed_once_and_published_twice_is_one_fact() -> None:
    publish("test.remembered", 1)
    publish("test.remembered", 1)

    assert outbox.drain_all(at=NOW).done == 1
    assert outbox.drain_all(at=NOW).is_empty
    assert seen == [1]


@pytest.mark.django_db
def test_a_kind_that_nobody_consumes_leaves_nothing_behind() -> None:
    publish("test.unheard_of", 1)

    assert not Fact.objects.exists()


@pytest.mark.django_db
def test_a_timer_waits_for_its_moment_and_can_be_withdrawn() -> None:
    publish("test.remembered", 1, due_at=NOW + timedelta(minutes=30))
    publish("test.remembered", 2, due_at=NOW + timedelta(minutes=30))
    with transaction.atomic():
        outbox.withdraw("test.remembered", key="2")

    assert outbox.drain_all(at=NOW + timedelta(minutes=29)).is_empty
    assert outbox.drain_all(at=NOW + timedelta(minutes=30)).done == 1
    assert seen == [1]


@pytest.mark.django_db
def test_a_failure_leaves_no_debris_and_does_not_hold_up_its_neighbours() -> None:
    publish("test.failing", 1)
    publish("test.failing", "bad")
    publish("test.failing", 2)

    drained = outbox.drain(at=NOW)

    assert (drained.done, drained.failed) == (2, 1)
    assert seen == [1, 1, 2]  # what all of them did at once was undone
    assert not Fact.objects.filter(kind="debris").exists()
    failed = Fact.objects.get(key="bad")
    assert (failed.attempts, failed.due_at) == (1, NOW + timedelta(seconds=1))
    assert failed.error == "ValueError: cannot digest this"


@pytest.mark.django_db
def test_an_error_of_the_database_itself_is_contained_too() -> None:
    publish("test.breaking", 1)
    publish("test.remembered", 2)

    drained = outbox.drain(at=NOW)

    assert (drained.done, drained.failed) == (1, 1)


@pytest.mark.django_db
def test_after_five_starts_a_fact_is_set_aside_and_can_be_tried_again() -> None:
    publish("test.failing", "bad")
    moment = NOW
    for _ in range(10):
        outbox.drain(at=moment)
        moment += timedelta(hours=1)

    fact = Fact.objects.get(kind="test.failing")
    assert fact.attempts == 5
    assert fact.set_aside_at == NOW + timedelta(hours=4)
    assert outbox.backlog(at=moment) == outbox.Backlog(due=0, oldest_due_seconds=0, set_aside=1)

    assert outbox.retry_set_aside(fact_ids=[fact.pk], at=moment) == 1
    assert outbox.drain(at=moment).failed == 1


@pytest.mark.django_db
def test_a_fact_that_kills_its_process_is_set_aside_without_a_sixth_start() -> None:
    publish("test.remembered", 1)
    moment = NOW
    for _ in range(5):
        assert [c.attempts for c in claim_as_if_killed(moment)] != []
        moment += timedelta(hours=1)

    assert claim_as_if_killed(moment) == []
    fact = Fact.objects.get()
    assert (fact.attempts, fact.set_aside_at) == (5, moment)
    assert fact.error == "its process died at every start"
    assert seen == []


def claim_as_if_killed(at: datetime) -> list[outbox.Claim]:
    """Claim what is due and never come back, as a killed worker would."""
    return [
        *outbox._claim(at=at, limit=10),
    ]


@pytest.mark.django_db
def test_what_a_killed_worker_held_is_taken_up_when_its_lease_is_over() -> None:
    publish("test.remembered", 1)
    claim_as_if_killed(NOW)

    assert outbox.drain(at=NOW + timedelta(seconds=4)).is_empty
    assert outbox.drain(at=NOW + timedelta(seconds=5)).done == 1
    assert seen == [1]


@pytest.mark.django_db
def test_a_worker_that_comes_back_after_its_lease_changes_nothing() -> None:
    publish("test.remembered", 1)
    late = claim_as_if_killed(NOW)
    outbox.drain(at=NOW + timedelta(minutes=5))

    assert outbox._work(late, at=NOW + timedelta(minutes=6)).is_empty
    assert seen == [1]


@pytest.mark.django_db(transaction=True)
def test_work_that_outlasts_its_lease_is_not_started_a_second_time() -> None:
    working, finish = threading.Event(), threading.Event()

    def slow(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
        working.set()
        finish.wait(10)
        seen.append(payload["n"])

    def drain() -> None:
        try:
            outbox.drain(at=NOW)
        finally:
            connection.close()

    outbox.subscribe("test.slow")(slow)
    publish("test.slow", 1)
    thread = threading.Thread(target=drain)
    thread.start()
    working.wait(10)

    meanwhile = outbox.drain(at=NOW + timedelta(hours=1))
    finish.set()
    thread.join()

    assert meanwhile.is_empty
    assert seen == [1]
    assert Fact.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_who_keeps_time_of_their_own_drains_alone() -> None:
    publish("test.remembered", 1)
    other = connection.copy()

    with outbox.own_time():
        mine = outbox.drain(at=NOW)
    publish("test.remembered", 2)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [outbox.TIME_LOCK])
            theirs = outbox.drain(at=NOW)
            is_due = outbox.something_is_due(at=NOW)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [outbox.TIME_LOCK])
    finally:
        other.close()
    afterwards = outbox.drain_all(at=NOW)

    assert (mine.done, theirs.done, is_due, afterwards.done) == (1, 0, False, 1)


@pytest.mark.django_db(transaction=True)
def test_what_is_worked_on_alone_is_committed_before_the_next_is_begun() -> None:
    committed: list[int] = []

    def look_from_outside(**_: Any) -> None:
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM core_fact WHERE done_at IS NOT NULL")
                committed.append(cursor.fetchone()[0])
        finally:
            other.close()

    outbox.subscribe("test.solitary", is_alone=True)(look_from_outside)
    for n in range(3):
        publish("test.solitary", n)

    drained = outbox.drain(at=NOW)

    assert (drained.done, committed) == (3, [0, 1, 2])


@pytest.mark.django_db(transaction=True)
def test_a_timer_that_is_going_off_is_left_to_its_consumer() -> None:
    def withdraw_elsewhere() -> None:
        try:
            with transaction.atomic():
                outbox.withdraw("test.withdrawn", key="1")
        finally:
            connection.close()

    def have_it_withdrawn_meanwhile(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
        thread = threading.Thread(target=withdraw_elsewhere)
        thread.start()
        thread.join(10)
        seen.append("hangs" if thread.is_alive() else payload["n"])

    outbox.subscribe("test.withdrawn")(have_it_withdrawn_meanwhile)
    publish("test.withdrawn", 1)

    outbox.drain(at=NOW)

    assert seen == [1]
    assert Fact.objects.get().done_at == NOW
