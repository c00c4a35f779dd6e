from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from redshop.simulation.seeding import Sizes, seed


class Command(BaseCommand):
    help = "Make a few rows of everything for developers; for a population see simulate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for field in fields(Sizes):
            help_text = "units of each SKU" if field.name == "stock" else "how many to make"
            parser.add_argument(f"--{field.name}", type=int, default=field.default, help=help_text)

    def handle(self, **options: Any) -> None:
        sizes = Sizes(**{field.name: options[field.name] for field in fields(Sizes)})
        seed(sizes=sizes, at=timezone.now())
        made = ", ".join(f"{name} {count}" for name, count in asdict(sizes).items())
        self.stdout.write(f"Seeded: {made}")
