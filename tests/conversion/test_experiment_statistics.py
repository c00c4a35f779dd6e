"""Statistics of experiments against known truth, other libraries and a well-known experiment."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from redshop.conversion.experiments import statistics as ours
from redshop.conversion.experiments.statistics import Estimate


def rng(seed: int) -> Any:
    return np.random.default_rng(seed)


def shares(retained: int, people: int) -> Estimate:
    value = retained / people
    return Estimate(value, value * (1 - value) / people, people)


def test_a_well_known_experiment_is_judged_as_others_judge_it() -> None:
    """A mobile game's gate at level 30 or 40: 7-day retention of 90,189 players (Cookie Cats)."""
    control, treated = shares(8_502, 44_700), shares(8_279, 45_489)

    assert ours.difference(treated, control).p == pytest.approx(0.0016, abs=5e-5)
    assert ours.always_valid(treated, control).p == pytest.approx(0.083, abs=5e-4)
    assert ours.sample_ratio([44_700, 45_489], [1, 1]).p == pytest.approx(0.0086, abs=1e-4)
    interval = ours.always_valid(treated, control)
    assert interval.low < 0 < interval.high


def test_fixed_intervals_are_scipys() -> None:
    chance = rng(1)
    a, b = chance.exponential(2, 300), chance.exponential(2.4, 500)

    found = ours.difference(ours.mean(a), ours.mean(b))
    known = stats.ttest_ind(a, b, equal_var=False)
    interval = known.confidence_interval()

    assert (found.p, found.low, found.high) == pytest.approx(
        (known.pvalue, interval.low, interval.high)
    )


def test_a_ratio_has_the_variance_of_the_bootstrap() -> None:
    chance = rng(2)
    below = chance.poisson(30, 2_000).astype(float)
    above = chance.binomial(below.astype(int), chance.beta(2, 8, 2_000)).astype(float)

    found = ours.ratio(above, below)
    picks = chance.integers(0, 2_000, (2_000, 2_000))
    again = above[picks].sum(axis=1) / below[picks].sum(axis=1)

    assert found.value == pytest.approx(above.sum() / below.sum())
    assert sqrt(found.variance) == pytest.approx(float(again.std()), rel=0.05)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance, held, lifted = rng(3), 0, 0
    for _ in range(1_000):
        a, b = chance.gamma(1, 2, 400), chance.gamma(1, 2.2, 400)
        plain = ours.difference(ours.mean(b), ours.mean(a))
        share = ours.relative(ours.mean(b), ours.mean(a))
        held += plain.low <= 0.2 <= plain.high
        lifted += share.low <= 0.1 <= share.high

    assert 930 <= held <= 970
    assert 930 <= lifted <= 970


def test_looking_again_and_again_fools_the_fixed_test_and_not_the_other() -> None:
    """A thousand experiments without any effect, looked at 40 times each."""
    chance = rng(4)
    a, b = (chance.normal(0, 1, (1_000, 4_000)) for _ in range(2))
    fixed, always = np.zeros(1_000, bool), np.zeros(1_000, bool)
    for n in range(100, 4_001, 100):
        for one in range(1_000):
            arms = [
                Estimate(float(of[one, :n].mean()), float(of[one, :n].var(ddof=1)) / n, n)
                for of in (a, b)
            ]
            variance = arms[0].variance + arms[1].variance
            fixed[one] |= abs(arms[1].value - arms[0].value) > 1.96 * sqrt(variance)
            always[one] |= ours.always_valid(arms[1], arms[0]).p < 0.05

    assert fixed.mean() > 0.2
    assert always.mean() <= 0.05


def test_what_was_known_before_narrows_and_does_not_move() -> None:
    chance, plain, adjusted, reductions = rng(5), [], [], []
    for _ in range(400):
        before = chance.normal(10, 3, 600)
        after = before + chance.normal(0, 2, 600)
        after[:300] += 0.5
        arms = {"treated_before": before[:300], "control_before": before[300:]}
        found = ours.cuped(after[:300], after[300:], **arms)
        plain.append(after[:300].mean() - after[300:].mean())
        adjusted.append(found.treated.value - found.control.value)
        reductions.append(found.variance_reduction)

    assert np.mean(adjusted) == pytest.approx(0.5, abs=0.03)
    assert np.std(adjusted) < 0.65 * np.std(plain)
    # the share of variance that the past explains: 9 of 13
    assert np.mean(reductions) == pytest.approx(9 / 13, abs=0.03)


def test_where_nothing_is_known_from_before_nothing_changes() -> None:
    values, nothing = rng(6).normal(0, 1, 50), np.zeros(50)

    found = ours.cuped(values, values, treated_before=nothing, control_before=nothing)

    assert found.variance_reduction == pytest.approx(0)
    assert found.treated == ours.mean(values)


def test_a_sample_ratio_that_is_off_is_told() -> None:
    assert ours.sample_ratio([5_000, 5_300], [1, 1]).is_mismatch is False
    assert ours.sample_ratio([5_000, 5_400], [1, 1]).is_mismatch is True
    assert ours.sample_ratio([1_000, 9_000], [1, 9]).p == pytest.approx(1.0)
    assert ours.sample_ratio([0, 0], [1, 1]).p == 1.0


def test_many_metrics_are_corrected_as_holm_says() -> None:
    assert ours.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert ours.holm([0.9, 0.8]) == [1.0, 1.0]
    assert ours.holm([]) == []


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_anybody_says_nothing(n: int) -> None:
    few, many = ours.mean(np.ones(n)), ours.mean(rng(7).normal(0, 1, 9))

    for judge in (ours.difference, ours.relative, ours.always_valid):
        found = judge(few, many)
        assert found.p == 1.0
        assert not np.isnan(found.difference)
    assert ours.ratio(np.ones(n), np.zeros(n)).value == 0.0
