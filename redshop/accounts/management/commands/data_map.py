"""Print what is kept about people, table by table."""

from typing import Any

from django.core.management.base import BaseCommand

from redshop.core import data_map


class Command(BaseCommand):
    help = "Print the map of personal data as Markdown: docs/data_map.md is what this prints."

    def handle(self, **_options: Any) -> None:
        self.stdout.write(data_map.printed(), ending="")
