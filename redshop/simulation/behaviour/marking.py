"""Which functions of behaviour a world in memory may compile; nothing is compiled here."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

#: Functions that were marked and that no compiler knows yet (``simulation.compiled``).
MARKED: Final[list[Callable[..., Any]]] = []


def compilable(function: F) -> F:
    """Mark a function of arrays and numbers that compiled code may call; it stays as it is."""
    MARKED.append(function)
    return function
