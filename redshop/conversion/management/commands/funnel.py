"""Print how far people got, and which notes earned most."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from redshop.conversion import report
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.overview import overview
from redshop.core.populations import Population


class Command(BaseCommand):
    help = "Print the funnel of a population and the notes that earned most."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--population",
            choices=[*Population.values, populations.ALL],
            help="Default: real where there is any, else simulated.",
        )
        parser.add_argument(
            "--days", type=int, default=28, help="Up to the last with anything in it; default 28."
        )
        parser.add_argument("--notes", type=int, default=5, help="How many notes; default 5.")

    def handle(self, *, population: str | None, days: int, notes: int, **_options: Any) -> None:
        if not (1 <= days <= 400 and 1 <= notes <= 100):
            raise CommandError("--days goes from 1 to 400, --notes from 1 to 100.")
        shown = overview(
            population=populations.choose(population),
            at=timezone.now(),
            days=days,
            notes=notes,
        )
        self.stdout.write(report.funnel_and_notes(shown))
