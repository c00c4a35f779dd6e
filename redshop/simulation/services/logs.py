"""One lived arm written as Parquet files, for analysts: what a log would tell, and the truth."""

from pathlib import Path

from redshop.simulation.arrays.log import Log
from redshop.simulation.arrays.replication import live, seed_of
from redshop.simulation.arrays.tables import tables_of
from redshop.simulation.arrays.world import draw_world
from redshop.simulation.results.parquet import write_table
from redshop.simulation.scenario import Scenario
from redshop.simulation.services import comparisons


def write_log(scenario: Scenario, *, seed: int, folder: Path) -> dict[str, int]:
    """Live the first replication again in the arm that others are compared with; write its tables.

    Returns:
        How many rows each table has (``arrays.tables``).
    """
    told = scenario.settings(scenario.against)
    arms = [scenario.settings(name) for name in scenario.arms]
    world = draw_world(seed=seed_of(seed, 0), told=told, arms=arms)
    policy = comparisons.policies_of(scenario)[told.text("discovery.policy")]
    log = Log(world.seed)
    tables = tables_of(live(world, scenario, scenario.against, policy, log), log.seen())
    folder.mkdir(parents=True, exist_ok=True)
    return {name: write_table(table, folder / f"{name}.parquet") for name, table in tables.items()}
