"""Scores as pure functions: what is known of notes and a policy in, scores out.

The live feed, the simulated world and the evaluation of policies run this same code. Nothing here
reads a database or a clock, and no result depends on the order in which the notes are handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.pool import INTERACTIONS, Signals


@dataclass(frozen=True, slots=True)
class Scores:
    """How each note's score came about: the weighted sum of features, times the factors."""

    features: Mapping[str, Floats]
    factors: Mapping[str, Floats]
    total: Floats


def scores_of(
    signals: Signals, *, policy: FeedPolicy, predicted: Mapping[str, Floats] | None = None
) -> Scores:
    """Score every note by a policy, for one viewer or for nobody in particular.

    Features that weigh nothing are left out, and so is what is not known of this viewer.

    Args:
        predicted: float64[n] each, the probabilities of a learned model, by what they are of.
    """
    known: dict[str, Floats] = {
        "engagement": engagement(signals, policy=policy),
        "freshness": freshness(signals["age_hours"], policy.half_life_hours),
        **{name: signals[name] for name in policy.AS_KNOWN if name in signals},
        **(predicted or {}),
    }
    weights = policy.weights
    features = {name: values for name, values in known.items() if weights[name]}
    factors: dict[str, Floats] = {}
    if "times_shown" in signals:
        factors["seen"] = seen(signals, policy=policy)
        factors["reduced_topic"] = np.where(
            signals["is_reduced"] > 0, policy.reduced_topic_factor, 1.0
        )
    return Scores(features, factors, combine(features, factors, weights=weights))


def combine(
    features: Mapping[str, Floats], factors: Mapping[str, Floats], *, weights: Mapping[str, float]
) -> Floats:
    """Return the weighted sum of the features, times every factor."""
    total = np.add.reduce([weights[name] * values for name, values in features.items()])
    return np.asarray(np.multiply.reduce([total, *factors.values()]))


def interactions_of(columns: Sequence[Sequence[int]]) -> dict[str, Floats]:
    """Return the counters by name from columns in the order of ``INTERACTIONS``."""
    return {
        name: np.array(column, dtype=np.float64)
        for name, column in zip(INTERACTIONS, columns, strict=True)
    }


def weighted_interactions(interactions: Mapping[str, Floats], *, policy: FeedPolicy) -> Floats:
    """Return float64[n]: the interactions, each by the policy's weight."""
    return (
        policy.like * interactions["likes"]
        + policy.save * interactions["saves"]
        + policy.comment * interactions["comments"]
        + policy.share * interactions["shares"]
        + policy.follow * interactions["follows"]
    )


def engagement(interactions: Mapping[str, Floats], *, policy: FeedPolicy) -> Floats:
    """Return float64[n] in 0..1: the logarithm of the weighted interactions, saturated."""
    weighted = weighted_interactions(interactions, policy=policy)
    return np.asarray(np.minimum(np.log1p(weighted) / np.log1p(policy.saturation), 1.0))


def freshness(age_hours: Floats, half_life_hours: float) -> Floats:
    """Return float64[n] in 0..1: one when published, half after each half-life."""
    return np.asarray(np.exp2(-np.maximum(age_hours, 0.0) / half_life_hours))


def seen(signals: Signals, *, policy: FeedPolicy) -> Floats:
    """Return float64[n]: how far what the viewer has seen or opened sinks."""
    shown = policy.seen_factor ** np.minimum(signals["times_shown"], 3.0)
    return np.where(signals["is_opened"] > 0, policy.opened_factor, shown)
