"""Bringing a population into this database, and showing how it comes about."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import ceil
from typing import Any, Final

from django.core.management.base import CommandError, OutputWrapper
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from redshop.core import outbox
from redshop.simulation import driver
from redshop.simulation.behaviour.choice import mean_depth
from redshop.simulation.life import Life
from redshop.simulation.measured import Check
from redshop.simulation.models import SimulationRun
from redshop.simulation.report import check_calibration
from redshop.simulation.scenario import LARGEST_SEED, Scenario, Settings, ready
from redshop.simulation.services import runs
from redshop.simulation.visits import MEAN_SESSIONS, PAGE

FEWEST_PEOPLE, MOST_PEOPLE, MOST_DAYS = 20, 100_000, 365
#: How many people live in a database, and for how long, unless told otherwise.
HERE: Final = {"people": 500, "days": 14}
#: Unless told otherwise, a planted log is thinned until it has so many exposures, if it can be.
MOST_EXPOSURES: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line; None where nothing was said."""

    scenario: Scenario
    seed: int
    people: int | None
    days: int | None
    until: datetime | None
    again: bool
    arm: str | None
    thin: int | None


def populate(stdout: OutputWrapper, wish: Wish) -> None:
    """Let a population live here, through the real services.

    Raises:
        CommandError: a number is out of its range, or the scenario is none of the project's.
        AlreadyPopulated and the other refusals of ``runs.begin``.
    """
    if wish.scenario.name not in ready():
        raise CommandError("a scenario of your own lives in memory: --world arrays")

    def live(run: SimulationRun, progress: driver.Progress) -> tuple[Life, list[Check]]:
        life = driver.make_world(run, progress=progress)
        driver.live(life, progress=progress)
        return life, check_calibration(life)

    _carry_out(stdout, wish, _plan(wish), live)


def plant(stdout: OutputWrapper, wish: Wish) -> None:
    """Let a population live in memory, and leave its world behind here.

    Raises:
        CommandError: a number is out of its range, or the arm cannot be planted.
        ScenarioInvalid: the scenario says something that no world in memory can do.
        AlreadyPopulated and the other refusals of ``runs.begin``.
    """
    from redshop.simulation.planting import world

    arm = _arm(wish)
    plan = _plan(wish, arm=arm, thinned=_thinned(wish, wish.scenario.settings(arm)))
    told = {
        "population.people": plan.people,
        "population.days": plan.days,
        "attention.exposures_thinned": plan.thinned,
    }
    scenario = wish.scenario.with_told(told)

    def live(run: SimulationRun, progress: driver.Progress) -> tuple[Life, list[Check]]:
        progress("memory", 0)
        memory = world.lived_again(run, scenario)
        return world.plant(run, memory, progress=progress), memory.checks()

    _carry_out(stdout, wish, plan, live)


def _arm(wish: Wish) -> str:
    """Return the arm to leave behind.

    Raises:
        CommandError: there is none of this name, or this shop would have refused what it did.
    """
    scenario = wish.scenario
    arm = wish.arm or scenario.against
    if arm not in scenario.arms:
        raise CommandError(f"--arm must be one of {', '.join(scenario.arms)}")
    told = scenario.settings(arm)
    others = [name for name in scenario.arms if name != arm]
    hint = f"; another arm: {', '.join(others)}" if others else ""
    if told.text("labels.paid") == "undisclosed":
        raise CommandError(f"in {arm} paid notes bear no label, which this shop refuses{hint}")
    if told.text("purchase.channel") == "link_out":
        raise CommandError(f"in {arm} people buy elsewhere, which leaves no order here{hint}")
    return arm


def _thinned(wish: Wish, usual: Settings) -> int:
    """Return one of how many exposures to leave behind.

    Raises:
        CommandError: fewer than a session has.
    """
    a_day = usual.number("population.exposures_per_active_day")
    # a session has one screen at least, however thin it is
    most = max(int(a_day / (mean_depth(shown=PAGE) * MEAN_SESSIONS)), 1)
    if wish.thin is not None:
        _check("thin", wish.thin, 1, most)
        return wish.thin
    days = _of(wish, "people") * _of(wish, "days") * usual.number("population.daily_active_share")
    wanted = ceil(days * a_day / MOST_EXPOSURES)
    return min(max(usual.whole("attention.exposures_thinned"), wanted), most)


