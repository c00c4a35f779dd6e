import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from config import bell


class Command(BaseCommand):
    help = "Wake a worker whenever a fact in the outbox is due."
    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        stop = threading.Event()
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: stop.set())
        bell.run(stop=stop)
