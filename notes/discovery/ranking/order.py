"""From scores to an order: ties, an author's share, paid notes apart, small creators' places."""

import numpy as np

from notes.discovery.ranking.arrays import Bools, Floats, Ints

#: Scores closer than this are equal, and the newer note goes first.
DECIMALS = 9


def recency(published_at: Floats, note_ids: Ints) -> Ints:
    """Return int64[n]: each note's place when the newest is first; what breaks every tie."""
    place = np.empty(len(note_ids), dtype=np.int64)
    place[np.lexsort((-note_ids, -published_at))] = np.arange(len(note_ids))
    return place


def best(*, scores: Floats, tie_break: Ints, limit: int) -> Ints:
    """Return the indices of the best scores, best first."""
    return np.lexsort((tie_break, -np.round(scores, DECIMALS)))[:limit]


def author_places(*, scores: Floats, author_ids: Ints, tie_break: Ints) -> Ints:
    """Return int64[n]: how many better notes the author of each has among these."""
    order = np.lexsort((tie_break, -np.round(scores, DECIMALS), author_ids))
    authors = author_ids[order]
    starts = np.flatnonzero(np.r_[True, authors[1:] != authors[:-1]])
    sizes = np.diff(np.r_[starts, len(authors)])
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return places


def author_repeats(*, scores: Floats, author_ids: Ints, tie_break: Ints, factor: float) -> Floats:
    """Return float64[n]: ``factor`` to the power of how many better notes the author has here."""
    places = author_places(scores=scores, author_ids=author_ids, tie_break=tie_break)
    return np.asarray(factor**places)


def spaced(is_apart: Bools, *, gap: int, limit: int) -> Ints:
    """Return places of a list in a new order: those marked stand at least ``gap`` places apart.

    Everything else keeps its order; what is marked moves down to the first place that is far
    enough from the one before, and is left out where there is none among the first ``limit``.
    """
    waiting, rest = np.flatnonzero(is_apart).tolist(), np.flatnonzero(~is_apart).tolist()
    chosen: list[int] = []
    last = -gap
    while len(chosen) < limit and (waiting or rest):
        is_free = bool(waiting) and len(chosen) - last >= gap
        if is_free and (not rest or waiting[0] < rest[0]):
            last = len(chosen)
            chosen.append(waiting.pop(0))
        elif rest:
            chosen.append(rest.pop(0))
        else:
            break
    return np.array(chosen, dtype=np.int64)


def shared_out(is_entitled: Bools, *, share: float, limit: int) -> Ints:
    """Return places of a list in a new order, in which those entitled get their share.

    Of the first ``k`` places, whatever ``k``, at least the whole part of ``share * k`` are
    theirs, as long as there are any; within either kind the order stays. Nobody is moved down
    where they had their share anyway.
    """
    theirs, others = np.flatnonzero(is_entitled).tolist(), np.flatnonzero(~is_entitled).tolist()
    given, first, second = 0, 0, 0
    chosen: list[int] = []
    for place in range(min(limit, len(is_entitled))):
        has_more = first < len(theirs)
        is_due = given < int(share * (place + 1) + 1e-9)
        is_next = second == len(others) or (has_more and theirs[first] < others[second])
        if has_more and (is_due or is_next):
            chosen.append(theirs[first])
            first, given = first + 1, given + 1
        else:
            chosen.append(others[second])
            second += 1
    return np.array(chosen, dtype=np.int64)
