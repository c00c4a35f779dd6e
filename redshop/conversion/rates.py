"""Shares, with the interval that their sample size allows."""

from math import sqrt
from typing import Final

from redshop.conversion.types import Rate

#: The 97.5th percentile of the standard normal distribution.
Z: Final = 1.959963984540054


def rate(numerator: int, denominator: int) -> Rate:
    """Return the share with its 95 % Wilson score interval (Wilson 1927).

    Without a denominator there is no value; where the numerator exceeds it (events, not people)
    the ratio is no proportion and has no interval.
    """
    if denominator == 0:
        return Rate(numerator, denominator, None, None, None)
    value = numerator / denominator
    if numerator > denominator:
        return Rate(numerator, denominator, value, None, None)
    shrink = 1 + Z**2 / denominator
    centre = (value + Z**2 / (2 * denominator)) / shrink
    half = Z / shrink * sqrt(value * (1 - value) / denominator + Z**2 / (4 * denominator**2))
    low = 0.0 if numerator == 0 else centre - half
    high = 1.0 if numerator == denominator else centre + half
    return Rate(numerator, denominator, value, low, high)
