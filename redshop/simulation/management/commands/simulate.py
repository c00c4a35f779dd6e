import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from redshop.core import outbox
from redshop.core.errors import DomainError
from redshop.simulation import driver
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.life import Life
from redshop.simulation.management.comparing import compare
from redshop.simulation.measured import Check
from redshop.simulation.models import SimulationRun
from redshop.simulation.report import check_calibration
from redshop.simulation.scenario import DEMO, LARGEST_SEED, Scenario, ready, without
from redshop.simulation.services import runs
from redshop.simulation.services.comparisons import Design
from redshop.simulation.services.scenarios import named

FEWEST_PEOPLE = 20
WORLDS = ("arrays", "backend")
#: How many people live in a database, and for how long, unless told otherwise.
HERE = {"people": 500, "days": 14}


class Command(BaseCommand):
    help = (
        "Let a simulated population live: in this database, for some days that end today "
        "(--world backend), or in memory, in every arm of a scenario (--world arrays)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "scenario",
            nargs="?",
            default=DEMO.name,
            help=f"one of {', '.join(ready())}, or a .toml file",
        )
        parser.add_argument(
            "--world",
            choices=WORLDS,
            help="where they live; where absent, demo in this database and the others in memory",
        )
        parser.add_argument("--people", type=int, help="as the scenario says; here 500")
        parser.add_argument("--days", type=int, help="as the scenario says; here 14")
        parser.add_argument("--seed", type=int, default=7, help="same seed, same numbers")
        self._add_arguments_of_memory(parser)
        self._add_arguments_of_database(parser)

    def _add_arguments_of_memory(self, parser: ArgumentParser) -> None:
        group = parser.add_argument_group("in memory")
        group.add_argument("--replications", type=int, help="worlds, each lived in every arm")
        group.add_argument(
            "--workers", type=int, default=1, help="simulators to start; no number differs"
        )
        group.add_argument(
            "--half-width",
            type=float,
            help="stop once every difference is known within this share (0.02: two percent)",
        )
        group.add_argument(
            "--sweep",
            type=int,
            default=0,
            metavar="N",
            help="run N replications at either end of every assumption, too",
        )
        group.add_argument(
            "--without",
            metavar="WHAT",
            help="what it brings: two arms, with and without note:N, creator:N, brand:N, "
            "policy:NAME (which ranks instead), budget or campaign",
        )
        group.add_argument("--json", type=Path, dest="json_file", help="write the document there")
        group.add_argument(
            "--no-keep", dest="keep", action="store_false", help="keep nothing for the admin"
        )
        group.add_argument(
            "--log",
            type=Path,
            dest="log_folder",
            help="write what everybody saw and did there, as Parquet, with the truth beside",
        )
        group.add_argument("--html", type=Path, dest="html_file", help="write the page there")

    def _add_arguments_of_database(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--until", type=_midnight, help="the day before which it ends; today where absent"
        )
        parser.add_argument(
            "--again", action="store_true", help="one more population beside those that are here"
        )
        parser.add_argument(
            "--no-funnel", dest="funnel", action="store_false", help="leave the funnel out"
        )

    def handle(self, *, scenario: str, world: str | None, **options: Any) -> None:
        call_command("migrate", verbosity=0)  # policies and scenarios are rows
        try:
            chosen = named(scenario)
        except ScenarioInvalid as refusal:
            raise CommandError(refusal.detail) from refusal
        if (world or ("backend" if chosen == DEMO else "arrays")) == "arrays":
            self._compare(chosen, **options)
        else:
            self._populate(chosen, **options)

    def _compare(self, scenario: Scenario, **options: Any) -> None:
        told = {
            f"population.{name}": options[name]
            for name in ("people", "days")
            if options[name] is not None
        }
        _check_seed(options["seed"])
        try:
            if options["without"] is not None:
                scenario = without(scenario, options["without"])
            design = Design(
                scenario=scenario.with_told(told),
                seed=options["seed"],
                replications=options["replications"],
                half_width=options["half_width"],
                sweep=options["sweep"],
            )
            names = ("workers", "json_file", "html_file", "log_folder", "keep")
            compare(self.stdout, design, **{name: options[name] for name in names})
        except ScenarioInvalid as refusal:
            raise CommandError(refusal.detail) from refusal

    def _populate(self, scenario: Scenario, *, again: bool, funnel: bool, **options: Any) -> None:
        if scenario.name not in ready():
            raise CommandError("a scenario of your own lives in memory: --world arrays")
        plan = _plan(scenario, **options)
        try:
            with runs.alone(), outbox.own_time():
                run, is_resumed = runs.begin(plan=plan, is_further=again, at=timezone.now())
                self._announce(run, is_resumed=is_resumed)
                self._conclude(self._live(run))
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        if funnel:
            call_command("funnel", stdout=self.stdout)

    def _announce(self, run: SimulationRun, *, is_resumed: bool) -> None:
        if is_resumed:
            self.stdout.write(
                f"An earlier run was interrupted after {run.days_done} whole days; it goes on."
            )
        self.stdout.write(
            f"{run.people} simulated people live for {run.days} days, "
            f"{run.since_at:%Y-%m-%d} to {run.until_at:%Y-%m-%d}, seed {run.seed}\n"
            f"{run.declaration}"
        )

    def _live(self, run: SimulationRun) -> Life:
        try:
            with _fast_commits(), _progress_bar(run) as progress:
                life = driver.make_world(run, progress=progress)
                driver.live(life, progress=progress)
        except (KeyboardInterrupt, SystemExit):
            self.stdout.write("Interrupted. What was lived is kept; the same command goes on.")
            raise
        return life

    def _conclude(self, life: Life) -> None:
        made, checks = driver.summarise(life), check_calibration(life)
        summary = {"made": made, "calibration": [_as_json(check) for check in checks]}
        runs.finish(run_id=life.run.pk, summary=summary, at=timezone.now())
        self._tell(made, checks)

    def _tell(self, made: dict[str, Any], checks: list[Check]) -> None:
        self.stdout.write("\nWhat was made")
        for name, count in made.items():
            if count and not name.startswith("pairs: "):
                self.stdout.write(f"  {name:<36}{count:>9,}")
        self.stdout.write(
            "\nCalibration: targets and priors, never results\n"
            f"  {'figure':<42}{'kind':<12}{'target':>9}{'simulated':>11}  inside"
        )
        for check in checks:
            self.stdout.write(f"  {_line(check)}")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= LARGEST_SEED:
        raise CommandError(f"--seed must be between 0 and {LARGEST_SEED:,}")


def _plan(
    scenario: Scenario,
    *,
    people: int | None,
    days: int | None,
    seed: int,
    until: datetime | None,
    **_options: Any,
) -> runs.Plan:
    """Check what was asked for.

    Raises:
        CommandError: a number is out of its range.
    """
    _check_seed(seed)
    people = HERE["people"] if people is None else people
    days = HERE["days"] if days is None else days
    for name, value, least, most in (
        ("people", people, FEWEST_PEOPLE, 100_000),
        ("days", days, 1, 365),
    ):
        if not least <= value <= most:
            raise CommandError(f"--{name} must be between {least:,} and {most:,}")
    today = timezone.now().astimezone(UTC).date()
    return runs.Plan(
        seed=seed,
        people=people,
        days=days,
        scenario=scenario,
        until=until or datetime.combine(today, time(), UTC),
    )


def _midnight(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise ArgumentTypeError("a day such as 2026-11-30") from error


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
