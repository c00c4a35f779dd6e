"""Whatever the map says is kept for a time goes after it, and not before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from config.settings.schedule import BEAT_SCHEDULE
from notes import tasks as notes
from notes.factories import FeedSnapshotFactory, PastSearchFactory
from redshop.accounts import tasks as accounts
from redshop.accounts.factories import AccessRecordFactory, AccessTokenFactory, ExportFactory
from redshop.core import data_map
from redshop.core import tasks as core
from redshop.core.factories import FactFactory, IdempotencyKeyFactory
from redshop.events import tasks as events
from redshop.events.factories import EventIdFactory, RejectedEventFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """How long rows of a table are kept, how one of an age is made, and which task deletes it."""

    days: int
    made: Callable[[datetime], models.Model]
    task: Any


def _cookie(at: datetime) -> Session:
    return Session.objects.create(
        session_key=f"k{at.timestamp():.0f}", session_data="", expire_date=at + 14 * DAY
    )


RETENTION = {
    "sessions.Session": Kept(14, _cookie, accounts.forget_ended_sessions),
    "notes.FeedSnapshot": Kept(
        30, lambda at: FeedSnapshotFactory.create(created_at=at), notes.forget_snapshots
    ),
    "notes.PastSearch": Kept(
        90, lambda at: PastSearchFactory.create(searched_at=at), notes.forget_snapshots
    ),
    "accounts.Export": Kept(
        7,
        lambda at: ExportFactory.create(asked_at=at, ready_at=at, expires_at=at + 7 * DAY),
        accounts.forget_exports,
    ),
    "accounts.AccessRecord": Kept(
        730, lambda at: AccessRecordFactory.create(at=at), accounts.forget_exports
    ),
    "accounts.AccessToken": Kept(
        90,
        lambda at: AccessTokenFactory.create(expires_at=at, created_at=at - DAY),
        accounts.forget_ended_sessions,
    ),
    "events.RejectedEvent": Kept(
        90, lambda at: RejectedEventFactory.create(received_at=at), events.forget
    ),
    "events.EventId": Kept(35, lambda at: EventIdFactory.create(received_at=at), events.forget),
    "core.Fact": Kept(7, lambda at: FactFactory.create(done_at=at), core.forget_done_facts),
    "core.IdempotencyKey": Kept(
        1, lambda at: IdempotencyKeyFactory.create(created_at=at), core.forget_expired_keys
    ),
}
#: Not deleted by age: counted anew each hour; an event moves to the lake, whose tests are its own.
ELSEWHERE = {"notes.LargeCreator", "events.Event"}


def test_every_time_that_the_map_states_is_kept_to_here() -> None:
    stated = {
        table.label
        for table in data_map.tables()
        if any(word in table.kept for word in ("days", "day", "hour", "year", "month"))
    }

    assert stated == RETENTION.keys() | ELSEWHERE


@pytest.mark.parametrize("label", RETENTION)
def test_rows_go_after_their_time_and_not_before(label: str) -> None:
    kept, now = RETENTION[label], timezone.now()
    assert label == data_map.table_of(label).label
    margin = timedelta(hours=2)
    old = kept.made(now - kept.days * DAY - margin)
    young = kept.made(now - kept.days * DAY + margin)
    kept.task()

    manager = type(old)._base_manager
    assert not manager.filter(pk=old.pk).exists()
    assert manager.filter(pk=young.pk).exists()
    assert kept.task.name in {entry["task"] for entry in BEAT_SCHEDULE.values()}
