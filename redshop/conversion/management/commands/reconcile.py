"""Rebuild every derived number and say what differs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from notes.services import counts
from redshop.conversion.services import reconciliation
from redshop.core import outbox

MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compute credits once more from events and orders, and counters from their rows, and "
        "compare: prints what differs and ends with 1 where anything does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="No progress bar.")

    def handle(self, *, quiet: bool, **_options: Any) -> None:
        waiting = outbox.backlog(at=timezone.now()).due
        if waiting:
            self.stdout.write(f"{waiting} facts still wait for their consumers.")
        lines = reconciliation.paid_lines()
        found = list(
            tqdm(
                reconciliation.differences(lines),
                desc="credits that differ",
                disable=quiet or None,  # None: only where somebody looks
                leave=False,
            )
        )
        for each in found[:MOST_SHOWN]:
            self.stdout.write(
                f"line {each.line_id}: {each.what} {each.model} note {each.note_id or '-'} "
                f"weight {each.weight_billionths} amount {each.amount_minor} "
                f"refund {each.refund_id or '-'}"
            )
        miscounted = counts.compare()
        for counter in miscounted[:MOST_SHOWN]:
            self.stdout.write(
                f"note {counter.note_id}: {counter.name} says {counter.kept}, "
                f"its rows say {counter.counted}"
            )
        summary = (
            f"{len(lines)} paid lines: {len(found)} credits differ; "
            f"{len(miscounted)} counters of notes differ."
        )
        if found or miscounted:
            raise CommandError(summary, returncode=1)
        self.stdout.write(summary)
