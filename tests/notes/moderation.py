"""Publishing, and decisions about notes as moderators make them."""

from typing import Any

from django.utils import timezone

from notes.integrity import decisions
from notes.integrity.decisions import Statement
from notes.integrity.types import Action
from notes.models import Decision
from tests.api import ApiClient


def take_down(note_id: int, *, by_id: int | None = None, rule: str = "") -> Decision:
    return decide(note_id, Action.TAKE_DOWN, by_id=by_id, rule=rule)


def reinstate(note_id: int, *, by_id: int | None = None) -> Decision:
    return decide(note_id, Action.REINSTATE, by_id=by_id)


def decide(note_id: int, action: Action, *, by_id: int | None = None, rule: str = "") -> Decision:
    statement = Statement(action=action, grounds="For the test.", by_id=by_id, rule=rule)
    return decisions.decide(note_id=note_id, statement=statement, at=timezone.now())


def publish(api: ApiClient, note_id: int) -> Any:
    return api.post(f"/notes/{note_id}/publish")
