"""Keeps one embedded server running while somebody holds it: ``python -m config.keeper NAME``.

Whoever needs the server holds a shared lock on ``<name>.holders`` (config.embedded). The keeper
is the parent of the server: it starts it, starts it again when it dies, and stops it when the
last holder is gone, killed ones included, because the kernel lets go of a dead process's locks.
The keeper itself holds ``<name>.keeper`` through the descriptor it inherited.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from config.engines import Engine, EngineFailed, Postgres, Valkey, last_line_of, write_privately
from config.processes import is_same_file, wait_until

ENGINES: Final[Mapping[str, Callable[[Path], Engine]]] = {"postgres": Postgres, "valkey": Valkey}
PAUSE_SECONDS: Final = 0.1
HOLDERS_EVERY_SECONDS: Final = 0.5
START_SECONDS: Final = 60.0  # PostgreSQL may have to replay its log
LONGEST_BACKOFF_SECONDS: Final = 5.0


class Keeper:
    """The life of one server."""

    def __init__(self, engine: Engine, state: Path) -> None:
        self.engine = engine
        self.status = state / "run" / f"{engine.name}.json"
        self.log = state / "logs" / f"{engine.name}.log"
        self.holders_file = state / "run" / f"{engine.name}.holders"
        self.holders = os.open(self.holders_file, os.O_RDWR | os.O_CREAT, 0o600)
        self.is_asked_to_stop = False

    def run(self) -> None:
        """Start the server and keep it until nobody holds it or a signal says stop."""
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(ending, self._ask_to_stop)
        process = self._started(attempts=5)
        while not self._must_stop(process):
            if process.poll() is not None:
                process = self._restarted()
        if is_same_file(self.holders, self.holders_file):  # else the file is a newer keeper's
            self.status.unlink(missing_ok=True)
        self.engine.stop(process)

    def _ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_asked_to_stop = True

    def _must_stop(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait while all is well; tell whether a signal came or the last holder left."""
        wait_until(
            lambda: self.is_asked_to_stop or process.poll() is not None,
            seconds=HOLDERS_EVERY_SECONDS,
            pause=PAUSE_SECONDS,
        )
        return self.is_asked_to_stop or not self._is_held()

    def _is_held(self) -> bool:
        """Tell whether somebody holds the server; if nobody does, nobody may until the end.

        A state folder that was removed is held by nobody: a new one has a keeper of its own.
        """
        if not is_same_file(self.holders, self.holders_file):
            return False
        try:
            fcntl.flock(self.holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    def _started(self, *, attempts: int) -> "subprocess.Popen[bytes]":
        """Start the server and say so in the status file.

        Raises:
            EngineFailed: it died at each attempt, or never became ready.
        """
        for attempt in range(attempts):
            process = self.engine.start()
            if self._becomes_ready(process):
                write_privately(
                    self.status, json.dumps({"keeper": os.getpid(), "pid": process.pid}) + "\n"
                )
                return process
            if process.poll() is None:
                self.engine.stop(process)
            time.sleep(0.2 * attempt)
        raise EngineFailed(f"{self.engine.name} did not start: {last_line_of(self.log)}")

    def _becomes_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        wait_until(
            lambda: process.poll() is not None or self.engine.is_ready(process),
            seconds=START_SECONDS,
        )
        return process.poll() is None and self.engine.is_ready(process)

    def _restarted(self) -> "subprocess.Popen[bytes]":
        """Start a server that died under its holders, however often it takes."""
        backoff = 0.1
        while not self.is_asked_to_stop:
            with contextlib.suppress(EngineFailed):
                return self._started(attempts=1)
            time.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
        raise EngineFailed(f"{self.engine.name} was given up while it would not start")


def main() -> None:
    """Keep the server that the command line names, in the state folder that it names."""
    name, state = sys.argv[1], Path(sys.argv[2])
    keeper = Keeper(ENGINES[name](state), state)
    try:
        keeper.run()
    except (EngineFailed, OSError) as error:
        write_privately(keeper.status, json.dumps({"failed": str(error)}) + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
