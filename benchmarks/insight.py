"""How often insight and trials are right, in worlds whose truth is known: no database, a minute.

    python benchmarks/insight.py

Worlds of notes whose authors differ, with and without planted effects (those of the tests): how
often a level that does nothing is significant at 5 % with the errors that are used (CR3) and with
the common ones (CR1), how often planted effects are called and their intervals hold the truth, in
how many empty worlds anything is called. Then trials by Thompson sampling: how often the intervals
of their estimates hold the truth.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

django.setup()

from redshop.studio import thompson  # noqa: E402 - after Django is set up
from redshop.studio.insight import estimation, judging  # noqa: E402 - after Django is set up
from redshop.studio.insight.estimation import Floats, Ints  # noqa: E402 - after Django is set up
from tests.studio.test_insight import PLANTED, notes  # noqa: E402 - after Django is set up
from tests.studio.test_thompson import lived  # noqa: E402 - after Django is set up


def cr1(design: Floats, sums: Floats, means: Floats, clusters: Ints, information: Floats) -> Floats:
    """Return the usual clustered covariance, with its usual correction for few clusters."""
    order = np.argsort(clusters, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1)
    bread = np.linalg.inv(information)
    moved = np.array([bread @ (design[r].T @ (sums[r] - means[r])) for r in rows])
    count, (size, columns) = len(moved), design.shape
    scale = count / (count - 1) * (size - 1) / (size - columns)
    return np.asarray(scale * moved.T @ moved)


@contextmanager
def errors(kind: str) -> Iterator[None]:
    usual = estimation._jackknife
    estimation._jackknife = usual if kind == "CR3" else cr1
    try:
        yield
    finally:
        estimation._jackknife = usual


def main() -> None:
    for authors, count in ((150, 600), (400, 1_500)):
        for kind in ("CR3", "CR1"):
            with errors(kind):
                found = [
                    finding.ratio.p
                    for seed in range(40)
                    for finding in judging.judged(notes(1_000 + seed, count=count, authors=authors))
                    if finding.ratio
                ]
            share = np.mean(np.array(found) < 0.05)
            print(
                f"nothing planted, {authors} authors, {kind}: {share:.1%} of {len(found):,} at 5 %"
            )
    empty = sum(any(f.is_effect for f in judging.judged(notes(seed))) for seed in range(30))
    print(f"nothing planted, 400 authors: anything called in {empty} of 30 worlds")
    called, inside, of = 0, 0, 0
    for seed in range(20):
        told = {
            (f.attribute, f.level): f
            for f in judging.judged(notes(100 + seed, effects=PLANTED))
            if f.outcome == "opens" and f.ratio
        }
        for key, truth in PLANTED.items():
            ratio = told[key].ratio
            called, of = called + told[key].is_effect, of + 1
            inside += ratio is not None and ratio.low <= truth <= ratio.high
    print(f"planted: {called} of {of} called, {inside} of {of} intervals hold the truth")
    truths, hold, tried = [0.10, 0.12], 0, 0
    for seed in range(500):
        batches, _ = lived(truths, epochs=12, people=200, seed=seed)
        for truth, some in zip(truths, batches, strict=True):
            estimate = thompson.estimate(some)
            hold += estimate is not None and estimate.low <= truth <= estimate.high
            tried += 1
    print(f"trials: {hold / tried:.1%} of {tried:,} intervals hold the truth")


if __name__ == "__main__":
    main()
