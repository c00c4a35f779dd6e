import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.celery import work
from redshop.simulation.tasks import QUEUE

#: A child that grew past this is replaced after its replication, in KiB.
MOST_MEMORY = 6_000_000
#: Whoever is served comes first.
NICENESS = 10


class Command(BaseCommand):
    help = "Live the replications of scenarios that are compared, until told to stop."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=1, help="processes")

    def handle(self, *, concurrency: int, **_options: Any) -> None:
        os.nice(NICENESS)
        work(f"--queues={QUEUE}", f"--max-memory-per-child={MOST_MEMORY}", concurrency=concurrency)
