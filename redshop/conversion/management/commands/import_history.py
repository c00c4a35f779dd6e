"""Bring the event log of a shop that existed before."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from redshop.conversion.history.importing import Wish, import_log
from redshop.conversion.history.mapping import COLUMNS, POSSIBLE
from redshop.conversion.history.types import Imported, LogUnreadable


class Command(BaseCommand):
    help = (
        "Import an event log (CSV, plain or gzip) of an existing shop: its people, products,"
        " sessions, prices, orders and times. Running it again changes nothing."
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
            "--shop", default="", help="Its short name; begins the handles of its people."
        )

    def handle(self, *, file: Path, verbosity: int, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        wish = Wish(
            shop=options["shop"],
            currency=options["currency"],
            zone=_zone(options["tz"]),
            kinds=_pairs("--map", options["map"], right=POSSIBLE | {""}),
            columns=_pairs("--column", options["column"], left=frozenset(COLUMNS)),
        )
        with tqdm(
            total=file.stat().st_size,
            desc=file.name,
            unit="B",
            unit_scale=True,
            disable=None if verbosity else True,
        ) as bar:
            try:
                done = import_log(file, wish=wish, at=timezone.now(), progress=_showing(bar))
            except LogUnreadable as error:
                raise CommandError(str(error)) from error
        if verbosity:
            self.stdout.write(_summary(done))


def _showing(bar: "tqdm[Any]") -> Callable[[int, Imported], None]:
    def show(offset: int, done: Imported) -> None:
        bar.set_postfix(lines=f"{done.lines:,}", orders=f"{done.orders:,}", refresh=False)
        bar.update(offset - bar.n)

    return show


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
