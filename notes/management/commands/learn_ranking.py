"""Learn from what was shown, and judge it."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notes.services import learning


class Command(BaseCommand):
    help = "Learn what people do with notes from what was shown, as beat does every night."

    def handle(self, **_options: Any) -> None:
        found = learning.learn(at=timezone.now())
        if found is None:
            self.stdout.write("Too little was shown to learn from.")
            return
        self.stdout.write(f"{found.impressions:,} shown, {found.held_out:,} held out")
        for label, each in found.judged.items():
            self.stdout.write(
                f"  {each['value']:+.4f} a place beside {label} "
                f"({each['low']:+.4f} to {each['high']:+.4f})"
            )
        self.stdout.write("It is used." if found.is_used else "It is not used.")
