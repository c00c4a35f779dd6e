"""One arm lived with a log of everybody, and written as Parquet files for analysts."""

from pathlib import Path

from redshop.simulation.arrays.log import Log
from redshop.simulation.arrays.replication import Lived, live, seed_of
from redshop.simulation.arrays.tables import tables_of
from redshop.simulation.arrays.world import draw_world
from redshop.simulation.results.parquet import write_table
from redshop.simulation.scenario import Scenario
from redshop.simulation.services import comparisons


def live_logged(scenario: Scenario, arm: str, *, seed: int) -> tuple[Lived, Log]:
    """Live the world of a seed in one arm, and keep what everybody saw and did.

    Raises:
        ScenarioInvalid: no world in memory can rank by the arm's policy.
    """
    told = scenario.settings(arm)
    arms = [scenario.settings(name) for name in scenario.arms]
    world = draw_world(seed=seed, told=told, arms=arms)
    policy = comparisons.policies_of(scenario)[told.text("discovery.policy")]
    log = Log(seed)
    return live(world, scenario, arm, policy, log), log


def write_log(scenario: Scenario, *, seed: int, folder: Path) -> dict[str, int]:
    """Live the first replication again in the arm that others are compared with; write its tables.

    Returns:
        How many rows each table has (``arrays.tables``).
    """
    lived, log = live_logged(scenario, scenario.against, seed=seed_of(seed, 0))
    tables = tables_of(lived, log.seen())
    folder.mkdir(parents=True, exist_ok=True)
    return {name: write_table(table, folder / f"{name}.parquet") for name, table in tables.items()}
