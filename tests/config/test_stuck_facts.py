"""When facts count as stuck."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from config import watch
from redshop.core.models import Fact
from tests.config.servers_of_ones_own import a_free_port

pytestmark = pytest.mark.django_db


def overdue_fact(key: str = "1") -> Fact:
    """Make a fact that has been due for longer than it may."""
    due_at = timezone.now() - timedelta(seconds=25)
    return Fact.objects.create(kind="a", key=key, consumer="c", due_at=due_at)


def test_they_are_stuck_when_overdue_and_none_gets_done() -> None:
    overdue_fact()

    assert watch.facts_are_stuck() is True


def test_they_are_not_while_they_are_merely_due() -> None:
    Fact.objects.create(kind="a", key="1", consumer="c", due_at=timezone.now())

    assert watch.facts_are_stuck() is False


def test_they_are_not_while_a_busy_worker_gets_others_done() -> None:
    overdue_fact()
    done = overdue_fact("2")
    Fact.objects.filter(pk=done.pk).update(done_at=timezone.now() - timedelta(seconds=5))

    assert watch.facts_are_stuck() is False


def test_they_are_not_the_workers_fault_while_the_broker_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "BROKER_URL", f"redis://127.0.0.1:{a_free_port()}/0")
    overdue_fact()

    assert watch.facts_are_stuck() is False
