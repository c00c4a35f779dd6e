"""Bring credits of earlier rules in line with the present ones."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from redshop.conversion.selectors import credits as ledger
from redshop.conversion.services import attribution


class Command(BaseCommand):
    help = (
        "Credit lines anew that were credited by an earlier version of the rules, a few hundred at "
        "a time: what is missing is added, what is wrong is corrected. May be interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="No progress bar.")

    def handle(self, *, quiet: bool, **_options: Any) -> None:
        count = ledger.outdated()
        with tqdm(total=count, unit=" lines", disable=quiet or None, leave=False) as bar:
            while done := attribution.attribute_outdated(at=timezone.now()):
                bar.update(done)
        self.stdout.write(f"{count} lines were credited by earlier rules, and are in line now.")
