"""Say how a policy would have fared, from what others showed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notes.discovery import choosing
from notes.services import learning
from redshop.core.errors import DomainError, NotFound


class Command(BaseCommand):
    help = (
        "Estimate opens and net purchases an impression that another policy would have had, from "
        "what was shown with known probabilities: IPS, SNIPS and doubly robust, with intervals."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name and version, such as endless_push_v1")
        parser.add_argument("--days", type=int, default=learning.DAYS, help="of the log")

    def handle(self, *, name: str, days: int, **_options: Any) -> None:
        try:
            policy = choosing.named(name)
        except NotFound as error:
            raise CommandError(f"There is no policy {name}.") from error
        try:
            found = learning.evaluate(policy=policy, at=timezone.now(), days=days)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{found.policy}, from {found.places:,} places in {found.answers:,} answers, worth "
            f"{found.effective:,.0f} of its own"
        )
        for outcome, estimates in found.estimates.items():
            self.stdout.write(f"{outcome} an impression; {found.logged[outcome]:.4f} as shown")
            for estimator, each in estimates.items():
                self.stdout.write(
                    f"  {estimator:6}{each.value:.4f}  ({each.low:.4f} to {each.high:.4f})"
                )
