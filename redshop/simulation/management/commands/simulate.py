import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from redshop.core import outbox
from redshop.core.errors import DomainError
from redshop.simulation import driver
from redshop.simulation.life import Life
from redshop.simulation.models import SimulationRun
from redshop.simulation.report import Check, check_calibration
from redshop.simulation.scenario import DEMO, SCENARIOS
from redshop.simulation.services import runs

LARGEST_SEED = 2**32 - 1
FEWEST_PEOPLE = 20


class Command(BaseCommand):
    help = "Let a simulated population live in this database for some days that end today."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=500)
        parser.add_argument("--days", type=int, default=14)
        parser.add_argument("--seed", type=int, default=7, help="same seed, same numbers")
        parser.add_argument("--scenario", choices=sorted(SCENARIOS), default=DEMO.name)
        parser.add_argument(
            "--until", type=_midnight, help="the day before which it ends; today where absent"
        )
        parser.add_argument(
            "--again", action="store_true", help="one more population beside those that are here"
        )
        parser.add_argument(
            "--no-funnel", dest="funnel", action="store_false", help="leave the funnel out"
        )

    def handle(self, *, again: bool, funnel: bool, **options: Any) -> None:
        plan = _plan(**options)
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


def _plan(
    *, people: int, days: int, seed: int, scenario: str, until: datetime | None, **_options: Any
) -> runs.Plan:
    """Check what was asked for.

    Raises:
        CommandError: a number is out of its range.
    """
    for name, value, least, most in (
        ("people", people, FEWEST_PEOPLE, 100_000),
        ("days", days, 1, 365),
        ("seed", seed, 0, LARGEST_SEED),
    ):
        if not least <= value <= most:
            raise CommandError(f"--{name} must be between {least:,} and {most:,}")
    today = timezone.now().astimezone(UTC).date()
    return runs.Plan(
        seed=seed,
        people=people,
        days=days,
        scenario=SCENARIOS[scenario],
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
