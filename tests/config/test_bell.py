"""The bell rings when something is due, and nothing that happens to it matters."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from celery import current_app
from django.db import OperationalError, connection
from django.utils import timezone
from kombu import Connection

from config.bell import MOST_HANGING, Bell
from config.engines import Valkey
from redshop.core import outbox, tasks
from redshop.core.models import Fact
from tests.config.servers_of_ones_own import a_free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(valkey_of_ones_own: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A broker on which nobody else rings, emptied."""
    url = valkey_of_ones_own.url()
    monkeypatch.setattr(current_app, "connection_for_write", lambda: Connection(url))
    with redis.Redis.from_url(url) as client:
        client.flushall()
    with Connection(url) as line:
        yield line


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    yield bell
    bell.hang_up()


def due_fact() -> None:
    Fact.objects.create(kind="a", key="1", consumer="c", due_at=timezone.now())


def test_with_nothing_due_it_is_silent(broker: Connection, bell: Bell) -> None:
    later = timezone.now() + timedelta(minutes=1)
    Fact.objects.create(kind="a", key="1", consumer="c", due_at=later)

    assert bell.look() is True
    assert tasks.hanging_bells(connection=broker) == 0


def test_with_a_fact_due_it_rings_until_enough_rings_hang(broker: Connection, bell: Bell) -> None:
    due_fact()

    hanging = []
    for _ in range(MOST_HANGING + 2):
        assert bell.look() is True
        hanging.append(tasks.hanging_bells(connection=broker))

    assert hanging == [1, 2, 3, 4, 4, 4]


def test_a_broker_that_is_away_costs_it_a_moment(
    broker: Connection, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_fact()
    there = current_app.connection_for_write
    nowhere = f"redis://127.0.0.1:{a_free_port()}/0"
    monkeypatch.setattr(current_app, "connection_for_write", lambda: Connection(nowhere))
    assert bell.look() is False

    monkeypatch.setattr(current_app, "connection_for_write", there)

    assert bell.look() is True
    assert tasks.hanging_bells(connection=broker) == 1


def test_a_database_that_is_away_costs_it_a_moment(
    broker: Connection, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: object) -> bool:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(outbox, "something_is_due", away)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own

    assert bell.look() is False
