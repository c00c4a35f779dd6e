import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import living


class Command(BaseCommand):
    help = "Start everything, keep it running, and say where it is; SIGTERM or Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON when ready")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help="8000, or any where that is taken")

    def handle(self, *, json: bool, host: str, port: int | None, **_options: Any) -> None:
        living.end_on_signals()
        try:
            with living.only_one():
                account = living.prepare()
                with living.living(host=host, port=port) as system:
                    description = system.describe(account)
                    self.stdout.write(as_json(description) if json else as_text(description))
                    self.stdout.flush()
                    system.run()
        except living.NotReady as error:
            raise CommandError(str(error)) from error


def as_json(description: dict[str, Any]) -> str:
    return json.dumps(description)


def as_text(description: dict[str, Any]) -> str:
    """Return what a person at a terminal wants to know."""
    url, admin = description["url"], description["admin"]
    return (
        f"\nredshop     {url}/admin/   log in as {admin['login']} with {admin['password']}\n"
        f"API         {url}/api/docs   token {admin['token']}\n"
        "Ctrl-C ends it; the data stays.\n"
    )
