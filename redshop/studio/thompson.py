"""Thompson sampling with known chances, and what can be said afterwards. Pure functions.

Each epoch, every variant is offered with the chance that it is the best, by Beta posteriors of what
people did (Thompson 1933; Chapelle and Li 2011), never below a floor: so that every variant goes on
being measured, and the chances are known. What was collected so is not a fair average, since the
better was shown more; estimates weigh each epoch by the square root of the chance, which makes them
asymptotically normal (Hadad, Hirshberg, Zhan, Wager, Athey 2021, PNAS 118(15)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

#: Draws by which the chance of being best is told, to some tenths of a percent.
DRAWS: Final = 20_000
#: The least chance of any variant, together.
FLOOR: Final = 0.10
Z95: Final = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one variant in one epoch: its chance, who saw it, who of them did it."""

    propensity: float
    people: int
    successes: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """A rate with its standard error and 95 % interval."""

    value: float
    error: float
    people: int

    @property
    def low(self) -> float:
        return max(self.value - Z95 * self.error, 0.0)

    @property
    def high(self) -> float:
        return min(self.value + Z95 * self.error, 1.0)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much, with its 95 % interval."""

    value: float
    low: float
    high: float


def posterior(batches: Sequence[Batch]) -> tuple[float, float]:
    """Return alpha and beta of what is believed of a variant, from Beta(1, 1) on."""
    people = sum(batch.people for batch in batches)
    successes = sum(batch.successes for batch in batches)
    return 1.0 + successes, 1.0 + people - successes


def propensities(posteriors: Sequence[tuple[float, float]], *, seed: Sequence[int]) -> Floats:
    """Return float64[n]: the chance that each is the best, of which FLOOR is shared out evenly."""
    rng = np.random.default_rng(np.random.SeedSequence(list(seed)))
    alphas, betas = np.array(posteriors, dtype=np.float64).T
    draws = rng.beta(alphas, betas, size=(DRAWS, len(alphas)))
    best = np.bincount(draws.argmax(axis=1), minlength=len(alphas)) / DRAWS
    return np.asarray(FLOOR / len(alphas) + (1.0 - FLOOR) * best)


def estimate(batches: Sequence[Batch]) -> Estimated | None:
    """Return the rate of a variant over its epochs; None where nobody saw it.

    Each epoch's rate is unbiased, since within an epoch chances do not change. They are averaged
    with weights people in the epoch x sqrt(chance) = n / chance x sqrt(chance), and errors with
    Laplace's rate, so that an epoch of no success is not taken for certain.
    """
    seen = [batch for batch in batches if batch.people]
    if not seen:
        return None
    people = np.array([batch.people for batch in seen], dtype=np.float64)
    rates = np.array([batch.successes for batch in seen]) / people
    weights = people / np.sqrt([batch.propensity for batch in seen])
    smoothed = (rates * people + 1) / (people + 2)
    variances = smoothed * (1 - smoothed) / people
    total = weights.sum()
    error = sqrt(float((weights**2 * variances).sum())) / float(total)
    return Estimated(float((weights * rates).sum() / total), error, int(people.sum()))


class Rate(Protocol):
    """Whatever has a rate and its standard error."""

    @property
    def value(self) -> float: ...
    @property
    def error(self) -> float: ...


def ratio(one: Rate, other: Rate) -> Ratio | None:
    """Return how many times the other's rate the one's is, by the delta method on logarithms."""
    if one.value <= 0 or other.value <= 0:
        return None
    error = sqrt((one.error / one.value) ** 2 + (other.error / other.value) ** 2)
    middle = log(one.value / other.value)
    return Ratio(exp(middle), exp(middle - Z95 * error), exp(middle + Z95 * error))
