import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

WORKERS = min(2, os.cpu_count() or 1)
THREADS = 8


class Command(BaseCommand):
    help = "Serve HTTP: the API, the admin, their static files."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=WORKERS, help="processes")
        parser.add_argument("--threads", type=int, default=THREADS, help="in each process")

    def handle(self, *, host: str, port: int, workers: int, threads: int, **_options: Any) -> None:
        from granian import Granian
        from granian.constants import Interfaces

        Granian(
            "config.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=threads,
            respawn_failed_workers=True,
            respawn_interval=0.1,
            workers_kill_timeout=3,
        ).serve()
