"""How much there was, from a sample of it: estimates with 95 % intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: The 97.5 % quantile of the standard normal distribution.
Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total, with a 95 % interval; all three in units of what is counted."""

    value: float
    low: float
    high: float


def total_count(*, sampled: int, share: float) -> Estimate:
    """Estimate how many there were, N, of which each was sampled with probability ``share``, s.

    Of N things n ~ Binomial(N, s) are seen. The estimate is n / s (Horvitz and Thompson 1952, "A
    generalization of sampling without replacement from a finite universe", JASA 47:663). The
    interval is a score interval (Wilson 1927, JASA 22:209) turned to N: all N with
    (n - N s)^2 <= z^2 N s (1 - s), that is
    [2n + z^2 (1-s) -+ z sqrt((1-s) (4n + z^2 (1-s)))] / 2s,
    never below the n that were seen. It holds for n = 0 too, and is exact for s = 1.
    """
    missed = 1 - share
    middle = 2 * sampled + Z**2 * missed
    spread = Z * math.sqrt(missed * (4 * sampled + Z**2 * missed))
    low, high = ((middle - spread) / (2 * share), (middle + spread) / (2 * share))
    return Estimate(sampled / share, max(low, float(sampled)), high)


def total_amount(amounts: Mapping[float, Sequence[int]]) -> Estimate:
    """Estimate a sum of minor units, from what was sampled of it by share.

    The sum of y / s, with the variance sum of y^2 (1 - s) / s^2 (Horvitz and Thompson 1952, for
    independent sampling) and a normal interval, never below what was seen.
    """
    value = sum(sum(seen) / share for share, seen in amounts.items())
    variance = sum(
        sum(amount**2 for amount in seen) * (1 - share) / share**2
        for share, seen in amounts.items()
    )
    spread = Z * math.sqrt(variance)
    seen_in_all = float(sum(sum(seen) for seen in amounts.values()))
    return Estimate(value, max(value - spread, seen_in_all), value + spread)


def total_over(counts: Mapping[float, int]) -> Estimate:
    """Estimate how many there were in all, from how many were sampled at each share.

    What was sampled at one share is one sample; intervals of several are combined by MOVER
    (Zou and Donner 2008, Statistics in Medicine 27:1693): the distances of the limits from the
    estimates add up as squares.
    """
    each = [total_count(sampled=sampled, share=share) for share, sampled in counts.items()]
    value = sum(one.value for one in each)
    below = math.hypot(*(one.value - one.low for one in each))
    above = math.hypot(*(one.high - one.value for one in each))
    return Estimate(value, max(value - below, float(sum(counts.values()))), value + above)
