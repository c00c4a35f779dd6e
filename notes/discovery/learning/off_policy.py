"""How another policy would have fared, from what one policy showed and what came of it.

A place in an answer is a decision: of the notes at choice there (``ranking.exploration``) one was
shown, with a known probability. Another policy would have shown each of them with a probability
of its own. What came of what was shown, weighed by the ratio of the two, is an unbiased estimate
of what would have come of it, provided that a place's outcome depends on the note that stands
there and not on the notes around it.

- IPS: Horvitz and Thompson 1952. Unbiased, wide.
- SNIPS: the same over the mean weight; Swaminathan and Joachims, NeurIPS 2015. Nearly unbiased.
- Doubly robust: a model's prediction, corrected by IPS where it errs; Dudik et al., ICML 2011.

Outcomes of one answer hang together, so the intervals are over answers, not over places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from notes.discovery.ranking.arrays import Floats, Ints

#: The standard normal's quantile of a two-sided interval of 95 %.
Z95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Decisions:
    """Places at which one note of several was shown; arrays of one length unless said otherwise."""

    clusters: Ints  #: which answer each belongs to
    logged: Floats  #: the probability with which what was shown was shown
    target: Floats  #: that with which the other policy would have shown the same
    outcome: Floats  #: what came of it
    predicted: Floats  #: what a model says of the note that was shown
    predicted_target: Floats  #: what it says of the other policy's choice, on average


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval of 95 %."""

    value: float
    low: float
    high: float


def estimates(decisions: Decisions) -> dict[str, Estimate]:
    """Return the three estimates of the mean outcome a place under the other policy.

    Raises:
        ValueError: there are no decisions, or one that could not have been made.
    """
    if not len(decisions.logged) or np.any(decisions.logged <= 0):
        raise ValueError("every decision needs a propensity above zero")
    weight = decisions.target / decisions.logged
    weighed, robust = (_contributions(decisions, by) for by in ("ips", "dr"))
    snips = float(weighed.sum() / weight.sum()) if weight.sum() else 0.0
    scale = len(weight) / weight.sum() if weight.sum() else 0.0
    return {
        "ips": _interval(weighed, decisions.clusters),
        "snips": _interval(weighed - weight * snips, decisions.clusters, around=snips, scale=scale),
        "dr": _interval(robust, decisions.clusters),
    }


def difference(first: Decisions, second: Decisions, *, by: str = "dr") -> Estimate:
    """Return how much more the first policy's outcome would have been, over the same places."""
    one, other = (_contributions(each, by) for each in (first, second))
    return _interval(one - other, first.clusters)


def _contributions(decisions: Decisions, by: str) -> Floats:
    weight = decisions.target / decisions.logged
    if by == "dr":
        return np.asarray(
            decisions.predicted_target + weight * (decisions.outcome - decisions.predicted)
        )
    return np.asarray(weight * decisions.outcome)


def _interval(
    values: Floats, clusters: Ints, *, around: float | None = None, scale: float = 1.0
) -> Estimate:
    """Return a mean and its interval, by the variance of the sums of clusters."""
    mean = float(values.mean())
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, weights=values - mean)
    count = len(sums)
    correction = count / (count - 1) if count > 1 else 1.0
    half = Z95 * scale * float(np.sqrt(correction * (sums**2).sum())) / len(values)
    middle = mean if around is None else around
    return Estimate(middle, middle - half, middle + half)


def effective_size(decisions: Decisions) -> float:
    """Return how many decisions of the other policy's own these are worth (Kish)."""
    weight = decisions.target / decisions.logged
    return float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0


def as_json(found: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """Return estimates as they are kept and told."""
    return {name: {"value": e.value, "low": e.low, "high": e.high} for name, e in found.items()}


def joined(parts: Sequence[Decisions]) -> Decisions:
    """Return the decisions of several sets of answers as one."""
    offsets = np.cumsum([0, *(part.clusters.max(initial=-1) + 1 for part in parts)])
    clusters = [part.clusters + offset for part, offset in zip(parts, offsets, strict=False)]
    rest = [
        np.concatenate([getattr(part, entry.name) for part in parts])
        for entry in fields(Decisions)
        if entry.name != "clusters"
    ]
    return Decisions(np.concatenate(clusters), *rest)
