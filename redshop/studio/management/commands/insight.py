"""Which attributes of content go with more or less of what, in words or as JSON."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from redshop.conversion.selectors import populations
from redshop.core.populations import Population
from redshop.studio.insight.judging import FALSE_DISCOVERIES, OUTCOMES
from redshop.studio.insight.rows import STRATA
from redshop.studio.selectors.insights import usual_scope
from redshop.studio.services import learning

AGES = (1, 7, 15, 30, 60, 90)


class Command(BaseCommand):
    help = (
        "Compute and keep which attributes of notes (type, length, hook, price, form, creator, "
        "provenance, hour, topic) go with more or less opens, saves, interest and net sales: "
        "organic, paid and made with AI apart, with 95 % intervals, and what is not known."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--population",
            choices=[*Population.values, populations.ALL],
            help="Default: real where there is any, else simulated.",
        )
        parser.add_argument(
            "--days", type=int, default=90, help="Notes published in so many days; default 90."
        )
        parser.add_argument(
            "--age",
            type=int,
            choices=AGES,
            default=7,
            help="All at this age in days; default 7.",
        )
        parser.add_argument("--json", action="store_true", dest="is_json")

    def handle(
        self, *, population: str | None, days: int, age: int, is_json: bool, **_options: Any
    ) -> None:
        if not 1 <= days <= 3_650:
            raise CommandError("--days goes from 1 to 3650.")
        now = timezone.now()
        scope = usual_scope(
            population=populations.choose(population),
            at=now,
            lately=timedelta(days=days),
            days=age,
        )
        report = learning.compute_insight(scope, at=now)
        if is_json:
            self.stdout.write(json.dumps(report.document, ensure_ascii=False, indent=1))
            return
        self.stdout.write(
            f"Notes of the {report.population} population at the age of {age} days. Of what is "
            f"called an effect, at most {FALSE_DISCOVERIES:.0%} is none, on average."
        )
        for stratum in STRATA:
            self._tell(stratum, report.document)

    def _tell(self, stratum: str, document: dict[str, Any]) -> None:
        self.stdout.write(f"\n{stratum}: {document['notes'].get(stratum, 0):,} notes")
        mine = [each for each in document["findings"] if each["stratum"] == stratum]
        for outcome in OUTCOMES:
            judged = [x for x in mine if x["outcome"] == outcome.key and x["ratio"]]
            unknown = sum(1 for x in mine if x["outcome"] == outcome.key and not x["ratio"])
            self.stdout.write(
                f"  {outcome.label}: {len(judged)} levels judged, of {unknown} not enough data"
            )
            for each in sorted(judged, key=lambda x: float(x["q"])):
                if each["is_effect"]:
                    ratio = each["ratio"]
                    self.stdout.write(
                        f"    {each['attribute']} {each['level']} than {each['against']}: "
                        f"{ratio['value']:.2f} times ({ratio['low']:.2f} to {ratio['high']:.2f}), "
                        f"q {each['q']:.3f}"
                    )
