"""What was done about content, in numbers."""

import json
from argparse import ArgumentParser
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notes.integrity import transparency

LATELY = timedelta(days=182)


class Command(BaseCommand):
    help = (
        "Print what was reported, refused, taken down and put right from one day to another (the "
        "last half-year unless told): reports by reason, cases and how many were decided in time, "
        "decisions by action and rule, appeals and how many were upheld."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="since", type=date.fromisoformat, metavar="DAY")
        parser.add_argument(
            "--to", dest="until", type=date.fromisoformat, metavar="DAY", help="Excluded."
        )
        parser.add_argument("--json", action="store_true", dest="is_json")

    def handle(
        self, *, since: date | None, until: date | None, is_json: bool, **_options: Any
    ) -> None:
        now = timezone.now()
        end = _start(until) if until else now
        begin = _start(since) if since else end - LATELY
        if begin >= end:
            raise CommandError("--from must be before --to.")
        told = transparency.report(since=begin, until=end).as_json()
        if is_json:
            self.stdout.write(json.dumps(told, indent=1))
            return
        for name, value in told.items():
            self.stdout.write(f"{name.replace('_', ' '):<24} {_said(value)}")


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(settings.PLATFORM_TIME_ZONE))


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in value.items()) or "none"
    return "–" if value is None else str(value)
