"""What crosses the borders of the behaviour log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one device sends at once; ``rows`` are as they came and may be anything.

    ``is_by_bot`` where it says itself that it is a machine.
    """

    sent_at: datetime
    visitor_id: UUID | None
    session_id: UUID | None
    rows: Sequence[Any]
    is_by_bot: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: its place in the batch, the id it bore, and why."""

    index: int
    id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch; the three always add up to its rows."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]