def _of(wish: Wish, name: str) -> int:
    asked: int | None = getattr(wish, name)
    return HERE[name] if asked is None else asked


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CommandError(f"--{name} must be between {least:,} and {most:,}")


def check_seed(seed: int) -> None:
    """Refuse a seed that no run can have.

    Raises:
        CommandError: it is one.
    """
    _check("seed", seed, 0, LARGEST_SEED)


def _plan(wish: Wish, *, arm: str = "", thinned: int = 0) -> runs.Plan:
    _check("people", _of(wish, "people"), FEWEST_PEOPLE, MOST_PEOPLE)
    _check("days", _of(wish, "days"), 1, MOST_DAYS)
    today = timezone.now().astimezone(UTC).date()
    return runs.Plan(
        seed=wish.seed,
        people=_of(wish, "people"),
        days=_of(wish, "days"),
        scenario=wish.scenario,
        until=wish.until or datetime.combine(today, time(), UTC),
        arm=arm,
        thinned=thinned,
    )


Living = Callable[[SimulationRun, driver.Progress], tuple[Life, list[Check]]]


def _carry_out(stdout: OutputWrapper, wish: Wish, plan: runs.Plan, live: Living) -> None:
    """Carry a plan out, alone on this database, and tell what came of it."""
    with runs.alone(), outbox.own_time():
        run, is_resumed = runs.begin(plan=plan, is_further=wish.again, at=timezone.now())
        _announce(stdout, run, is_resumed=is_resumed)
        try:
            with _fast_commits(), _progress_bar(run) as progress:
                life, checks = live(run, progress)
        except (KeyboardInterrupt, SystemExit):
            stdout.write("Interrupted. What was lived is kept; the same command goes on.")
            raise
        made = driver.summarise(life)
        summary = {"made": made, "calibration": [_as_json(check) for check in checks]}
        runs.finish(run_id=run.pk, summary=summary, at=timezone.now())
        _tell(stdout, made, checks)


def _announce(stdout: OutputWrapper, run: SimulationRun, *, is_resumed: bool) -> None:
    if is_resumed:
        stdout.write(
            f"An earlier run was interrupted after {run.days_done} whole days; it goes on."
        )
    stdout.write(
        f"{run.people} simulated people live for {run.days} days, "
        f"{run.since_at:%Y-%m-%d} to {run.until_at:%Y-%m-%d}, seed {run.seed}\n"
        f"{run.declaration}"
    )


def _tell(stdout: OutputWrapper, made: Mapping[str, Any], checks: list[Check]) -> None:
    stdout.write("\nWhat was made")
    for name, count in made.items():
        if count and not name.startswith("pairs: "):
            stdout.write(f"  {name:<36}{count:>12,}")
    stdout.write(
        "\nCalibration: targets and priors, never results\n"
        f"  {'figure':<42}{'kind':<12}{'target':>9}{'simulated':>11}  inside"
    )
    for check in checks:
        stdout.write(f"  {_line(check)}")


@contextmanager
def _fast_commits() -> Iterator[None]:
    """Do not wait for the disk at each of the many commits; the next one outside waits for all.

    A crash of the server may lose the last moments, never the order or the whole of them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")


@contextmanager
def _progress_bar(run: SimulationRun) -> Iterator[driver.Progress]:
    """Show simulated days on a terminal, and nothing where there is none."""
    layout = "{desc:<12} {percentage:3.0f}%|{bar}| {n:.1f}/{total} days [{elapsed}<{remaining}]"
    bar = tqdm(
        total=run.days,
        initial=run.days_done,
        bar_format=layout,
        disable=not sys.stderr.isatty(),
    )

    def progress(stage: str, days: float) -> None:
        bar.set_description_str(stage, refresh=False)
        bar.update(days)

    with bar:
        yield progress


def _as_json(check: Check) -> dict[str, Any]:
    return {
        "key": check.name,
        "kind": check.label,
        "target": check.target,
        "simulated": check.simulated,
        "inside": check.is_inside,
        "remark": check.remark,
    }


def _line(check: Check) -> str:
    simulated = "-" if check.simulated is None else f"{check.simulated:.4g}"
    inside = {True: "yes", False: "NO", None: "-"}[check.is_inside]
    return (
        f"{check.name:<42}{check.label:<12}{check.target:>9.4g}{simulated:>11}  {inside:<6}"
        f"{check.remark}"
    ).rstrip()
