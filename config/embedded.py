"""The embedded PostgreSQL and Valkey of this checkout: where they are, and who holds them.

Reading an address never starts anything; ``ensure`` does. Each server has a keeper (a process of
its own, config.keeper) that runs as long as somebody holds the server. To hold is to have a
shared lock on a file: a killed holder lets go by dying, and its children never inherit the lock.
Several processes of one checkout share its servers; each checkout has its own state folder.
"""

import atexit
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from config.engines import EngineFailed, Postgres, Valkey, open_log
from config.processes import is_same_file, wait_until

ROOT: Final = Path(__file__).resolve().parent.parent
STATE_DIR: Final = Path(os.environ.get("REDSHOP_STATE_DIR") or ROOT / ".redshop").resolve()
NAMES: Final = ("postgres", "valkey")
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 15.0


def database_url() -> str:
    """Return the libpq URI of the embedded PostgreSQL, running or not."""
    return Postgres(STATE_DIR).url()


def redis_url() -> str:
    """Return the URL of the embedded Valkey, running or not."""
    return Valkey(STATE_DIR).url()


@dataclass(slots=True)
class _Hold:
    """This process's share in one server."""

    lock: int
    pid: int = field(default_factory=os.getpid)
    keeper: "subprocess.Popen[bytes] | None" = None


_held: dict[str, _Hold] = {}
_changing = threading.RLock()


def ensure(names: Iterable[str] = NAMES) -> None:
    """Hold these servers until this process ends, starting whichever does not run.

    Raises:
        EngineFailed: a server could not be started; the message says why.
    """
    wanted = list(names)
    is_new = "postgres" in wanted and "postgres" not in _held
    for name in wanted:  # started side by side
        _hold(name)
        _start_keeper(name)
    for name in wanted:
        _wait_until_ready(name)
    if is_new:
        _create_database()


def keep() -> None:
    """See that the servers which this process holds have keepers; cheap, and waits for nothing.

    May be called from a thread: once the servers are released it does nothing.
    """
    with _changing:
        for name in list(_held):
            _hold(name)
            _start_keeper(name)


def release() -> None:
    """Let go of the servers; those that nobody else holds are stopped before this returns."""
    with _changing:
        _release()


def _release() -> None:
    last = [name for name, hold in _held.items() if hold.pid == os.getpid() and _is_last(name)]
    for name in last:
        _ask_keeper_to_stop(name)
    for name in last:
        _wait_until_stopped(name)
    for hold in _held.values():
        os.close(hold.lock)
    _held.clear()


def pids() -> dict[str, int]:
    """Return the process ids of the servers that are running."""
    found = {name: _status(name).get("pid") for name in NAMES}
    return {name: pid for name, pid in found.items() if pid}


def _file(name: str) -> Path:
    return STATE_DIR / "run" / name


def _status(name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(_file(f"{name}.json").read_text()))
    except (OSError, ValueError):
        return {}


def _hold(name: str) -> None:
    """Take a share in a server; waits while it is being stopped."""
    file = _file(f"{name}.holders")
    if name in _held and _held[name].pid == os.getpid():
        if is_same_file(_held[name].lock, file):
            return
        os.close(_held.pop(name).lock)  # somebody removed the state folder
    if not _held:
        atexit.register(release)
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held[name] = _Hold(lock=lock)


def _start_keeper(name: str) -> bool:
    """Start the server's keeper unless one lives; tell whether this call did."""
    lock = os.open(_file(f"{name}.keeper"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    log = open_log(STATE_DIR / "logs" / "keepers.log")
    try:
        if not _is_free(lock):
            return False
        _file(f"{name}.json").unlink(missing_ok=True)
        if (dead := _held[name].keeper) is not None:
            dead.wait()
        _held[name].keeper = subprocess.Popen(
            [sys.executable, "-m", "config.keeper", name, str(STATE_DIR)],
            cwd=ROOT,
            pass_fds=[lock],  # the keeper inherits the lock, so that there is never a second one
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
        os.close(lock)
    return True


def _wait_until_ready(name: str) -> None:
    """Wait for the keeper's word, taking over from a keeper that was killed meanwhile."""
    until = time.monotonic() + START_SECONDS
    while not (status := _status(name)).get("pid"):
        if "failed" in status:
            raise EngineFailed(status["failed"])
        if time.monotonic() > until:
            raise EngineFailed(f"{name} did not become ready in {START_SECONDS:.0f} seconds")
        time.sleep(0.02)
        if not _status(name):
            _start_keeper(name)


def _create_database() -> None:
    """Create the database of the embedded PostgreSQL unless it is there."""
    import psycopg

    try:
        psycopg.connect(database_url(), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if 'database "redshop" does not exist' not in str(error):
            raise EngineFailed(f"postgres: {error}") from error
        with (
            psycopg.connect(database_url(), dbname="postgres", autocommit=True) as connection,
            contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation),
        ):
            connection.execute("CREATE DATABASE redshop")


def _is_last(name: str) -> bool:
    """Tell whether nobody else holds the server; if so, newcomers wait until we let go."""
    return _is_free(_held[name].lock)


def _ask_keeper_to_stop(name: str) -> None:
    own = _held[name].keeper
    keeper = _status(name).get("keeper") or (own and own.pid)
    if keeper and not _is_stopped(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)


def _wait_until_stopped(name: str) -> None:
    """Wait for the keeper's end; one that hangs is left to itself."""
    has_stopped = wait_until(lambda: _is_stopped(name), seconds=STOP_SECONDS)
    keeper = _held[name].keeper
    if keeper is not None and has_stopped:
        keeper.wait()


def _is_stopped(name: str) -> bool:
    """Tell whether no keeper lives: then its lock is free."""
    lock = os.open(_file(f"{name}.keeper"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return _is_free(lock)
    finally:
        os.close(lock)


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
