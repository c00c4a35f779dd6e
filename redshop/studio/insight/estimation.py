"""Effects of attributes on counts and sums, as pure functions on arrays.

An outcome of notes is a sum (opens, saves, money) over an exposure (impressions, opens). It is
modelled as exposure x exp(X b) by Poisson pseudo-maximum likelihood, which needs no more than that
mean to be right (Gourieroux, Monfort, Trognon 1984; Santos Silva and Tenreyro 2006, "The log of
gravity"): exp(b) is how many times more of it there is with a level than without, all other
attributes being equal. Notes of one author resemble each other, so errors are clustered by author
and corrected for leverage (CR3, the jackknife: Bell and McCaffrey 2002; Cameron and Miller 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: The chance that an interval leaves the truth out.
ALPHA: Final = 0.05
#: Newton's steps at most, and when they are small enough.
STEPS, CLOSE = 60, 1e-9
#: A level's logarithm is held within so much, where the data say nothing of it.
MOST: Final = 12.0
#: What is left of a column that others add up to, beside its length.
NEARLY: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients (k,), their covariance (k, k), and how many clusters they rest on."""

    coefficients: Floats
    covariance: Floats
    clusters: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times more there is of something, its 95 % interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


def fit(design: Floats, sums: Floats, exposures: Floats, clusters: Ints) -> Fit | None:
    """Fit exposure x exp(X b) to sums; None where the data determine no such b.

    Args:
        design: float64[n, k], the first column ones.
        sums: float64[n], not negative.
        exposures: float64[n], positive.
        clusters: int64[n], whose the rows are.
    """
    if sums.sum() <= 0 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    found = _solve(design, sums, exposures)
    if found is None:
        return None
    coefficients, means = found
    information = design.T @ (design * means[:, None])
    covariance = _jackknife(design, sums, means, clusters, information)
    if covariance is None:
        return None
    return Fit(coefficients, covariance, len(np.unique(clusters)))


def independent(design: Floats) -> list[int]:
    """Return the columns that those before them do not add up to, first come first kept."""
    kept: list[int] = []
    left = np.empty((len(design), 0))
    for column in range(design.shape[1]):
        rest = design[:, column] - left @ (left.T @ design[:, column])
        rest = rest - left @ (left.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > NEARLY * max(float(np.linalg.norm(design[:, column])), 1.0):
            left = np.hstack([left, (rest / size)[:, None]])
            kept.append(column)
    return kept


def _solve(design: Floats, sums: Floats, exposures: Floats) -> tuple[Floats, Floats] | None:
    """Return b and the means at it, by Newton's method with halved steps."""
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(sums.sum() / exposures.sum())
    best = -inf
    for _ in range(STEPS):
        linear = np.clip(design @ coefficients, -700.0, 700.0)
        means = exposures * np.exp(linear)
        best = float(sums @ linear - means.sum())
        score = design.T @ (sums - means)
        try:
            step = np.linalg.solve(design.T @ (design * means[:, None]), score)
        except np.linalg.LinAlgError:
            return None
        size = 1.0
        while size > 1e-6:
            tried = np.clip(design @ (coefficients + size * step), -700.0, 700.0)
            if float(sums @ tried - (exposures * np.exp(tried)).sum()) >= best - 1e-12:
                break
            size /= 2
        coefficients = coefficients + size * step
        if np.abs(coefficients[1:]).max(initial=0.0) > MOST:
            return None  # a level of which there is nothing: no finite value fits best
        if np.abs(size * step).max() < CLOSE:
            return coefficients, exposures * np.exp(design @ coefficients)
    return None


def _jackknife(
    design: Floats, sums: Floats, means: Floats, clusters: Ints, information: Floats
) -> Floats | None:
    """Return the covariance as the spread of one-step estimates without each cluster."""
    try:
        bread = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return None
    order = np.argsort(clusters, kind="stable")
    cuts = np.flatnonzero(np.diff(clusters[order])) + 1
    moved = []
    for rows in np.split(order, cuts):
        mine, weights = design[rows], means[rows]
        score = mine.T @ (sums[rows] - weights)
        rest = information - mine.T @ (mine * weights[:, None])
        try:
            moved.append(np.linalg.solve(rest, score))
        except np.linalg.LinAlgError:
            moved.append(bread @ score)
    spread = np.array(moved)
    count = len(spread)
    if count < 2:
        return None
    return np.asarray((count - 1) / count * spread.T @ spread)


def ratio_of(found: Fit, column: int) -> Ratio | None:
    """Return exp of a coefficient with its interval, Student's with clusters - 1 degrees; None
    where nothing is known of its error."""
    value, freedom = float(found.coefficients[column]), found.clusters - 1
    error = float(np.sqrt(max(found.covariance[column, column], 0.0)))
    if error <= 0.0 or freedom < 1:
        return None
    half = float(stats.t.ppf(1 - ALPHA / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Ratio(exp(value), exp(max(value - half, -700)), exp(min(value + half, 700)), p)


def false_discovery_rates(p_values: Sequence[float]) -> list[float]:
    """Return q-values: all below a level hold less than that share of false ones, on average.

    Benjamini and Yekutieli (2001), which holds however the tests depend on each other.
    """
    if not p_values:
        return []
    rates: list[float] = stats.false_discovery_control(p_values, method="by").tolist()
    return rates
