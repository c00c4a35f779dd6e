"""What people saw and did, kept as a log: of everybody, or of a share of them.

A world in memory adds up what happens and forgets it; whoever asks for a log gets a row for every
note that was on the screen of somebody who is logged.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from redshop.simulation.arrays import state
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Notes on screens, in order of persons and moments; arrays of one length."""

    person: Ints
    note: Ints
    when: Floats  #: days since the first midnight
    request: Ints  #: of the person's day
    position: Ints
    surface: Ints  #: ``state.EXPLORE``, SEARCH, FOLLOWING
    is_opened: Bools
    is_again: Bools  #: it had been on their screen before
    deeds: Ints  #: bits

    def __len__(self) -> int:
        return len(self.person)


class Carts(NamedTuple):
    """What was put in carts; arrays of one length."""

    person: Ints
    product: Ints
    note: Ints  #: that led to it; -1 where somebody came for the product
    when: Floats  #: days since the first midnight


@dataclass(slots=True)
class Log:
    """A log of a share of the people, the same people whatever the arm."""

    seed: int
    share: float = 1.0
    _parts: list[tuple[Ints, Floats]] = field(default_factory=list)
    _carts: list[Floats] = field(default_factory=list)

    def logs(self, person: Ints) -> Bools:
        """Tell of which people the log keeps what they see."""
        drawn = uniforms(seed=self.seed, purpose=Purpose.SAMPLE, step=1, persons=person)
        return np.asarray(drawn < self.share)

    def take(self, shown: Ints, day: int, begin: Floats) -> None:
        """Keep what came onto screens on a day.

        Args:
            shown: int32[n, 4], as ``living.live`` tells it.
            begin: float64[people], when each came on that day.
        """
        if self.share < 1.0:
            shown = shown[self.logs(shown[:, state.SHOWN_PERSON])]
        request = shown[:, state.SHOWN_PLACE] // state.PLACES
        passed = request * (state.REQUEST_SECONDS / state.DAY_SECONDS)
        self._parts.append((shown.copy(), begin[shown[:, state.SHOWN_PERSON]] + passed))

    def take_carts(self, carts: Floats) -> None:
        """Keep what was put in carts, as ``living.live`` tells it."""
        person = carts[:, state.CART_PERSON].astype(np.int64)
        self._carts.append(carts if self.share >= 1.0 else carts[self.logs(person)])

    def carts(self) -> Carts:
        """Return all carts that were kept, in the order of moments, persons and products."""
        rows = np.concatenate([np.empty((0, state.CART_COLUMNS)), *self._carts])
        person, product, note = (
            rows[:, column].astype(np.int64)
            for column in (state.CART_PERSON, state.CART_PRODUCT, state.CART_NOTE)
        )
        when = rows[:, state.CART_WHEN]
        order = np.lexsort((product, person, when))
        return Carts(person[order], product[order], note[order], when[order])

    def seen(self) -> Seen:
        """Return all that was kept."""
        rows = np.concatenate(
            [np.empty((0, 4), dtype=np.int32), *(part[0] for part in self._parts)]
        )
        when = np.concatenate([np.empty(0), *(part[1] for part in self._parts)])
        place, what = rows[:, state.SHOWN_PLACE], rows[:, state.SHOWN_WHAT]
        person = rows[:, state.SHOWN_PERSON]
        order = np.lexsort((place, when, person))
        columns = {
            "person": person,
            "note": rows[:, state.SHOWN_NOTE],
            "when": when,
            "request": place // state.PLACES,
            "position": place % state.PLACES,
            "surface": what & 3,
            "is_opened": (what >> state.SHOWN_OPENED) & 1 > 0,
            "is_again": (what >> state.SHOWN_BEFORE) & 1 > 0,
            "deeds": what >> state.SHOWN_DEEDS,
        }
        return Seen(**{name: column[order] for name, column in columns.items()})
