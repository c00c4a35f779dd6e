"""The lake: months of the behaviour log as Parquet."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from redshop.events.lake import months
from redshop.events.lake.errors import LakeDiffers, MonthNotReady
from redshop.events.models import ArchivedMonth


class Command(BaseCommand):
    help = (
        "Bring closed months of the behaviour log into the lake (LAKE_URL), see that they lie there"
        " as they were written, take them out of the log or bring them back. A month is closed 30"
        " days and an hour after it ended, when no event of it is taken any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action",
            choices=["export", "verify", "detach", "restore", "list"],
            help="export: write and verify; verify: count and compare checksums, of every exported "
            "month unless --month; detach: verify, then keep a month in the lake alone; restore: "
            "bring it back into the log; list: what lies where.",
        )
        parser.add_argument(
            "--month",
            type=_month,
            action="append",
            default=[],
            metavar="YYYY-MM",
            help="Only this one (may be repeated). Needed for detach and restore.",
        )

    def handle(self, *, action: str, month: list[date], verbosity: int, **_options: Any) -> None:
        if action == "list":
            self._list()
            return
        if action in {"detach", "restore"} and not month:
            raise CommandError(f"{action} needs --month YYYY-MM.")
        act: Callable[..., ArchivedMonth] = getattr(months, action)
        chosen = month or _all(action)
        wrong = 0
        for each in tqdm(chosen, unit=" months", disable=None if verbosity else True, leave=False):
            try:
                row = act(each, at=timezone.now())
            except LakeDiffers as error:
                wrong += 1
                self.stderr.write(str(error))
            except (MonthNotReady, OSError) as error:
                raise CommandError(str(error)) from error
            else:
                self.stdout.write(_line(row))
        if wrong:
            raise CommandError(f"{wrong} of {len(chosen)} months differ; the log stays as it is.")
        if not chosen:
            self.stdout.write(f"Nothing to {action}: no month is closed that was not done.")

    def _list(self) -> None:
        self.stdout.write(f"The lake is {settings.LAKE_URL}")
        for row in ArchivedMonth.objects.order_by("month"):
            self.stdout.write(_line(row))


def _all(action: str) -> list[date]:
    if action == "export":
        return months.unverified(at=timezone.now())
    exported = ArchivedMonth.objects.filter(exported_at__isnull=False).order_by("month")
    return list(exported.values_list("month", flat=True))


def _month(text: str) -> date:
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()


def _line(row: ArchivedMonth) -> str:
    size = sum(file["bytes"] for file in row.files)
    where = "in the lake alone" if row.detached_at else "in the log too"
    state = f"verified {row.verified_at:%Y-%m-%d %H:%M}" if row.verified_at else "NOT verified"
    return f"{row}  {row.rows:>12,} events  {size / 1_000_000:>9,.1f} MB  {state}, {where}"
