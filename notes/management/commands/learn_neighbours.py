"""Learn which notes the same people go to."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notes.services import neighbours


class Command(BaseCommand):
    help = "Learn from the log which notes the same people go to, as beat does every night."

    def handle(self, **_options: Any) -> None:
        run = neighbours.learn(at=timezone.now())
        if run is None:
            self.stdout.write("Too few visits to learn from.")
            return
        found = "used" if run.is_used else "not used: popularity finds as much"
        self.stdout.write(
            f"{run.notes} notes, {run.people} people, {run.visits} visits: NDCG@10 "
            f"{run.gain:.3f} on held-out visits against {run.gain_of_popularity:.3f} "
            f"of popularity; {found}."
        )
