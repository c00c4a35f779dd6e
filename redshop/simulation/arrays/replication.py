"""One replication of a scenario: a world of its own, lived once in each arm."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from notes.discovery.policies import FeedPolicy
from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.credits import judge
from redshop.simulation.arrays.log import Log
from redshop.simulation.arrays.measures import calibrated, measure
from redshop.simulation.arrays.truth import Truth, truth_of
from redshop.simulation.arrays.world import World, draw_world
from redshop.simulation.measured import Measured
from redshop.simulation.scenario import Scenario, Settings

#: What people are drawn by.
_PEOPLE: Final = ("population.", "search.", "growth.brand")


@dataclass(frozen=True, slots=True)
class Lived:
    """An arm that was lived, and why each of its orders was placed."""

    arm: Arm
    truth: Truth


@dataclass(frozen=True, slots=True)
class Replication:
    """What a replication came to."""

    number: int
    metrics: Mapping[str, Mapping[str, float]]  #: by arm
    calibration: list[Measured]  #: of the arm that the others are compared with
    attribution: Mapping[str, list[dict[str, Any]]]  #: by arm, a row a model and window
    truth: Mapping[str, Mapping[str, float]]  #: by arm


def seed_of(seed: int, number: int) -> int:
    """Return the seed of a replication's own world."""
    said = f"{seed}:{number}".encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=4).digest(), "big")


def replicate(
    scenario: Scenario, policies: Mapping[str, FeedPolicy], *, seed: int, number: int
) -> Replication:
    """Draw a world and live it in every arm."""
    told = {name: scenario.settings(name) for name in scenario.arms}
    worlds: dict[str, World] = {}
    for arm in told.values():
        if (key := _people_of(arm)) not in worlds:
            worlds[key] = draw_world(seed=seed_of(seed, number), told=arm, arms=list(told.values()))
    lived = {
        name: live(worlds[_people_of(arm)], scenario, name, policies[arm.text("discovery.policy")])
        for name, arm in told.items()
    }
    usual = lived[scenario.against]
    return Replication(
        number=number,
        metrics={name: measure(each.arm, each.truth) for name, each in lived.items()},
        calibration=list(calibrated(usual.arm)),
        attribution={
            name: [asdict(row) for row in judge(each.arm, each.truth, scenario.windows)]
            for name, each in lived.items()
        },
        truth={name: _summary(each) for name, each in lived.items()},
    )


def _people_of(told: Settings) -> str:
    """Return what a world is drawn by, as a text: arms that agree in it share their world."""
    drawn = {key: value for key, value in told.values.items() if key.startswith(_PEOPLE)}
    return repr(sorted(drawn.items()))


def live(
    world: World, scenario: Scenario, name: str, policy: FeedPolicy, log: Log | None = None
) -> Lived:
    """Live one arm of a world to its end; with a ``log`` what people see and do is kept there."""
    arm = Arm(world, scenario.settings(name), policy, log)
    arm.live()
    return Lived(arm, truth_of(arm))


def _summary(lived: Lived) -> dict[str, float]:
    """Return how much of the sales was brought by notes, and how exactly shares add up."""
    truth, orders = lived.truth, lived.arm.sales.orders
    sizes = np.diff(truth.shares.ends)
    whole = np.bincount(
        np.repeat(np.arange(len(orders)), sizes), truth.shares.values, minlength=len(orders)
    )
    worth = orders.amount_minor
    total = float(worth.sum())
    gap = np.abs(truth.baseline + whole - truth.chance)
    return {
        "orders": float(len(orders)),
        "share_anyway": truth.anyway(worth) / total if total else float("nan"),
        "share_of_notes": 1.0 - truth.anyway(worth) / total if total else float("nan"),
        "notes_an_order": float(sizes.mean()) if len(orders) else float("nan"),
        "largest_gap": float(gap.max()) if len(orders) else 0.0,
    }
