"""What points of a brand lead to, and how they go.

The steps (2, 4, 6, 8, 10) are this platform's; their limits and the decay are a choice of this
deployment, and no figure of any other platform.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

#: Two points go for every thirty days in which nothing is added.
DECAY: Final = timedelta(days=30)
STEP: Final = 2
MOST: Final = 10


class Limit(IntEnum):
    """From so many points on, this holds for notes that speak for the brand or that it paid."""

    WARNED = 2
    NO_START = 4
    REVIEWED = 6
    NOT_RECOMMENDED = 8
    SUSPENDED = 10


IN_WORDS: Final = {
    Limit.WARNED: "warned",
    Limit.NO_START: "its new notes get no guaranteed exposure",
    Limit.REVIEWED: "a person looks at each of its notes before it is published",
    Limit.NOT_RECOMMENDED: "its notes are shown to followers and searchers only",
    Limit.SUSPENDED: "it can publish nothing",
}


def points_at(violations: Sequence[tuple[datetime, int]], *, at: datetime) -> int:
    """Return the points left of violations (moment, points), whatever their order.

    Each adds its points to what is left, ten at most; then two go for every thirty whole days.
    """
    left, since = 0, None
    for moment, points in sorted(violations):
        if since is not None:
            left = _decayed(left, moment - since)
        left, since = min(MOST, left + points), moment
    return _decayed(left, at - since) if since is not None else 0


def limits_at(points: int) -> list[Limit]:
    """Return what holds at so many points."""
    return [limit for limit in Limit if points >= limit]


def _decayed(points: int, passed: timedelta) -> int:
    return max(0, points - STEP * max(0, passed // DECAY))


#: What SQL asks of ``note`` so that it may be recommended; brands are looked up once a statement.
RECOMMENDED: Final = f"""(note.brand_id IS NULL OR note.brand_id <> ALL(ARRAY(
    SELECT brand_id FROM notes_brandstanding WHERE points >= {Limit.NOT_RECOMMENDED:d})))"""  # noqa: S608 - a constant
