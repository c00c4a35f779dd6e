"""What crosses the boundaries of discovery."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: a person, or a visitor of whom nothing is known."""

    person_id: int | None = None
    visitor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a note is shown, as a stable code and as a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class RankedItem:
    """A note in its place; positions count from zero over the whole snapshot."""

    position: int
    note_id: int
    score: float
    source: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class RankedPage:
    """One page of a ranked answer; ``cursor`` leads to the next, None where it is not kept.

    ``corrected_query`` is what a search was answered for, empty where that is what was typed;
    ``terms`` is what it was for, as the index knows it.
    """

    request_id: UUID
    surface: str
    policy: str
    is_personalised: bool
    items: tuple[RankedItem, ...]
    cursor: str | None
    caught_up: bool
    corrected_query: str = ""
    terms: frozenset[str] = frozenset()

    @property
    def note_ids(self) -> list[int]:
        return [item.note_id for item in self.items]
