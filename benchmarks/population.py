"""What the population in memory costs: beside Mesa on one minimal model, and by itself at size.

    python benchmarks/population.py [--people 100000] [--steps 5] [--large 1000000]

The minimal model, the same in both: each person sees ten items, opens one by a logit of their own
taste and the item's quality, and buys what they opened with a fixed chance. Mesa steps through
agents, as its users write it; the other is compiled, of the draws and the behaviour of this
project. Then the full behaviour: person-days a minute at calibrated exposures, and what a
person-day costs among a hundred thousand and among a million people (exposures thinned 1:12).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

import django
import mesa
import numpy as np

django.setup()  # what follows needs the apps

from notes.discovery.policies import PLAIN  # noqa: E402
from redshop.simulation.arrays.arm import THREADS, Arm  # noqa: E402
from redshop.simulation.arrays.draws import key_for, key_of, uniform  # noqa: E402
from redshop.simulation.arrays.world import draw_world  # noqa: E402
from redshop.simulation.behaviour.choice import logistic  # noqa: E402
from redshop.simulation.compiled import compiled  # noqa: E402
from redshop.simulation.scenario import find  # noqa: E402

ITEMS, SEEN, BUYS = 1_000, 10, 0.05
RUNS = 3


class Person(mesa.Agent):
    """Somebody who sees items, opens some and buys few."""

    def __init__(self, model: "Market", taste: float) -> None:
        super().__init__(model)
        self.taste, self.opened, self.bought = taste, 0, 0

    def step(self) -> None:
        random, quality = self.model.random, self.model.quality
        for _ in range(SEEN):
            item = int(random.random() * ITEMS)
            chance = 1.0 / (1.0 + np.e ** -(self.taste + quality[item]))
            if random.random() < chance:
                self.opened += 1
                if random.random() < BUYS:
                    self.bought += 1


class Market(mesa.Model):
    """People and items."""

    def __init__(self, people: int) -> None:
        super().__init__(seed=1)
        rng = np.random.default_rng(1)
        self.quality = (rng.normal(size=ITEMS) - 2.0).tolist()
        Person.create_agents(self, people, rng.normal(size=people).tolist())

    def step(self) -> None:
        self.agents.shuffle_do("step")


@compiled
def market(seed, step, first, taste, quality, opened, bought):
    """One step of the same, for everybody."""
    base = key_of(seed, 99, step)
    told = np.empty(SEEN)
    for person in range(len(taste)):
        key = key_for(base, first + person)
        for slot in range(SEEN):
            told[slot] = taste[person] + quality[int(uniform(key, slot, 0) * ITEMS)]
        chance = logistic(told)
        for slot in range(SEEN):
            if uniform(key, slot, 1) < chance[slot]:
                opened[person] += 1
                bought[person] += uniform(key, slot, 2) < BUYS


def seconds(work: Callable[[int], object], steps: int) -> float:
    """Return the seconds of a step, the median of some runs."""
    found = []
    for run in range(RUNS):
        begin = time.perf_counter()
        for step in range(steps):
            work(run * steps + step)
        found.append((time.perf_counter() - begin) / steps)
    return sorted(found)[RUNS // 2]


def beside_mesa(people: int, steps: int) -> None:
    model = Market(people)
    theirs = seconds(lambda _: model.step(), max(steps // 5, 1))
    rng = np.random.default_rng(1)
    quality, taste = rng.normal(size=ITEMS) - 2.0, rng.normal(size=people)
    opened, bought = np.zeros(people, dtype=np.int64), np.zeros(people, dtype=np.int64)
    halves = [
        slice(start, start + people // THREADS) for start in range(0, people, people // THREADS)
    ]

    def step_all(step: int) -> None:
        list(
            threads.map(
                lambda s: market(1, step, s.start, taste[s], quality, opened[s], bought[s]), halves
            )
        )

    with ThreadPoolExecutor(THREADS) as threads:
        step_all(0)
        alone = seconds(lambda step: market(1, step, 0, taste, quality, opened, bought), steps * 10)
        opened[:], bought[:] = 0, 0
        ours = seconds(step_all, steps * 10)
    there = np.array([agent.opened for agent in model.agents], dtype=float)
    rate = there.mean() / (SEEN * RUNS * max(steps // 5, 1))
    print(f"  both open {rate:.4f} and {opened.mean() / (SEEN * RUNS * steps * 10):.4f} of what"
          " they see")  # fmt: skip
    print(f"  Mesa {mesa.__version__}      {people / theirs:>14,.0f} agent-steps a second")
    for name, took in (("in one thread", alone), (f"in {THREADS}, as worlds", ours)):
        print(
            f"  {name:<16}{people / took:>14,.0f} agent-steps a second: {theirs / took:.0f} times"
        )


def full(people: int, days: int, thinned: int) -> float:
    """Return the seconds of a person-day, the world drawn before."""
    told = (
        find("default")
        .settings()
        .with_values(
            {
                "population.people": people,
                "population.days": days,
                "attention.exposures_thinned": thinned,
            }
        )
    )
    begin = time.perf_counter()
    world = draw_world(seed=1, told=told, arms=[told])
    drawn = time.perf_counter() - begin
    arm = Arm(world, told, PLAIN)
    begin = time.perf_counter()
    arm.live()
    lived = time.perf_counter() - begin
    shown = int(arm.counts.looks[..., 0].sum())
    print(
        f"  {people:>9,} people, {days} days, 1:{thinned:<3}{people * days / lived * 60:>12,.0f}"
        f" person-days a minute, {lived / (people * days) * 1e6:.1f} µs each"
        f" ({shown:,} impressions; the world drawn in {drawn:.1f} s)",
        flush=True,
    )
    return lived / (people * days)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--large", type=int, default=1_000_000)
    given = parser.parse_args()
    print(f"a minimal model of {given.people:,} people who see {SEEN} items", flush=True)
    beside_mesa(given.people, given.steps)
    print("the full behaviour", flush=True)
    full(1_000, 2, 1)  # compiles
    full(10_000, 7, 1)
    costs = [full(people, 3, 12) for people in (given.people, given.large)]
    print(
        f"a person-day costs {costs[1] / costs[0]:.2f} times as much among {given.large:,} people"
    )


if __name__ == "__main__":
    main()
