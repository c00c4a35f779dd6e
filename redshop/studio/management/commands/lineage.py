"""A brief followed to its orders, as JSON or CSV."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from redshop.core.sheets import as_csv
from redshop.studio.models import Brief
from redshop.studio.selectors.lineage import lineage


class Command(BaseCommand):
    help = (
        "Print what came of a brief: drafts, editors, approvers, notes, trials and the orders that "
        "they led to, net of refunds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("brief", type=int, help="The brief's number.")
        parser.add_argument("--csv", action="store_true", dest="is_csv", help="One row a draft.")

    def handle(self, *, brief: int, is_csv: bool, **_options: Any) -> None:
        related = Brief.objects.select_related("brand", "product", "opened_by", "author")
        found = related.filter(pk=brief).first()
        if found is None:
            raise CommandError(f"There is no brief {brief}.")
        told = lineage(found)
        if is_csv:
            rows = told.as_rows()
            header = list(dict.fromkeys(name for row in rows for name in row)) or ["brief"]
            self.stdout.write(as_csv(rows, header=header).decode(), ending="")
            return
        self.stdout.write(json.dumps(told.as_json(), ensure_ascii=False, indent=1))
