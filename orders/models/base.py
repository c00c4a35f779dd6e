"""What the tables of the orders have in common."""

from enum import StrEnum
from typing import Final
from uuid import UUID

import pgtrigger

from redshop.core.ids import uuid7


def new_id() -> UUID:
    """Return a fresh primary key (a name that migrations can refer to)."""
    return uuid7()


def in_words(state: StrEnum) -> str:
    """Return a state as people read it."""
    return state.value.replace("_", " ")


def choices_of(states: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the choices of a field that holds one of these states."""
    return [(state.value, in_words(state)) for state in states]


APPEND_ONLY: Final = pgtrigger.Update | pgtrigger.Delete
