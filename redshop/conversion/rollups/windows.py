"""The windows that sums are kept for."""

from typing import Final

#: In days; the first is the lookback of each product's category.
WINDOWS: Final = (0, 1, 7, 15, 30)
#: A bit for each.
ALL: Final = (1 << len(WINDOWS)) - 1


def flag(window_days: int | None) -> int:
    """Return the bit of a window, None being the lookback of each category."""
    return 1 << WINDOWS.index(window_days or 0)
