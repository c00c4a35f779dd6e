"""The life of a note as one table."""

from enum import StrEnum
from typing import Final


class NoteState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    TAKEN_DOWN = "taken_down"
    DELETED = "deleted"


ALLOWED: Final[dict[NoteState, frozenset[NoteState]]] = {
    NoteState.DRAFT: frozenset({NoteState.IN_REVIEW, NoteState.PUBLISHED, NoteState.DELETED}),
    NoteState.IN_REVIEW: frozenset({NoteState.PUBLISHED, NoteState.DRAFT, NoteState.DELETED}),
    NoteState.PUBLISHED: frozenset({NoteState.TAKEN_DOWN, NoteState.DELETED}),
    NoteState.TAKEN_DOWN: frozenset({NoteState.PUBLISHED, NoteState.DELETED}),
    NoteState.DELETED: frozenset(),
}
EDGES: Final = sorted((s.value, t.value) for s, targets in ALLOWED.items() for t in targets)

VALUES: Final = [state.value for state in NoteState]

#: Where the author may still change what a note says.
EDITABLE: Final = frozenset({NoteState.DRAFT, NoteState.IN_REVIEW, NoteState.PUBLISHED})


def may_become(state: str, target: NoteState) -> bool:
    """Tell whether the table has an edge from the one to the other."""
    return target in ALLOWED[NoteState(state)]
