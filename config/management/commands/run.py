from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import living
from config.management.commands.up import as_text
from config.population import ensure_population


class Command(BaseCommand):
    help = "A living system with a population in it: simulates one if there is none, then serves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help="8000, or any where that is taken")

    def handle(self, *, host: str, port: int | None, **_options: Any) -> None:
        living.end_on_signals()
        try:
            with living.only_one():
                account = living.prepare()
                ensure_population()
                with living.living(host=host, port=port) as system:
                    call_command("funnel")
                    self.stdout.write(as_text(system.describe(account)))
                    self.stdout.flush()
                    system.run()
        except living.NotReady as error:
            raise CommandError(str(error)) from error
