"""Print how far people got, and which notes earned most."""

from argparse import ArgumentParser
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from redshop.conversion import report
from redshop.conversion.selectors import populations
from redshop.conversion.types import Period
from redshop.core.populations import Population


class Command(BaseCommand):
    help = "Print the funnel of a population and the notes that earned most."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--population",
            choices=[*Population.values, populations.ALL],
            help="Default: real where there is any, else simulated.",
        )
        parser.add_argument("--days", type=int, default=28, help="Up to today; default 28.")
        parser.add_argument("--notes", type=int, default=5, help="How many notes; default 5.")

    def handle(self, *, population: str | None, days: int, notes: int, **_options: Any) -> None:
        at = timezone.now()
        period = Period.last_days(days, at=at, zone=ZoneInfo(settings.PLATFORM_TIME_ZONE))
        self.stdout.write(
            report.funnel_and_notes(
                period=period, population=populations.choose(population), notes=notes, at=at
            )
        )
