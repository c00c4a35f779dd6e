import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import embedded, heartbeat
from orders.sandbox.server import Sandbox


class Command(BaseCommand):
    help = "Be the sandbox payment company: a small HTTP server on this machine, for trials only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8010)

    def handle(self, *, port: int, **_options: Any) -> None:
        stop = threading.Event()
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: stop.set())
        company = Sandbox(
            port=port,
            secret=settings.SANDBOX_SECRET,
            webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
            folder=embedded.STATE_DIR / "sandbox",
        )
        company.serve(beat=heartbeat.give, stop=stop)
