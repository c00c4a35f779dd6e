"""What people have seen, want and own: the state that behaviour reads and changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from redshop.simulation.behaviour.purchase import fade
from redshop.simulation.types import Bools, Floats, Ints

#: Room for this many more notes whenever the memory of what was seen grows.
ROOM: Final = 512


@dataclass(slots=True, kw_only=True)
class Mind:
    """Arrays of people by notes and people by products."""

    seen: Bools
    interest: Floats
    wants: Bools
    owns: Bools
    relative_price: Floats
    #: What tires today: notes opened, and paid ones that came onto the screen.
    opened_today: Ints
    ads_today: Ints

    @classmethod
    def empty(cls, *, people: int, relative_price: Floats) -> "Mind":
        """Return the state of people who know nothing yet."""
        shape = (people, len(relative_price))
        return cls(
            seen=np.zeros((people, ROOM), dtype=bool),
            interest=np.zeros(shape),
            wants=np.zeros(shape, dtype=bool),
            owns=np.zeros(shape, dtype=bool),
            relative_price=relative_price,
            opened_today=np.zeros(people, dtype=np.int64),
            ads_today=np.zeros(people, dtype=np.int64),
        )

    def make_room(self, *, notes: int) -> None:
        """Let what was seen cover at least so many notes."""
        people, room = self.seen.shape
        if notes > room:
            more = np.zeros((people, notes - room + ROOM), dtype=bool)
            self.seen = np.concatenate([self.seen, more], axis=1)

    def sleep(self) -> None:
        """Let interest fade by one day, and nobody be tired tomorrow."""
        self.interest = fade(self.interest, days=1.0)
        self.opened_today[:] = 0
        self.ads_today[:] = 0

    def as_json(self) -> dict[str, Any]:
        """Return everything that is needed to go on later, as positions of what is there."""
        return {
            "seen": [np.flatnonzero(row).tolist() for row in self.seen],
            "interest": [
                {str(place): float(row[place]) for place in np.flatnonzero(row)}
                for row in self.interest
            ],
            "wants": [np.flatnonzero(row).tolist() for row in self.wants],
            "owns": [np.flatnonzero(row).tolist() for row in self.owns],
        }

    def recall(self, document: Mapping[str, Any]) -> None:
        """Take over what ``as_json`` described."""
        self.make_room(notes=1 + max((max(row, default=0) for row in document["seen"]), default=0))
        for name in ("seen", "wants", "owns"):
            array: Bools = getattr(self, name)
            for person, places in enumerate(document[name]):
                array[person, places] = True
        for person, levels in enumerate(document["interest"]):
            for place, level in levels.items():
                self.interest[person, int(place)] = level
