"""Bring the sums that statistics are answered from up to the log."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from redshop.conversion.services import funnel_rollup, sale_rollup


class Command(BaseCommand):
    help = (
        "Bring the sums that statistics are answered from up to the log, as beat does every five "
        "seconds. May be interrupted: each turn is whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rebuild",
            action="store_true",
            help="Forget all sums first; questions are answered from the log meanwhile.",
        )
        parser.add_argument("--quiet", action="store_true", help="No progress bar.")

    def handle(self, *, rebuild: bool, quiet: bool, **_options: Any) -> None:
        if rebuild:
            funnel_rollup.rebuild()
            sale_rollup.rebuild()
        count = 0
        with tqdm(unit=" marks", disable=quiet or None, leave=False) as bar:
            for sums in (funnel_rollup, sale_rollup):
                read = sums.MARKS
                while read == sums.MARKS:
                    read = sums.turn(at=timezone.now())
                    count += read
                    bar.update(read)
        self.stdout.write(f"{count} marks were read; the sums say what the log says.")
