"""Effects with their intervals, as pure functions on arrays: one value a person and arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]

#: The chance of saying that there is an effect where there is none.
ALPHA: Final = 0.05
#: Below it, arms do not have the people that their weights promise (as at GrowthBook).
MISMATCH: Final = 0.001
#: The number of people at which an always-valid interval is narrowest beside a fixed one.
TUNED_FOR: Final = 5_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value of an arm with the variance of its estimate, from n people."""

    value: float
    variance: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval, Student's with n - 1 degrees of freedom."""
        if self.n < 2:
            return -inf, inf
        half = float(stats.t.ppf(1 - ALPHA / 2, self.n - 1)) * sqrt(self.variance)
        return self.value - half, self.value + half


@dataclass(frozen=True, slots=True)
class Effect:
    """A treated arm beside the control: difference, its 95 % interval and two-sided p-value."""

    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether arms have as many people as their weights promise."""

    chi_squared: float
    p: float

    @property
    def is_mismatch(self) -> bool:
        return self.p < MISMATCH


def sample_ratio(counts: Sequence[int], weights: Sequence[int]) -> SampleRatio:
    """Return Pearson's chi-squared test of counts against weights (1 where nobody is there)."""
    total = sum(counts)
    if total == 0:
        return SampleRatio(0.0, 1.0)
    expected = np.array(weights, dtype=float) * total / sum(weights)
    found = stats.chisquare(np.array(counts, dtype=float), expected)
    return SampleRatio(float(found.statistic), float(found.pvalue))


def mean(values: Values) -> Estimate:
    """Return the mean of n values and the variance of that mean."""
    n = len(values)
    if n == 0:
        return Estimate(0.0, 0.0, 0)
    variance = float(values.var(ddof=1)) / n if n > 1 else 0.0
    return Estimate(float(values.mean()), variance, n)


def ratio(numerators: Values, denominators: Values) -> Estimate:
    """Return the ratio of two sums over n people, with its variance by the delta method.

    Var(R) = (var(y) - 2 R cov(y, x) + R^2 var(x)) / (n mean(x)^2), because people are what is
    randomised, not what stands below the line (Deng, Knoblich, Lu 2018, "Applying the Delta Method
    in Metric Analytics", KDD).
    """
    n, below = len(numerators), float(denominators.mean()) if len(denominators) else 0.0
    if n < 2 or below == 0:
        return Estimate(0.0, 0.0, n)
    value = float(numerators.mean()) / below
    covariance = np.cov(numerators, denominators, ddof=1)
    spread = covariance[0, 0] - 2 * value * covariance[0, 1] + value**2 * covariance[1, 1]
    return Estimate(value, float(max(spread, 0.0)) / (n * below**2), n)


def difference(treated: Estimate, control: Estimate) -> Effect:
    """Return treated less control with Welch's interval and test (Welch 1947)."""
    between = treated.value - control.value
    variance = treated.variance + control.variance
    if variance <= 0 or treated.n < 2 or control.n < 2:
        return Effect(between, -inf, inf, 1.0)
    parts = (treated.variance**2 / (treated.n - 1)) + (control.variance**2 / (control.n - 1))
    freedom, error = variance**2 / parts, sqrt(variance)
    half = float(stats.t.ppf(1 - ALPHA / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(between) / error, freedom))
    return Effect(between, between - half, between + half, p)


def relative(treated: Estimate, control: Estimate) -> Effect:
    """Return (treated - control) / control with its interval by the delta method.

    Var = var(t) / c^2 + t^2 var(c) / c^4; the p-value is that of the difference. Of a control of
    nothing there is no share.
    """
    plain = difference(treated, control)
    if control.value == 0:
        return Effect(0.0, -inf, inf, plain.p)
    value = plain.difference / control.value
    variance = treated.variance / control.value**2
    variance += treated.value**2 * control.variance / control.value**4
    half = float(stats.norm.ppf(1 - ALPHA / 2)) * sqrt(variance)
    return Effect(value, value - half, value + half, plain.p)


def always_valid(treated: Estimate, control: Estimate, *, tuned_for: int = TUNED_FOR) -> Effect:
    """Return treated less control with an interval and p-value that hold whenever one looks.

    An asymptotic confidence sequence: with N people in all, s^2 = N (var(t) + var(c)) and
    rho = sqrt((-2 ln a + ln(-2 ln a + 1)) / N*), the half-width at level a is
    s sqrt(2 (N rho^2 + 1) / (N rho)^2 ln(sqrt(N rho^2 + 1) / a)) (Waudby-Smith, Arbour, Sinha,
    Kennedy, Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences",
    Annals of Statistics 52(6)). Beside a fixed interval it is narrowest at N* people. The p-value
    is the level at which the sequence would just exclude no effect.
    """
    between = treated.value - control.value
    variance = treated.variance + control.variance
    people = treated.n + control.n
    if variance <= 0 or treated.n < 2 or control.n < 2:
        return Effect(between, -inf, inf, 1.0)
    tuning = -2 * log(ALPHA) + log(-2 * log(ALPHA) + 1)
    mixed = people * tuning / tuned_for  # N rho^2
    half = sqrt(variance * 2 * (mixed + 1) / mixed * log(sqrt(mixed + 1) / ALPHA))
    exponent = mixed / (mixed + 1) * between**2 / (2 * variance)
    p = min(1.0, sqrt(mixed + 1) * exp(-min(exponent, 700.0)))
    return Effect(between, between - half, between + half, p)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Arms after what people did before is taken out, and how much variance went with it."""

    treated: Estimate
    control: Estimate
    variance_reduction: float


def cuped(
    treated: Values, control: Values, *, treated_before: Values, control_before: Values
) -> Adjusted:
    """Take out of each value what the same person's value before the experiment tells of it.

    y - theta (x - mean(x)) with theta = cov(y, x) / var(x) over both arms (Deng, Xu, Kohavi, Walker
    2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment
    Data", WSDM). Where nothing is known from before, nothing changes.
    """
    values = np.concatenate([treated, control])
    before = np.concatenate([treated_before, control_before])
    spread = float(before.var(ddof=1)) if len(before) > 1 else 0.0
    theta = float(np.cov(values, before, ddof=1)[0, 1]) / spread if spread > 0 else 0.0
    centre = float(before.mean()) if len(before) else 0.0
    after = [
        mean(arm - theta * (known - centre))
        for arm, known in ((treated, treated_before), (control, control_before))
    ]
    plain = mean(treated).variance + mean(control).variance
    left = after[0].variance + after[1].variance
    return Adjusted(after[0], after[1], 1 - left / plain if plain > 0 else 0.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being many (Holm 1979): any below a level holds at it."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, so_far = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = so_far
    return corrected
