"""Variety in a ranked list, at a price with a bound.

Both ways look at the last ``window`` notes shown and prefer what adds something to them. At each
place a note may be chosen only if its score is at least ``1 - loss`` times the best score that is
left. Since one of the ``k`` best notes is always left at place ``k``, the first ``k`` notes keep
at least ``1 - loss`` times the sum of the ``k`` best scores, whatever ``k``.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from notes.discovery.ranking.arrays import Floats, Ints, Singles

_Gain = Callable[[int], Floats]
_Chosen = Callable[[int], None]


def spectrum(
    scores: Floats, vectors: Singles, *, strength: float, loss: float, window: int, places: int
) -> Ints:
    """Reorder by sliding spectrum decomposition: score plus what is new beside the last notes.

    Huang et al., "Sliding Spectrum Decomposition for Diversified Recommendation", KDD 2021: of
    each note counts the length of its vector that is orthogonal to the last ``window`` notes,
    kept up by Gram-Schmidt, and given back when a note leaves the window.

    Args:
        scores: float64[n], not negative, best first.
        vectors: float32[n, d], of length one, or zero where nothing is known.
        places: only so many are chosen this way; the rest follow in their order.
    """
    residual = vectors.copy()
    memory: deque[tuple[Singles, Singles]] = deque()

    def gain(count: int) -> Floats:
        there = residual[:count]
        return np.asarray(strength * np.sqrt(np.einsum("ij,ij->i", there, there)))

    def chosen(place: int) -> None:
        direction = residual[place].copy()
        length = float(direction @ direction)
        if length < 1e-9:
            direction, shares = direction * 0, np.zeros(len(residual), dtype=np.float32)
        else:
            shares = residual @ direction / length
        memory.append((shares, direction))
        np.subtract(residual, np.outer(shares, direction), out=residual)
        if len(memory) > window:
            old_shares, old_direction = memory.popleft()
            np.add(residual, np.outer(old_shares, old_direction), out=residual)

    return _greedy(scores, gain, chosen, loss=loss, places=places)


def marginal(
    scores: Floats, vectors: Singles, *, strength: float, loss: float, window: int, places: int
) -> Ints:
    """Reorder by maximal marginal relevance: score less likeness to the nearest of the last notes.

    Carbonell and Goldstein, "The Use of MMR", SIGIR 1998, over a sliding window. Arguments as of
    ``spectrum``.
    """
    memory: deque[Floats] = deque(maxlen=window)

    def gain(count: int) -> Floats:
        if not memory:
            return np.zeros(count)
        nearest = np.maximum.reduce([likeness[:count] for likeness in memory])
        return np.asarray(-strength * nearest)

    def chosen(place: int) -> None:
        memory.append((vectors @ vectors[place]).astype(np.float64))

    return _greedy(scores, gain, chosen, loss=loss, places=places)


def _greedy(scores: Floats, gain: _Gain, chosen: _Chosen, *, loss: float, places: int) -> Ints:
    """Choose place after place; a note's bonus never buys more than ``loss`` of the best score."""
    is_left = np.ones(len(scores), dtype=np.bool_)
    order: list[int] = []
    head = 0
    rising = -scores
    for _ in range(min(places, len(scores))):
        while not is_left[head]:
            head += 1
        floor = scores[head] * (1.0 - loss)
        count = max(int(np.searchsorted(rising, -floor, side="right")), head + 1)
        worth = np.where(is_left[:count], scores[:count] + gain(count), -np.inf)
        place = int(np.argmax(worth))
        is_left[place] = False
        order.append(place)
        chosen(place)
    return np.concatenate([np.array(order, dtype=np.int64), np.flatnonzero(is_left)])
