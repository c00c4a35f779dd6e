"""The population that a newcomer finds."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from config import population
from notes.models import Note


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
    assert asked == [("simulate", {"people": 500, "days": 14, "seed": 7})]


@pytest.mark.django_db
def test_a_database_with_notes_is_left_as_it_is(
    asked: list[tuple[str, dict[str, Any]]],
) -> None:
    author = get_user_model().objects.create_user("author", "author@example.com")
    Note.objects.create(author=author, type="image", title="A note")

    assert population.ensure_population() is False
    assert asked == []
