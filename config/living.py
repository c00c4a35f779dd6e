"""A living system on this machine: servers, migrations, administrator, roles, from start to end."""

import fcntl
import logging
import os
import queue
import secrets
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from config import admin_account, embedded
from config.admin_account import AdminAccount
from config.engines import open_log, write_privately
from config.processes import wait_until
from config.roles import ROLES, SANDBOX
from config.supervisor import Supervisor
from config.watch import Watch, answers

READY_SECONDS: Final = 60.0
LOOK_EVERY_SECONDS: Final = 0.1
SHORTEN_LOGS_EVERY_SECONDS: Final = 60.0
#: Any number that nobody else locks: "redshop" on the keys of a telephone.
MIGRATION_LOCK: Final = 7337467


class NotReady(RuntimeError):
    """The system did not become ready; the message says which role's log to read."""


def end_on_signals() -> None:
    """Let the first SIGTERM, SIGINT or SIGHUP unwind the process; the others wait for that."""
    is_ending = False

    def end(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_ending
        if not is_ending:
            is_ending = True
            raise SystemExit(0)

    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, end)


def log_aside() -> None:
    """Write what the supervisor has to say into a log of its own, not into the terminal."""
    path = embedded.STATE_DIR / "logs" / "supervisor.log"
    os.close(open_log(path))
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    ours = logging.getLogger("config")
    ours.addHandler(handler)
    ours.propagate = False


def prepare() -> AdminAccount:
    """Bring the database up to date and see that there is an administrator."""
    with connection.cursor() as cursor:  # two systems may start on one database
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        call_command("migrate", interactive=False, verbosity=0)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    if not settings.WHITENOISE_USE_FINDERS:
        call_command("collectstatic", interactive=False, verbosity=0)
    return admin_account.ensure(at=timezone.now())


@contextmanager
def only_one() -> Iterator[None]:
    """Be the only living system of this checkout.

    Raises:
        NotReady: another one lives.
    """
    folder = embedded.STATE_DIR / "run"
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise NotReady("This checkout is already up; end that one first.") from None
    try:
        yield
    finally:
        os.close(lock)


class Living:
    """The roles of one system and their watch."""

    def __init__(self, *, host: str, port: int | None) -> None:
        """Choose the address; without a port 8000, or any free one where that is taken."""
        self.host = host
        self.port = _free_port(host, wanted=port)
        self.secrets = _secrets()
        sandbox_port = None if settings.SANDBOX_URL else _sandbox_port()
        self.supervisor = Supervisor(
            ROLES if sandbox_port is None else (*ROLES, SANDBOX),
            places={"host": host, "port": str(self.port), "sandbox_port": str(sandbox_port)},
            environment={
                **role_environment(),
                **self.secrets,
                "SANDBOX_URL": settings.SANDBOX_URL or f"http://127.0.0.1:{sandbox_port}",
                "WEBHOOK_BASE_URL": os.environ.get("WEBHOOK_BASE_URL", self.url),
            },
        )
        self._watch = Watch(self.supervisor.players.values(), host=host, port=self.port)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start the roles and wait until each is ready.

        Raises:
            NotReady: one is not in time.
        """
        connection.close()
        log_aside()
        self.supervisor.start()
        if not wait_until(self._is_ready, seconds=READY_SECONDS, pause=LOOK_EVERY_SECONDS):
            late = [name for name, player in self._players() if not player.is_ready] or ["web"]
            logs = ", ".join(str(self.supervisor.players[name].log) for name in late)
            raise NotReady(f"Not ready after {READY_SECONDS:.0f} seconds; see {logs}")
        self._watch.start()

    def run(self) -> None:
        """Keep the roles running for ever; ends by an exception, such as that of a signal."""
        shortened_at = time.monotonic()
        while True:
            self.supervisor.look()
            with suppress(queue.Empty):
                name, why = self._watch.findings.get_nowait()
                self.supervisor.restart(name, why=why)
            if time.monotonic() - shortened_at > SHORTEN_LOGS_EVERY_SECONDS:
                self.supervisor.shorten_logs()
                shortened_at = time.monotonic()
            time.sleep(LOOK_EVERY_SECONDS)

    def stop(self) -> None:
        self.supervisor.stop()

    def describe(self, account: AdminAccount) -> dict[str, Any]:
        """Return what a harness from outside wants to know."""
        return {
            "url": self.url,
            "admin": asdict(account),
            "database_url": settings.DATABASE_URL,
            "broker_url": settings.BROKER_URL,
            "webhook_secrets": {
                "sandbox": self.secrets["SANDBOX_WEBHOOK_SECRET"],
                "link_outs": self.secrets["LINK_OUT_SECRET"],
            },
            "pids": {SANDBOX.name: None, **self.supervisor.pids()},
        }

    def _players(self) -> Any:
        return self.supervisor.players.items()

    def _is_ready(self) -> bool:
        self.supervisor.look()
        return all(player.is_ready for _, player in self._players()) and answers(
            self.host, self.port, "/readyz"
        )


def role_environment() -> Mapping[str, str]:
    """Return the environment of every role: the addresses, a secret of this checkout, no DEBUG."""
    return {
        "DEBUG": "off",
        "SECRET_KEY": _kept_secret("secret_key"),
        **os.environ,
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "BROKER_URL": settings.BROKER_URL,
    }


def _secrets() -> Mapping[str, str]:
    """Return what this checkout shares with companies: from the environment, or made once."""
    names = ("SANDBOX_SECRET", "SANDBOX_WEBHOOK_SECRET", "LINK_OUT_SECRET")
    return {name: os.environ.get(name) or _kept_secret(name.lower()) for name in names}


def _kept_secret(name: str) -> str:
    """Return a secret of this checkout, made once."""
    file = embedded.STATE_DIR / name
    if not file.exists():
        write_privately(file, secrets.token_urlsafe(48))
    return file.read_text()


def _sandbox_port() -> int:
    """Return the port of this checkout's payment company, the same at every start: pages that it
    has sent people to are still there. Another where somebody else has taken it meanwhile."""
    file = embedded.STATE_DIR / "sandbox_port"
    try:
        port = _free_port("127.0.0.1", wanted=int(file.read_text()))
    except (FileNotFoundError, NotReady):
        port = _free_port("127.0.0.1", wanted=0)
    write_privately(file, str(port))
    return port


def _free_port(host: str, *, wanted: int | None) -> int:
    """Return the port that was asked for; if none was, 8000 or whichever is free.

    Raises:
        NotReady: that port, or the host, is not to be had.
    """
    for port in (8000, 0) if wanted is None else (wanted,):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    raise NotReady(f"{host}:{wanted or ''} is taken, or not of this machine.")


@contextmanager
def living(*, host: str, port: int | None) -> Iterator[Living]:
    """Start a system, and end all of it when the block ends."""
    system = Living(host=host, port=port)
    try:
        system.start()
        yield system
    finally:
        system.stop()
