"""The population that a newcomer finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from config import population
from notes.models import Note
from redshop.simulation.models import SimulationRun

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the simulation was asked for, instead of letting 500 people live."""
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        population, "call_command", lambda name, **options: calls.append((name, options))
    )
    return calls


@pytest.mark.django_db
def test_an_empty_database_gets_one(asked: list[tuple[str, dict[str, Any]]]) -> None:
    assert population.ensure_population() is True
    assert asked == [("simulate", {"people": 500, "days": 14, "seed": 7, "funnel": False})]


@pytest.mark.django_db
def test_one_that_was_interrupted_lives_on(asked: list[tuple[str, dict[str, Any]]]) -> None:
    author = get_user_model().objects.create_user("author", "author@example.com")
    Note.objects.create(author=author, type="image", title="A note")
    SimulationRun.objects.create(
        seed=7,
        people=500,
        days=14,
        days_done=3,
        since_at=MIDNIGHT,
        until_at=MIDNIGHT + timedelta(days=14),
        started_at=MIDNIGHT,
    )

    assert population.ensure_population() is True
    assert asked == [("simulate", {"people": 500, "days": 14, "seed": 7, "funnel": False})]


@pytest.mark.django_db
def test_a_database_with_notes_is_left_as_it_is(
    asked: list[tuple[str, dict[str, Any]]],
) -> None:
    author = get_user_model().objects.create_user("author", "author@example.com")
    Note.objects.create(author=author, type="image", title="A note")

    assert population.ensure_population() is False
    assert asked == []
