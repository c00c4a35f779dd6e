"""Thompson sampling: chances that are what they say, estimates that are honest afterwards."""

import numpy as np
import pytest

from redshop.studio import thompson
from redshop.studio.thompson import Batch


def lived(
    rates: list[float], *, epochs: int, people: int, seed: int
) -> tuple[list[list[Batch]], list[list[float]]]:
    """Let a trial of variants with known rates run; return its batches and chances."""
    rng = np.random.default_rng(seed)
    batches: list[list[Batch]] = [[] for _ in rates]
    chances = []
    for epoch in range(epochs):
        posteriors = [thompson.posterior(some) for some in batches]
        now = thompson.propensities(posteriors, seed=[seed, epoch])
        chances.append(now.tolist())
        seen = rng.multinomial(people, now / now.sum())
        for some, rate, many, chance in zip(batches, rates, seen, now, strict=True):
            some.append(Batch(float(chance), int(many), int(rng.binomial(many, rate))))
    return batches, chances


def test_chances_add_up_and_none_falls_below_its_floor() -> None:
    chances = thompson.propensities([(2, 100), (50, 50), (3, 90)], seed=[1])

    assert chances.sum() == pytest.approx(1.0)
    assert chances.min() == pytest.approx(thompson.FLOOR / 3, abs=1e-3)
    assert chances.argmax() == 1


def test_nothing_known_is_even_and_the_same_seed_says_the_same() -> None:
    even = thompson.propensities([(1, 1)] * 4, seed=[3, 1])

    assert even == pytest.approx([0.25] * 4, abs=0.02)
    assert (thompson.propensities([(1, 1)] * 4, seed=[3, 1]) == even).all()


def test_the_better_variant_is_offered_more_and_more() -> None:
    _, chances = lived([0.10, 0.14, 0.10], epochs=20, people=400, seed=2)

    assert chances[0] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert chances[-1][1] > 0.8
    assert min(min(each) for each in chances) >= thompson.FLOOR / 3 - 1e-9


def test_intervals_hold_the_truth_although_the_better_was_shown_more() -> None:
    truths, inside, tried = [0.10, 0.12], 0, 0
    plain_bias, weighed_bias = [], []
    for seed in range(200):
        batches, _ = lived(truths, epochs=12, people=200, seed=seed)
        for truth, some in zip(truths, batches, strict=True):
            found = thompson.estimate(some)
            assert found is not None
            tried += 1
            inside += found.low <= truth <= found.high
            weighed_bias.append(found.value - truth)
            people = sum(batch.people for batch in some)
            plain_bias.append(sum(batch.successes for batch in some) / people - truth)
    assert 0.92 <= inside / tried <= 0.98
    assert abs(np.mean(weighed_bias)) < abs(np.mean(plain_bias))


def test_equal_variants_are_seldom_told_apart() -> None:
    false = 0
    for seed in range(200):
        batches, _ = lived([0.12, 0.12], epochs=12, people=200, seed=1_000 + seed)
        one, other = (thompson.estimate(some) for some in batches)
        assert one is not None
        assert other is not None
        ratio = thompson.ratio(one, other)
        false += ratio is not None and not ratio.low <= 1.0 <= ratio.high
    assert false / 200 <= 0.08


def test_what_nobody_saw_has_no_estimate() -> None:
    assert thompson.estimate([]) is None
    assert thompson.estimate([Batch(0.5, 0, 0)]) is None
    nothing = thompson.estimate([Batch(0.5, 40, 0)])
    some = thompson.estimate([Batch(0.5, 40, 4)])
    assert nothing is not None
    assert some is not None
    assert nothing.high > 0  # no success is not certainty
    assert thompson.ratio(some, nothing) is None
