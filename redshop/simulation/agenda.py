"""What is still to happen, in the order in which it will."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Deed:
    """Something that will be done at a moment; equal moments keep the order of planning.

    ``details`` holds plain numbers and strings, so that it survives as JSON.
    """

    at: datetime
    number: int
    kind: str = field(compare=False)
    details: Mapping[str, Any] = field(compare=False)


class Agenda:
    """Deeds to come; what is planned while others are done takes its place among them."""

    def __init__(self) -> None:
        self._heap: list[Deed] = []
        self._planned = 0

    def __len__(self) -> int:
        return len(self._heap)

    def plan(self, at: datetime, kind: str, **details: Any) -> None:
        """Add a deed."""
        heapq.heappush(self._heap, Deed(at, self._planned, kind, details))
        self._planned += 1

    def due(self, *, before: datetime) -> Iterator[Deed]:
        """Take out, one by one, what is due before a moment, deeds planned meanwhile included."""
        while self._heap and self._heap[0].at < before:
            yield heapq.heappop(self._heap)

    def coming(self, kind: str, *, before: datetime) -> list[Deed]:
        """Return the deeds of a kind that are due before a moment, in no order; all stay."""
        return [deed for deed in self._heap if deed.kind == kind and deed.at < before]

    def forget(self, kind: str, *, before: datetime) -> int:
        """Drop the deeds of a kind that were due before a moment; return how many."""
        kept = [deed for deed in self._heap if deed.kind != kind or deed.at >= before]
        dropped = len(self._heap) - len(kept)
        self._heap = kept
        heapq.heapify(self._heap)
        return dropped

    def as_json(self) -> dict[str, Any]:
        """Return everything that is needed to go on later."""
        return {
            "planned": self._planned,
            "deeds": [
                [deed.at.isoformat(), deed.number, deed.kind, dict(deed.details)]
                for deed in sorted(self._heap)
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Agenda":
        """Return the agenda that ``as_json`` described."""
        agenda = cls()
        agenda._planned = document["planned"]
        agenda._heap = [
            Deed(datetime.fromisoformat(at), number, kind, details)
            for at, number, kind, details in document["deeds"]
        ]
        heapq.heapify(agenda._heap)
        return agenda
