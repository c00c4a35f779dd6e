"""Bring the event log of a shop that existed before."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from redshop.catalog.models import Brand
from redshop.conversion import report
from redshop.conversion.chains import STEPS
from redshop.conversion.history.importing import Wish, import_log, preview
from redshop.conversion.history.mapping import COLUMNS, POSSIBLE
from redshop.conversion.history.reader import look_at
from redshop.conversion.history.types import AlreadyImported, Imported, LogUnreadable, Preview
from redshop.conversion.models import ImportedLog
from redshop.conversion.selectors import funnel
from redshop.conversion.types import Period, Scope
from redshop.core.populations import Population


class Command(BaseCommand):
    help = (
        "Import an event log (CSV, plain or gzip, or Parquet, a file or a folder of files) of an"
        " existing shop: its people, products, sessions, prices, orders and times; then show its"
        " funnel. A run that was cut goes on where it ended; nothing ever counts twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--map",
            default="",
            metavar="ACT=KIND,…",
            help=f"What its acts mean: {', '.join(sorted(POSSIBLE))}, or nothing to leave it out. "
            "Usual words are known: view, cart, purchase …",
        )
        parser.add_argument(
            "--column",
            default="",
            metavar="FIELD=NAME,…",
            help=f"How its columns are called, where not as usual: {', '.join(COLUMNS)}.",
        )
        parser.add_argument("--currency", default="", help="Of its prices, such as USD.")
        parser.add_argument("--tz", default="UTC", help="Of moments that name no zone.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what the first lines mean; write nothing."
        )
        parser.add_argument(
            "--restart", action="store_true", help="Read all of it again; what is there stays."
        )
        parser.add_argument(
            "--shop", default="", help="Its short name; begins the handles of its people."
        )

    def handle(self, *, file: Path, verbosity: int, **options: Any) -> None:
        if not file.exists():
            raise CommandError(f"There is no file {file}.")
        wish = Wish(
            shop=options["shop"],
            currency=options["currency"],
            zone=_zone(options["tz"]),
            kinds=_pairs("--map", options["map"], right=POSSIBLE | {""}),
            columns=_pairs("--column", options["column"], left=frozenset(COLUMNS)),
        )
        try:
            if options["dry_run"]:
                self.stdout.write(_preview(preview(file, wish=wish, at=timezone.now())))
                return
            log = look_at(file)
            with tqdm(
                total=log.length,
                desc=file.name,
                unit=log.unit,
                unit_scale=True,
                disable=None if verbosity else True,
            ) as bar:
                done = import_log(
                    file,
                    wish=wish,
                    at=timezone.now(),
                    progress=_showing(bar),
                    restarts=options["restart"],
                )
        except LogUnreadable as error:
            raise CommandError(str(error)) from error
        except AlreadyImported as known:
            self.stdout.write(str(known))
            return
        if verbosity:
            self.stdout.write(_summary(done))
            if done.first_at and done.last_at:
                self.stdout.write(f"\n{_funnel(done, digest=log.digest)}")


def _showing(bar: "tqdm[Any]") -> Callable[[int, Imported], None]:
    def show(offset: int, done: Imported) -> None:
        bar.set_postfix(lines=f"{done.lines:,}", orders=f"{done.orders:,}", refresh=False)
        bar.update(offset - bar.n)

    return show


def _funnel(done: Imported, *, digest: str) -> str:
    """Show how far the people of the log got with what its shop sells, in its own days."""
    assert done.first_at is not None  # noqa: S101 - the caller looked
    assert done.last_at is not None  # noqa: S101
    record = ImportedLog.objects.filter(digest=digest).latest("pk")
    brands = Brand.objects.filter(merchant__name=record.shop).values_list("pk", flat=True)
    zone = ZoneInfo(settings.PLATFORM_TIME_ZONE)
    days = [moment.astimezone(zone).date() for moment in (done.first_at, done.last_at)]
    question = funnel.Question(
        period=Period(days[0], days[1] + timedelta(days=1), zone),
        population=Population.REAL,
        currency=record.read_as["currency"],
        steps=STEPS[2:],
        optional=frozenset(STEPS[3:5]),
        scope=Scope(brand_ids=tuple(brands)),
    )
    return report.funnel(funnel.walk(question, at=timezone.now()), question.period)


def _preview(found: Preview) -> str:
    columns = ", ".join(f"{field} = {name}" for field, name in found.columns.items())
    kinds = ", ".join(f"{many:,} {kind}" for kind, many in sorted(found.kinds.items()))
    lines = [
        f"Of the first {found.lines:,} lines, as {found.shop} with prices in {found.currency}:",
        f"columns:  {columns}",
        f"events:   {kinds or 'none'}",
        f"between:  {found.first_at} and {found.last_at}",
        f"left out: {found.left_out:,}; set aside: {len(found.bad):,}",
        *(f"          {bad.message}" for bad in found.bad[:5]),
        "Nothing was written.",
    ]
    return "\n".join(lines)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CommandError(f"There is no time zone {name}.") from error


def _pairs(
    option: str,
    text: str,
    *,
    left: frozenset[str] | None = None,
    right: frozenset[str] | None = None,
) -> Mapping[str, str]:
    """Read ``a=b,c=d``; what stands left and right must be among what is possible."""
    pairs = {}
    for part in filter(None, text.split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign):
            raise CommandError(f"{option} is written a=b,c=d; {part!r} is not.")
        for given, possible in ((name, left), (value, right)):
            if possible is not None and given not in possible:
                raise CommandError(f"{option}: {given!r} is none of {', '.join(sorted(possible))}.")
        pairs[name.lower() if left is None else name] = value
    return pairs


def _summary(done: Imported) -> str:
    events = ", ".join(f"{count:,} {kind}" for kind, count in sorted(done.events.items()))
    lines = (
        f"{done.lines:,} lines: {sum(done.events.values()):,} new events, {done.known:,} known,"
        f" {done.left_out:,} left out, {done.set_aside:,} set aside"
    )
    new = f"{done.people:,} people, {done.products:,} products, {done.orders:,} orders"
    return f"{lines}\nevents:   {events or 'none new'}\nnew:      {new}"
