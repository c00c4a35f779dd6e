"""Small worlds in memory, for tests."""

from typing import Any

from notes.discovery import choosing
from redshop.simulation.arrays.replication import Lived, live
from redshop.simulation.arrays.world import World, draw_world
from redshop.simulation.knobs import Value
from redshop.simulation.scenario import Scenario

#: Enough people and orders to see something, in a second.
SMALL: dict[str, Value] = {
    "population.people": 400,
    "population.days": 8,
    "attention.exposures_thinned": 6,
    "purchase.product_view_factor": 6.0,
    "purchase.cart_factor": 6.0,
    "purchase.paid_factor": 2.0,
}


def scenario(arms: dict[str, dict[str, Value]] | None = None, **told: Any) -> Scenario:
    """Return a small scenario; numbers are named with two underscores for their dot."""
    values = {key.replace("__", "."): value for key, value in told.items()}
    arms = arms or {"base": {}}
    return Scenario(name="trial", told={**SMALL, **values}, arms=arms, against=next(iter(arms)))


def drawn(trial: Scenario, seed: int = 3) -> World:
    """Draw the world that the arms of a scenario have in common."""
    told = [trial.settings(name) for name in trial.arms]
    return draw_world(seed=seed, told=told[0], arms=told)


def lived(trial: Scenario, seed: int = 3) -> dict[str, Lived]:
    """Live a world in every arm of a scenario."""
    world = drawn(trial, seed)
    return {
        name: live(
            world, trial, name, choosing.named(trial.settings(name).text("discovery.policy"))
        )
        for name in trial.arms
    }
