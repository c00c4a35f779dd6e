"""A little chance in an order, with the probability of what it did.

Place after place, the next note is the best that is left, except with probability ``share``: then
it is drawn from the ``window`` best that are left, each as likely as the others. The probability
with which a note came to its place, given those before it, is its propensity: what it takes to
say later how another order would have fared (``learning.off_policy``).
"""

from typing import Final
from uuid import UUID

import numpy as np

from notes.discovery.ranking.arrays import Floats, Ints

_LOWER_HALF: Final = 2**64 - 1


def draws_of(request_id: UUID, size: int) -> Floats:
    """Return float64[size, 2] in [0, 1): always the same for the lower half of a request's id.

    Counter-based (Philox 4x64, Salmon et al. 2011).
    """
    bits = np.random.Philox(key=request_id.int & _LOWER_HALF)
    return np.random.Generator(bits).random((size, 2))


def explore(draws: Floats, *, share: float, window: int) -> tuple[Ints, Floats]:
    """Return an order of as many places as there are draws, and the propensity of each.

    Args:
        draws: float64[n, 2]: whether chance decides at a place, and for whom.
    """
    size = len(draws)
    if not share or window < 2:
        return np.arange(size), np.ones(size)
    waiting = list(range(min(window, size)))
    following = len(waiting)
    order, propensities = [], []
    for decides, whom in draws.tolist():
        count = len(waiting)
        pick = int(whom * count) if decides < share else 0
        order.append(waiting.pop(pick))
        propensities.append(share / count + (0.0 if pick else 1.0 - share))
        if following < size:
            waiting.append(following)
            following += 1
    return np.array(order, dtype=np.int64), np.array(propensities)


def propensities(count: int, *, share: float) -> Floats:
    """Return float64[count]: how likely each of those at choice is, the best first."""
    if count == 0:
        return np.empty(0)
    even = np.full(count, share / count)
    even[0] += 1.0 - share
    return even


def choices(order: Ints, *, window: int) -> list[list[int]]:
    """Return, for each place, what was at choice there, best first: ``explore`` read backwards.

    Args:
        order: int64[n], a permutation that ``explore`` returned.
    """
    size = len(order)
    waiting = list(range(min(max(window, 1), size)))
    following = len(waiting)
    found = []
    for chosen in order.tolist():
        found.append(waiting.copy())
        waiting.remove(chosen)
        if following < size:
            waiting.append(following)
            following += 1
    return found
