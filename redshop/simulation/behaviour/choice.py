"""Which of the notes on the screen are looked at, and which are opened."""

from typing import Final

import numpy as np

from redshop.simulation.behaviour.marking import compilable
from redshop.simulation.types import Bools, Floats, Ints

#: Fewest and mean further notes scrolled past in one request (assumed).
LEAST_DEPTH: Final = 8
MEAN_FURTHER: Final = 14.0
#: Decay of attention with position: search falls faster than the feed (shape assumed).
GAMMA_SEARCH: Final = 0.30
GAMMA_FEED: Final = 0.10
#: The intercept puts opens per impression at ``funnel.open_given_impression`` (0.17, measured).
INTERCEPT: Final = -0.60
#: Weights of the utility, in logits (all assumed).
RELEVANCE: Final = 0.65
QUALITY: Final = 0.35
SOCIAL_PROOF: Final = 0.06
FOREIGN: Final = -0.90
SEEN_BEFORE: Final = -1.20
#: Trust by provenance, in logits (assumed; the sign follows "the more organic, the more engaging").
TRUST: Final = {
    "user": 0.0,
    "verified_purchase": 0.20,
    "brand": -0.35,
    "sponsored": -0.30,
    "generated": -0.25,
}


@compilable
def depths(draws: Floats, shown: int) -> Ints:
    """Return how many of ``shown`` notes come onto the screen before the person stops scrolling.

    LEAST_DEPTH + Geometric(mean MEAN_FURTHER), cut at what is shown.
    """
    q = MEAN_FURTHER / (1 + MEAN_FURTHER)
    further = np.floor(np.log1p(-draws) / np.log(q))
    counts: Ints = np.minimum(LEAST_DEPTH + further, shown).astype(np.int64)
    return counts


def mean_depth(*, shown: int) -> float:
    """Return the expected depth of a request: LEAST_DEPTH + q (1 - q^m) / (1 - q), m cut there."""
    q = MEAN_FURTHER / (1 + MEAN_FURTHER)
    return float(LEAST_DEPTH + q * (1 - q ** (shown - LEAST_DEPTH)) / (1 - q))


@compilable
def examination(positions: Ints, searching: Bools) -> Floats:
    """Return the probability that a note on the screen is looked at: (1 + position) ** -gamma.

    The position-based model (Richardson et al. 2007; Chuklin et al. 2015): an open needs a look
    and a liking, independently.
    """
    gamma = np.where(searching, GAMMA_SEARCH, GAMMA_FEED)
    return np.asarray((1.0 + positions) ** -gamma)


@compilable
def utility(
    affinity: Floats, quality: Floats, trust: Floats, likes: Ints, foreign: Bools, seen: Bools
) -> Floats:
    """Return the utility of opening a note, in logits.

    INTERCEPT + RELEVANCE ln(0.1 + affinity) + QUALITY q + trust + SOCIAL_PROOF ln(1 + likes)
    + FOREIGN [other language] + SEEN_BEFORE [shown earlier]. ``affinity`` is the person's interest
    in what the note is about, 1 on average; ``quality`` is standard normal.
    """
    return np.asarray(
        INTERCEPT
        + RELEVANCE * np.log(0.1 + affinity)
        + QUALITY * quality
        + trust
        + SOCIAL_PROOF * np.log1p(likes)
        + FOREIGN * foreign
        + SEEN_BEFORE * seen
    )


@compilable
def tiredness(
    opened: Ints, ads: Ints, is_paid: Bools, satiation: float, ad_fatigue: float
) -> Floats:
    """Return what opening a note has lost in utility today, in logits.

    satiation x notes opened today + ad_fatigue x paid notes seen today [the note is a paid one].
    Both rates are assumed (``attention.satiation``, ``attention.ad_fatigue``).
    """
    return np.asarray(satiation * opened + ad_fatigue * ads * is_paid)


@compilable
def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)): the binary logit of opening against scrolling on."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


@compilable
def open_probability(utilities: Floats, positions: Ints, searching: Bools) -> Floats:
    """Return P(open | impression) = P(look at position) x logit(utility)."""
    return examination(positions, searching) * logistic(utilities)
