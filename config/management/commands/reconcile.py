"""Rebuild every derived number and say what differs."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from config.reconciliation import COMPARISONS
from redshop.core import outbox

MOST_SHOWN: Final = 50


class Command(BaseCommand):
    help = (
        "Compare what is kept with what it can be rebuilt from: stock with its movements, books "
        "with orders and payments, coupons with their uses, counters of notes with their rows, "
        "the search index with the notes, credits with events and orders. Prints what differs, "
        "and ends with 1 where anything does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join(COMPARISONS)
        parser.add_argument(
            "names", nargs="*", metavar="what", help=f"Of {names}; all unless named."
        )
        parser.add_argument("--quiet", action="store_true", help="No progress bar.")

    def handle(self, *, names: Sequence[str], quiet: bool, **_options: Any) -> None:
        if unknown := sorted(set(names) - COMPARISONS.keys()):
            known = ", ".join(COMPARISONS)
            raise CommandError(f"Nothing is called {unknown[0]}; what can be compared: {known}.")
        waiting = outbox.backlog(at=timezone.now()).due
        if waiting:
            self.stdout.write(f"{waiting} facts still wait for their consumers.")
        wanted = [name for name in COMPARISONS if name in names or not names]
        differing = [name for name in wanted if self._differs(name, quiet=quiet)]
        if differing:
            raise CommandError(f"There are differences: {', '.join(differing)}.", returncode=1)

    def _differs(self, name: str, *, quiet: bool) -> bool:
        """Compare one thing and print how it went; tell whether anything differs."""
        comparison = COMPARISONS[name]()
        found = list(
            tqdm(
                comparison.differences,
                desc=f"{name}: differences",
                disable=quiet or None,  # None: only where somebody looks
                leave=False,
            )
        )
        for sentence in found[:MOST_SHOWN]:
            self.stdout.write(sentence)
        if len(found) > MOST_SHOWN:
            self.stdout.write(f"… and {len(found) - MOST_SHOWN} more")
        self.stdout.write(f"{name}: {comparison.scope}, {len(found)} differ")
        return bool(found)
