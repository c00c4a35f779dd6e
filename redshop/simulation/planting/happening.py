"""What people did with notes in memory, by kind: which rows of the log, and at what moment."""

from typing import Final, NamedTuple

import numpy as np

from redshop.events.kinds import EventKind, Source
from redshop.simulation.arrays import state
from redshop.simulation.arrays.log import Seen
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.planting.naming import first_of_each
from redshop.simulation.types import Bools, Ints

#: Seconds from a request to each next place on the screen, from there to the opened note, to what
#: is done with it, and between two such things (assumed).
_A_PLACE, _OPENS, _READS, _ACTS = 3.0, 1.0, 8.0, 1.0
_EVERY, _OPENED = 0, -1


class Act(NamedTuple):
    """A kind of event: which rows of the log are one, who states it, and when it is."""

    kind: EventKind
    bit: int  #: of the deeds; or every note on a screen, or every one that was opened
    source: Source
    after: float  #: seconds after its note came onto the screen


ACTS: Final = (
    Act(EventKind.IMPRESSION, _EVERY, Source.CLIENT, 0.0),
    Act(EventKind.NOTE_OPEN, _OPENED, Source.CLIENT, _OPENS),
    Act(EventKind.READ, _OPENED, Source.CLIENT, _OPENS + _READS),
    Act(EventKind.LIKE, state.LIKE, Source.SERVER, _OPENS + _READS + _ACTS),
    Act(EventKind.SAVE, state.SAVE, Source.SERVER, _OPENS + _READS + 2 * _ACTS),
    Act(EventKind.COMMENT, state.COMMENT, Source.SERVER, _OPENS + _READS + 3 * _ACTS),
    Act(EventKind.SHARE, state.SHARE, Source.SERVER, _OPENS + _READS + 4 * _ACTS),
    Act(EventKind.FOLLOW, state.FOLLOW, Source.SERVER, _OPENS + _READS + 5 * _ACTS),
    Act(EventKind.PRODUCT_VIEW, state.VIEW, Source.CLIENT, _OPENS + _READS + 6 * _ACTS),
)


class Happened(NamedTuple):
    """The rows of the log that are of a kind, in the order of time, and when each was."""

    act: Act
    rows: Ints
    days: np.ndarray[tuple[int], np.dtype[np.float64]]  #: since the first midnight


def happened(lived: Lived, seen: Seen) -> dict[EventKind, Happened]:
    """Return what happened, by kind; what somebody can do only once, once."""
    order = np.argsort(seen.when, kind="stable")
    return {each.kind: _of_act(each, lived, seen, order) for each in ACTS}


def first_follows(lived: Lived) -> tuple[Ints, Ints]:
    """Return who follows whom before the first day, as places of people and authors."""
    world = lived.arm.world
    person, slot = np.nonzero(world.follows >= 0)
    followed = world.authors[world.follows[person, slot]]
    pairs = first_of_each(person, followed)
    pairs = pairs[person[pairs] != followed[pairs]]
    return person[pairs], followed[pairs]


def _of_act(act: Act, lived: Lived, seen: Seen, order: Ints) -> Happened:
    rows = order[_is_of(act, seen)[order]]
    if act.kind in {EventKind.LIKE, EventKind.SAVE}:
        rows = rows[first_of_each(seen.person[rows], seen.note[rows])]
    elif act.kind == EventKind.FOLLOW:
        rows = _new_follows(lived, seen, rows)
    passed = seen.position[rows] * _A_PLACE + act.after
    return Happened(act, rows, seen.when[rows] + passed / state.DAY_SECONDS)


def _is_of(act: Act, seen: Seen) -> Bools:
    if act.bit == _EVERY:
        return np.ones(len(seen), dtype=np.bool_)
    return seen.is_opened if act.bit == _OPENED else np.asarray(seen.deeds & act.bit > 0)


def _new_follows(lived: Lived, seen: Seen, rows: Ints) -> Ints:
    """Return the rows that made somebody follow an author whom they did not follow."""
    person, author = seen.person[rows].astype(np.int64), lived.arm.notes.author[seen.note[rows]]
    count = lived.arm.world.count + len(lived.arm.world.assortment.brands)
    before = np.ravel_multi_index(first_follows(lived), (lived.arm.world.count, count))
    new = ~np.isin(person * count + author, before) & (person != author)
    rows, person, author = rows[new], person[new], author[new]
    return np.asarray(rows[first_of_each(person, author)])
