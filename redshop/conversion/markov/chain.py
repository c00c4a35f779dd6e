"""Removal effects of a first-order Markov chain, exactly."""

import numpy as np
from numpy.typing import NDArray


def removal_effects(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of conversions that is lost without each of k groups, shape (k,).

    ``counts``, of shape (k + 1, k + 2), says how often a path went on from a state to another.
    Rows: the start, then the groups. Columns: the groups, then conversion, then no conversion.

    A path that would come to a removed group ends without converting (Anderl, Becker, von
    Wangenheim, Schumann 2016, "Mapping the customer journey", IJRM 33(3)). With P(reach) the
    probability that a path from the start ever comes to a group, and P(convert) that it converts
    from where it is, what is lost is P(reach group) * P(convert from group) / P(convert from
    start). Both come from the fundamental matrix N = (I - Q)^-1 of the chain (Kemeny and Snell
    1960): P(reach group) = N[start, group] / N[group, group]. So one inverse of k + 1 states
    replaces a linear solve for each group.

    Without any conversion, or for a group that no path reaches, the effect is 0.

    Raises:
        ValueError: the shape is another, or a count is negative.
    """
    groups = counts.shape[0] - 1
    if counts.shape != (groups + 1, groups + 2) or (counts < 0).any():
        raise ValueError("counts are k + 1 rows of k + 2 numbers from 0 on")
    sums = counts.sum(axis=1, keepdims=True)
    moves = np.divide(counts, sums, out=np.zeros_like(counts, dtype=np.float64), where=sums > 0)
    transient = np.zeros((groups + 1, groups + 1))
    transient[:, 1:] = moves[:, :groups]
    fundamental = np.linalg.inv(np.eye(groups + 1) - transient)
    converts = fundamental @ moves[:, groups]
    if converts[0] <= 0:
        return np.zeros(groups)
    reached = fundamental[0, 1:] / np.diag(fundamental)[1:]
    return np.asarray(np.clip(reached * converts[1:] / converts[0], 0.0, 1.0))
