from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.celery import work


class Command(BaseCommand):
    help = "Drain the outbox when the bell rings, and do what beat asks for."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=2, help="processes")

    def handle(self, *, concurrency: int, **_options: Any) -> None:
        work(concurrency=concurrency)
