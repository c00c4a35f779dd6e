"""A living system for tests: real processes on servers of its own, seen from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import psutil
import psycopg

from redshop.core.ids import uuid7
from tests.states import with_tables

ROOT = Path(__file__).resolve().parent.parent.parent
T = TypeVar("T")


@dataclass
class Living:
    """What ``manage.py up --json`` said about the system that it started."""

    supervisor: subprocess.Popen[str]
    state: Path
    environment: Mapping[str, str]
    said: dict[str, Any]
    clients: list["Mobile"] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.said["url"]).rstrip("/")

    def manage(self, *arguments: str) -> str:
        """Run a management command against the living system; return what it printed."""
        environment = {
            **self.environment,
            "DATABASE_URL": self.said["database_url"],
            "REDIS_URL": self.said["broker_url"],
        }
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database behind the system's back."""
        with psycopg.connect(self.said["database_url"]) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def execute(self, statement: str) -> None:
        """Change the database behind the system's back."""
        with psycopg.connect(self.said["database_url"]) as connection:
            connection.execute(statement.encode())

    def processes(self, role: str) -> list[psutil.Process]:
        """Return the processes that play a role right now; none while it is started again."""
        pid = json.loads((self.state / "roles.json").read_text())[role]
        return [psutil.Process(pid)] if pid and psutil.pid_exists(pid) else []

    def client(self, token: str | None = None, visitor: UUID | None = None) -> "Mobile":
        mobile = Mobile(self.url, token=token, visitor=visitor or uuid7())
        self.clients.append(mobile)
        return mobile

    def company_record(self) -> Any:
        """Return everything that the payment company knows."""
        (company,) = self.processes("sandbox")
        port = company.cmdline()[-1]
        secret = (self.state / "sandbox_secret").read_text()
        return httpx.get(
            f"http://127.0.0.1:{port}/v1/record", headers={"Authorization": f"Bearer {secret}"}
        ).json()

    def admin(self) -> "Mobile":
        return self.client(self.said["admin"]["token"])


class Mobile:
    """A mobile client: a device with a visitor id and, once logged in, a token."""

    def __init__(self, url: str, *, token: str | None, visitor: UUID) -> None:
        self.visitor = visitor
        headers = {"X-Visitor-Id": str(visitor)}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=15)

    def call(self, method: str, path: str, body: Any = None, *, key: UUID | None = None) -> Any:
        """Call the API; return the answer's JSON, None where it has no body.

        Raises:
            httpx.HTTPStatusError: the answer is a problem.
        """
        headers = {"Idempotency-Key": str(key)} if key else {}
        response = self.http.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        return response.json() if response.content else None

    def register(self, handle: str) -> Any:
        """Register a person and stay logged in as them."""
        answer = self.call(
            "POST",
            "/auth/register",
            {
                "handle": handle,
                "email": f"{handle}@example.com",
                "password": "correct horse battery staple",
            },
        )
        self.http.headers["Authorization"] = f"Bearer {answer['token']}"
        return answer["user"]


@contextmanager
def living_system(state: Path, **environment: str) -> Iterator[Living]:
    """Start a system on servers of its own below ``state``; end all of it afterwards."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    with_tables(state)
    merged = {**clean, "REDSHOP_STATE_DIR": str(state), "REDSHOP_THROTTLE": "off", **environment}
    merged["DJANGO_SETTINGS_MODULE"] = "config.settings.local"
    supervisor = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--json"],
        cwd=ROOT,
        env=merged,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert supervisor.stdout is not None
        line = supervisor.stdout.readline()
        assert line, f"the system did not come up (exit {supervisor.poll()})"
        living = Living(supervisor, state, merged, said=json.loads(line))
        yield living
        for client in living.clients:
            client.http.close()
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(timeout=60)
        if supervisor.stdout is not None:
            supervisor.stdout.close()


def eventually(question: Callable[[], T], *, seconds: float) -> T:
    """Ask until the answer is truthy; return it, or the last one when time is up."""
    until = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.1)
    return answer
