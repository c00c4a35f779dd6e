"""A living system on embedded servers of its own, and what its processes consume."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class System:
    """What ``manage.py up --json`` said about the system that it started."""

    said: dict[str, Any]
    environment: dict[str, str]

    @property
    def host(self) -> str:
        return str(self.said["url"]).removeprefix("http://").rstrip("/")

    def manage(self, *arguments: str) -> None:
        """Run a management command against the system."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.inside,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    @property
    def inside(self) -> dict[str, str]:
        """The environment in which Django means this system."""
        addresses = {
            "DATABASE_URL": self.said["database_url"],
            "REDIS_URL": self.said["broker_url"],
        }
        return {**self.environment, **addresses, "DEBUG": "off"}

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that each role and server has used so far."""
        return {role: _cpu_of_family(pid) for role, pid in self.said["pids"].items() if pid}


@contextmanager
def system(state: Path) -> Iterator[System]:
    """Start a system below ``state``; end all of it afterwards."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "REDSHOP_STATE_DIR": str(state),
        "REDSHOP_THROTTLE": "off",
    }
    supervisor = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    try:
        line = supervisor.stdout.readline()
        if not line:
            raise SystemExit(f"The system did not come up (exit {supervisor.wait()}).")
        yield System(json.loads(line), environment)
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(timeout=60)
        supervisor.stdout.close()


def _cpu_of_family(pid: int) -> float:
    """Return the processor time of a process, of its children, and of those that have ended."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        head = psutil.Process(pid)
        for process in [head, *head.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
                total += times.children_user + times.children_system
    return total
