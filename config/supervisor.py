"""Keeps the roles of a living system running: starts them, starts them again, ends them."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Final

from config import embedded, heartbeat
from config.engines import LONGEST_LOG, open_log, write_privately
from config.processes import kill_group, wait_until
from config.roles import Role

logger = logging.getLogger(__name__)

#: Waits before a role that died is started again, by how often it died young.
BACKOFF_SECONDS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
YOUNG_SECONDS: Final = 10.0
END_SECONDS: Final = 5.0


class Player:
    """The process that plays one role, and its successors."""

    def __init__(self, role: Role, *, arguments: Iterable[str], environment: Mapping[str, str]):
        self.role = role
        self.heartbeat = embedded.STATE_DIR / "run" / f"{role.name}.heartbeat"
        self.scratch = embedded.STATE_DIR / "run" / f"{role.name}.scratch"
        self.log = embedded.STATE_DIR / "logs" / f"{role.name}.log"
        self._command = [sys.executable, str(embedded.ROOT / "manage.py"), role.name, *arguments]
        self._environment = {
            **environment,
            **{
                name: value.format(scratch=self.scratch) for name, value in role.environment.items()
            },
            "REDSHOP_ROLE": role.name,
            "PGAPPNAME": f"redshop {role.name}",  # who asks, in pg_stat_activity and the log
            "REDSHOP_PARENT": str(os.getpid()),
            "REDSHOP_HEARTBEAT": str(self.heartbeat),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._deaths = 0
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._started_at

    @property
    def is_ready(self) -> bool:
        return self._process is not None and (
            self.role.answers or heartbeat.last(self.heartbeat) is not None
        )

    def start(self) -> None:
        """Start the process, in a group of its own, with its output in its log."""
        self.heartbeat.unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        log = open_log(self.log)
        try:
            self._process = subprocess.Popen(
                self._command,
                cwd=embedded.ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._started_at = time.monotonic()

    def look(self) -> None:
        """Start the role again if its process died; shorten a log that grew too long."""
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self.start()
        elif self._process.poll() is not None:
            self._bury(why=f"exit {self._process.returncode}")

    def kill(self, *, why: str) -> None:
        """Kill the process, for it is of no use; ``look`` starts it again."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._bury(why=why)

    def ask_to_end(self) -> None:
        """Send SIGTERM, also to one that was suspended."""
        if self._process is not None:
            for how in (signal.SIGTERM, signal.SIGCONT):
                self._process.send_signal(how)

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def end(self) -> None:
        """Kill what is left of the process and its children."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()

    def shorten_log(self) -> None:
        """Move a log that grew too long aside; what is written meanwhile may be lost."""
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.with_suffix(".log.old").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)

    def _bury(self, *, why: str) -> None:
        """Clear what a dead process left behind and say when the next one starts."""
        assert self._process is not None  # noqa: S101 - narrows the type; callers looked
        kill_group(self._process.pid)
        self._deaths = self._deaths + 1 if self.age_seconds < YOUNG_SECONDS else 0
        pause = BACKOFF_SECONDS[min(self._deaths, len(BACKOFF_SECONDS) - 1)]
        logger.warning("%s ended (%s); again in %s s", self.role.name, why, pause)
        self._start_at = time.monotonic() + pause
        self._process = None


class Supervisor:
    """A set of roles that live and end together."""

    def __init__(
        self, roles: Iterable[Role], *, places: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        """Prepare the roles; ``places`` fills the gaps in their arguments."""
        self.players = {
            role.name: Player(
                role,
                arguments=[argument.format(**places) for argument in role.arguments],
                environment=environment,
            )
            for role in roles
        }
        self.register = embedded.STATE_DIR / "roles.json"
        self._registered: dict[str, int | None] = {}

    def start(self) -> None:
        for player in self.players.values():
            player.start()
        self.look()

    def look(self) -> None:
        """Start again whatever died, and write down who plays what."""
        for player in self.players.values():
            player.look()
        if (pids := self.pids()) != self._registered:
            write_privately(self.register, json.dumps(pids) + "\n")
            self._registered = pids

    def pids(self) -> dict[str, int | None]:
        """Return the process id of each role and server; None where there is none of ours."""
        servers = embedded.pids()
        return {
            **{name: player.pid for name, player in self.players.items()},
            **{name: servers.get(name) for name in embedded.NAMES},
        }

    def restart(self, name: str, *, why: str) -> None:
        self.players[name].kill(why=why)

    def shorten_logs(self) -> None:
        for player in self.players.values():
            player.shorten_log()

    def stop(self) -> None:
        """End every role within seconds, by force if it must be."""
        players = self.players.values()
        for player in players:
            player.ask_to_end()
        wait_until(lambda: all(player.has_ended() for player in players), seconds=END_SECONDS)
        for player in players:
            player.end()
        self.register.unlink(missing_ok=True)
