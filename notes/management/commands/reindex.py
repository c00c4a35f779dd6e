"""Make anew what search looks words up in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notes.services import folding


class Command(BaseCommand):
    help = (
        "Fold what was indexed into blocks, as beat does every ten seconds; or index every note "
        "and product anew, after the constants of the ranking changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="Index all of it anew, in one transaction: searches and publications wait.",
        )

    def handle(self, *, rebuild: bool, **_options: Any) -> None:
        if rebuild:
            count = folding.rebuild(at=timezone.now())
            self.stdout.write(f"{count} notes and products were indexed anew.")
            return
        count = folding.fold_all(at=timezone.now())
        self.stdout.write(f"{count} texts were folded into the index.")
