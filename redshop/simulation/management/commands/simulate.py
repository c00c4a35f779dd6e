from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from redshop.core.errors import DomainError
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.management.comparing import compare
from redshop.simulation.management.populating import (
    MOST_EXPOSURES,
    Wish,
    check_seed,
    plant,
    populate,
)
from redshop.simulation.scenario import DEMO, Scenario, ready, without
from redshop.simulation.services.comparisons import Design
from redshop.simulation.services.scenarios import named

WORLDS = ("arrays", "backend")
#: What is asked for of a population in this database.
WISHES = ("seed", "people", "days", "until", "again", "arm", "thin")


class Command(BaseCommand):
    help = (
        "Let a simulated population live: in this database, for some days that end today "
        "(--world backend), in memory, in every arm of a scenario (--world arrays), or in memory "
        "and then left behind in this database (--into-database)."
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
        group = parser.add_argument_group("in this database")
        group.add_argument(
            "--into-database",
            action="store_true",
            help="live in memory and leave that world behind in this database, with the truth",
        )
        group.add_argument(
            "--arm", help="which arm is left behind; usually what others are compared with"
        )
        group.add_argument(
            "--thin",
            type=int,
            metavar="N",
            help=f"leave one of N exposures behind; usually so that some {MOST_EXPOSURES:,} are",
        )
        group.add_argument(
            "--until", type=_midnight, help="the day before which it ends; today where absent"
        )
        group.add_argument(
            "--again", action="store_true", help="one more population beside those that are here"
        )
        group.add_argument(
            "--no-funnel", dest="funnel", action="store_false", help="leave the funnel out"
        )

    def handle(self, *, scenario: str, world: str | None, **options: Any) -> None:
        call_command("migrate", verbosity=0)  # policies and scenarios are rows
        try:
            chosen = named(scenario)
        except ScenarioInvalid as refusal:
            raise CommandError(refusal.detail) from refusal
        check_seed(options["seed"])
        is_here = options["into_database"] or (world == "backend" if world else chosen == DEMO)
        if is_here:
            self._populate(chosen, **options)
        else:
            self._compare(chosen, **options)

    def _compare(self, scenario: Scenario, **options: Any) -> None:
        told = {
            f"population.{name}": options[name]
            for name in ("people", "days")
            if options[name] is not None
        }
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

    def _populate(self, scenario: Scenario, *, funnel: bool, **options: Any) -> None:
        wish = Wish(scenario=scenario, **{name: options[name] for name in WISHES})
        try:
            if options["into_database"]:
                plant(self.stdout, wish)
            else:
                populate(self.stdout, wish)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        if funnel:
            call_command("funnel", stdout=self.stdout)


def _midnight(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise ArgumentTypeError("a day such as 2026-11-30") from error
