from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from config import living
from config.population import ensure_population


class Command(BaseCommand):
    help = "Simulate a population if there is none, and print its funnel."

    def handle(self, **_options: Any) -> None:
        living.end_on_signals()
        living.prepare()
        ensure_population()
        call_command("funnel")
