"""The lives of a draft, of a request to a writer, and of a trial, each as one table."""

from enum import StrEnum
from typing import Final


class DraftState(StrEnum):
    WRITTEN = "written"
    APPROVED = "approved"
    PUBLISHED = "published"
    REJECTED = "rejected"


ALLOWED: Final[dict[DraftState, frozenset[DraftState]]] = {
    DraftState.WRITTEN: frozenset({DraftState.APPROVED, DraftState.REJECTED}),
    DraftState.APPROVED: frozenset({DraftState.WRITTEN, DraftState.PUBLISHED, DraftState.REJECTED}),
    DraftState.PUBLISHED: frozenset(),
    DraftState.REJECTED: frozenset({DraftState.WRITTEN}),
}
EDGES: Final = sorted((s.value, t.value) for s, targets in ALLOWED.items() for t in targets)


class Writing(StrEnum):
    """How far a request to a writer is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


WRITING_EDGES: Final = [
    ("running", "done"),
    ("running", "failed"),
    ("running", "waiting"),
    ("waiting", "running"),
]


def may_become(state: str, target: DraftState) -> bool:
    """Tell whether the table has an edge from the one to the other."""
    return target in ALLOWED[DraftState(state)]
