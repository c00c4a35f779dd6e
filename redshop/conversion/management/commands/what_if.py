"""Another window, another model: what the answer would have been."""

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from redshop.conversion import report
from redshop.conversion.engines.spark import SparkMissing
from redshop.conversion.selectors import attribution, populations
from redshop.conversion.selectors.attribution import Question
from redshop.conversion.types import AttributionModel, CreditGroup, Engine, Period, Slice


class Command(BaseCommand):
    help = (
        "Attribute anew what was paid in a time, with a window of your own, and show it beside what"
        " stands: '15 days instead of 7?'. Nothing is changed. PostgreSQL answers from the log,"
        " DuckDB and Spark from the lake and the log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        today = timezone.localdate(timezone=ZoneInfo(settings.PLATFORM_TIME_ZONE))
        parser.add_argument("--window-days", type=int, required=True, help="Of 24 hours each.")
        parser.add_argument("--model", choices=list(AttributionModel), default="last_touch")
        parser.add_argument("--group-by", choices=list(CreditGroup), default="note")
        parser.add_argument("--engine", choices=list(Engine), help="Default: the soonest.")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="Default: all.")
        parser.add_argument(
            "--to", type=date.fromisoformat, default=today + timedelta(days=1), help="Excluded."
        )
        parser.add_argument("--population", choices=["real", "simulated", "all"])
        parser.add_argument("--currency", default=settings.PLATFORM_CURRENCY)
        parser.add_argument("--rows", type=int, default=10)

    def handle(self, *, verbosity: int, **asked: Any) -> None:
        if not (1 <= asked["window_days"] <= 365 and 1 <= asked["rows"] <= 1_000):
            raise CommandError("--window-days goes from 1 to 365, --rows from 1 to 1,000.")
        question = self._question(asked)
        if question.period.first >= question.period.end:
            raise CommandError("--to is excluded and must lie after --from.")
        began = timezone.now()
        try:
            answer = attribution.attribution(question, at=began)
        except SparkMissing as error:
            raise CommandError(str(SparkMissing.__doc__)) from error
        took = timezone.now() - began
        stands = attribution.attribution(
            Question(**{**_fields(question), "window_days": None, "engine": None}), at=began
        )
        self.stdout.write(report.what_if(answer, stands))
        if verbosity:
            self.stderr.write(f"{answer.meta.n:,} conversions in {took.total_seconds():.2f} s")

    def _question(self, asked: dict[str, Any]) -> Question:
        zone = ZoneInfo(settings.PLATFORM_TIME_ZONE)
        population = populations.choose(asked["population"])
        first = asked["first"] or attribution.first_day(population=population, zone=zone)
        return Question(
            period=Period(first or asked["to"] - timedelta(days=1), asked["to"], zone),
            population=population,
            currency=asked["currency"],
            model=AttributionModel(asked["model"]),
            group_by=CreditGroup(asked["group_by"]),
            window_days=asked["window_days"],
            engine=Engine(asked["engine"]) if asked["engine"] else None,
            page=Slice(limit=asked["rows"]),
        )


def _fields(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in Question.__slots__}
