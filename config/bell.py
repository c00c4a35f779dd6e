"""The bell: looks whether a fact is due, and if so wakes a worker through the broker.

It knows nothing that could be lost. A broker or a database that is away, frozen or restarted
costs it a moment; a ring that got lost is rung again.
"""

import contextlib
import logging
import threading
from typing import Final

from celery import current_app
from django.db import Error, connection
from django.utils import timezone
from kombu import Connection

from config import heartbeat
from redshop.core import outbox, tasks

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 0.1
PAUSE_AFTER_TROUBLE_SECONDS: Final = 0.5
MOST_HANGING: Final = 4  # as many as wake every child of a small worker twice


class Bell:
    """One bell with its own line to the broker."""

    def __init__(self) -> None:
        self._broker: Connection | None = None

    def look(self) -> bool:
        """Ring if a fact is due and few rings hang; tell whether database and broker served."""
        try:
            if outbox.something_is_due(at=timezone.now()):
                self._ring()
        except Error:
            logger.warning("the database is away", exc_info=True)
            connection.close()
            return False
        except Exception:
            logger.warning("the broker is away", exc_info=True)
            self.hang_up()
            return False
        return True

    def hang_up(self) -> None:
        """Forget the line to the broker; the next ring dials anew."""
        broker, self._broker = self._broker, None
        if broker is not None:
            with contextlib.suppress(Exception):
                broker.release()

    def _ring(self) -> None:
        if self._broker is None:
            broker = current_app.connection_for_write()
            broker.connect()  # tries once; whatever dials by itself would never give up
            self._broker = broker
        if tasks.hanging_bells(connection=self._broker) < MOST_HANGING:
            tasks.ring(connection=self._broker)


def run(*, stop: threading.Event) -> None:
    """Look and ring until told to stop."""
    bell = Bell()
    while not stop.is_set():
        served = bell.look()
        heartbeat.give()
        stop.wait(LOOK_EVERY_SECONDS if served else PAUSE_AFTER_TROUBLE_SECONDS)
    bell.hang_up()
