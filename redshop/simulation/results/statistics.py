"""Means over replications and paired differences between arms, with intervals of 95 %."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import t as student

from redshop.simulation.types import Floats

LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its interval (Student's t over replications); NaN where there is only one."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, slots=True)
class Paired:
    """An arm beside another over the same replications.

    ``variance_ratio`` is how many times the variance of the difference would be with independent
    worlds: (var a + var b) / var (a - b). ``p`` is of no difference; ``p_holm`` allows for as many
    metrics as are read at once (Holm 1979).
    """

    arm: str
    against: str
    metric: str
    difference: float
    low: float
    high: float
    variance_ratio: float
    p: float
    p_holm: float


def interval(values: Floats) -> Interval:
    """Return the mean of what replications gave, with its interval; NaN ones are left out."""
    there = values[~np.isnan(values)]
    if not len(there):
        return Interval(float("nan"), float("nan"), float("nan"))
    mean = float(there.mean())
    if len(there) < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = _quantile(len(there)) * float(there.std(ddof=1)) / np.sqrt(len(there))
    return Interval(mean, mean - half, mean + half)


def compare(results: Sequence[Mapping[str, Mapping[str, float]]], *, against: str) -> list[Paired]:
    """Return the paired differences of every arm from one, in every metric.

    Args:
        results: of each replication, by arm, the value of each metric.
    """
    arms, metrics = list(results[0]), list(results[0][against])
    found = []
    for arm in arms:
        if arm == against:
            continue
        rows = [
            _paired(
                np.array([each[arm][metric] for each in results]),
                np.array([each[against][metric] for each in results]),
            )
            for metric in metrics
        ]
        adjusted = holm([row[4] for row in rows])
        found += [
            Paired(arm, against, metric, *row, p_holm)
            for metric, row, p_holm in zip(metrics, rows, adjusted, strict=True)
        ]
    return found


def every_pair(
    results: Sequence[Mapping[str, Mapping[str, float]]], *, metric: str
) -> list[Paired]:
    """Return the paired difference of every arm from every one before it, in one metric.

    ``p_holm`` allows for as many pairs as there are.
    """
    arms = list(results[0])
    pairs = [(arm, other) for place, arm in enumerate(arms) for other in arms[:place]]
    rows = [
        _paired(
            np.array([each[arm][metric] for each in results]),
            np.array([each[other][metric] for each in results]),
        )
        for arm, other in pairs
    ]
    adjusted = holm([row[4] for row in rows])
    return [
        Paired(arm, other, metric, *row, p_holm)
        for (arm, other), row, p_holm in zip(pairs, rows, adjusted, strict=True)
    ]


def _paired(mine: Floats, theirs: Floats) -> tuple[float, float, float, float, float]:
    """Return difference, low, high, ratio of variances, and p."""
    there = ~(np.isnan(mine) | np.isnan(theirs))
    mine, theirs = mine[there], theirs[there]
    told = interval(mine - theirs)
    if len(mine) < 2:
        return told.mean, told.low, told.high, float("nan"), float("nan")
    apart = float((mine - theirs).var(ddof=1))
    if not apart:
        is_same = told.mean == 0.0
        return told.mean, told.low, told.high, float("inf"), 1.0 if is_same else 0.0
    ratio = float(mine.var(ddof=1) + theirs.var(ddof=1)) / apart
    statistic = abs(told.mean) / np.sqrt(apart / len(mine))
    return told.mean, told.low, told.high, ratio, float(2 * student.sf(statistic, len(mine) - 1))


def holm(values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number (Holm 1979); NaN ones are left out."""
    order = sorted((p, place) for place, p in enumerate(values) if p == p)
    adjusted, least = [float("nan")] * len(values), 0.0
    for rank, (p, place) in enumerate(order):
        least = max(least, min(p * (len(order) - rank), 1.0))
        adjusted[place] = least
    return adjusted


def is_precise(
    results: Sequence[Mapping[str, Mapping[str, float]]],
    *,
    against: str,
    metric: str,
    half_width: float,
) -> bool:
    """Tell whether every difference in a metric is known within a share of the usual value."""
    if len(results) < 3:
        return False
    usual = abs(interval(np.array([each[against][metric] for each in results])).mean)
    rows = [row for row in compare(results, against=against) if row.metric == metric]
    return all((row.high - row.low) / 2 <= half_width * usual for row in rows)


def _quantile(count: int) -> float:
    return float(student.ppf(0.5 + LEVEL / 2, count - 1))
