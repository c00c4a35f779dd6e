"""Looks at a living system from outside: who is alive but does not work?

Runs in a thread beside the supervisor, because a look may hang where what it looks at hangs. It
finds; the supervisor acts.
"""

import http.client
import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from config import embedded, heartbeat, servers
from config.processes import is_stopped
from config.supervisor import Player
from redshop.core import outbox

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS: Final = 2.0
#: Facts due for longer, with none done meanwhile, are stuck. Also how long a new process has to
#: show what it can.
OVERDUE_SECONDS: Final = 20.0
#: How long facts may be stuck: a broker that came back needs a moment.
STUCK_SECONDS: Final = 4.0
#: How long a process may be suspended, silent or without an answer.
PATIENCE_SECONDS: Final = 15.0
ANSWER_SECONDS: Final = 3.0


class Watch:
    """Puts (role, reason) into ``findings`` for each role that should be started again."""

    def __init__(self, players: Iterable[Player], *, host: str, port: int) -> None:
        self.findings: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._players = list(players)
        self._address = (host, port)
        self._since: dict[tuple[str, int, str], float] = {}
        self._last_beats: dict[str, int | None] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            try:
                self.look()
            except Exception:
                logger.exception("a look failed")

    def look(self) -> None:
        """Look at everything once."""
        embedded.keep()
        stuck = facts_are_stuck()
        for player in self._players:
            pid = player.pid
            if pid is not None:
                for reason in self._troubles(player, pid=pid, facts_are_stuck=stuck):
                    self.findings.put((player.role.name, reason))

    def _troubles(self, player: Player, *, pid: int, facts_are_stuck: bool) -> Iterator[str]:
        """Say what is wrong with a process for so long that it should be started again."""
        role = player.role
        stuck = facts_are_stuck and role.drains and player.age_seconds > OVERDUE_SECONDS
        troubles = (
            ("facts are overdue and none gets done", stuck, STUCK_SECONDS),
            ("it is suspended", is_stopped(pid), PATIENCE_SECONDS),
            ("its heart does not beat", role.beats and self._is_quiet(player), PATIENCE_SECONDS),
            ("it does not answer", role.answers and not answers(*self._address), PATIENCE_SECONDS),
        )
        for reason, is_so, patience in troubles:
            if self._lasts((role.name, pid, reason), is_so=is_so, patience=patience):
                yield reason

    def _lasts(self, trouble: tuple[str, int, str], *, is_so: bool, patience: float) -> bool:
        """Tell whether a trouble was seen at every look for longer than so many seconds."""
        if not is_so:
            self._since.pop(trouble, None)
            return False
        return time.monotonic() - self._since.setdefault(trouble, time.monotonic()) > patience

    def _is_quiet(self, player: Player) -> bool:
        """Tell whether a role's heart did not beat since the last look."""
        name, beat = player.role.name, heartbeat.last(player.heartbeat)
        last, self._last_beats[name] = self._last_beats.get(name), beat
        return beat == last


def answers(host: str, port: int, path: str = "/healthz") -> bool:
    """Tell whether the web answers 200 within seconds."""
    known_as = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), host)
    web = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        web.request("GET", path, headers={"Host": known_as})
        return web.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()


def facts_are_stuck() -> bool:
    """Tell whether facts are overdue, none got done meanwhile, and the broker is not to blame.

    A worker that is far behind but works is left alone, and so is one whose broker is away.
    """
    now = timezone.now()
    try:
        if outbox.backlog(at=now).oldest_due_seconds <= OVERDUE_SECONDS:
            return False
        if outbox.any_done(since=now - timedelta(seconds=OVERDUE_SECONDS)):
            return False
    except Error:
        logger.warning("the database is away", exc_info=True)
        connection.close()
        return False
    try:
        servers.check_broker(settings.BROKER_URL)
    except servers.ServerRefused as error:
        logger.warning("facts are overdue because the broker is away: %s", error)
        return False
    return True
