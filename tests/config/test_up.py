"""One command brings everything up, keeps it running and ends all of it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from config.embedded import ROOT
from config.engines import Valkey
from config.processes import wait_until
from tests.companies import free_port
from tests.config.servers_of_ones_own import OwnPostgres
from tests.states import with_tables

pytestmark = pytest.mark.processes

ROLES = ("web", "worker", "simulator", "bell", "beat", "sandbox")


class Up:
    """A system started by ``manage.py up --json``, in a process group of its own."""

    def __init__(self, state: Path, **environment: str) -> None:
        self.state = state
        inherited = {name: value for name, value in os.environ.items() if "_URL" not in name}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--json"],
            cwd=ROOT,
            env={
                **inherited,
                "REDSHOP_STATE_DIR": str(state),
                "DJANGO_SETTINGS_MODULE": "config.settings.local",
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    def players(self) -> dict[str, int]:
        return dict(json.loads((self.state / "roles.json").read_text()))

    def family(self) -> list[psutil.Process]:
        """Return every process of this system: they all inherited its state folder."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("REDSHOP_STATE_DIR") == str(self.state)
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.said['url']}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.said["database_url"]) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def becomes_due(self, key: str) -> None:
        """Make a fact due whose consumer nobody knows: that it was tried is what counts."""
        self.execute(
            "INSERT INTO core_fact (kind, key, consumer, payload, due_at, attempts, error)"
            " VALUES ('test', %s, 'nobody', '{}', now(), 0, '')",
            key,
        )

    def was_tried(self, key: str) -> bool:
        return bool(self.execute("SELECT attempts FROM core_fact WHERE key = %s", key)[0][0])

    def end(self) -> None:
        family = self.family()
        self.process.terminate()
        self.process.communicate(timeout=60)
        for process in family:
            if process.is_running():
                process.kill()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    system = Up(tmp_path_factory.mktemp("up"))
    yield system
    system.end()


def test_its_line_says_all_that_a_harness_needs(up: Up) -> None:
    assert set(up.said) == {
        "url",
        "admin",
        "database_url",
        "broker_url",
        "webhook_secrets",
        "pids",
    }
    assert set(up.said["pids"]) == {*ROLES, "postgres", "valkey"}
    assert up.said["pids"] == up.players()
    assert all(psutil.pid_exists(pid) for pid in up.said["pids"].values())
    assert up.is_ready()


def test_the_administrator_enters_the_admin_and_nobody_else_reads_the_file(up: Up) -> None:
    login = f"{up.said['url']}/admin/login/"
    with httpx.Client() as browser:
        browser.get(login)
        answer = browser.post(
            login,
            data={
                "username": up.said["admin"]["login"],
                "password": up.said["admin"]["password"],
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                "next": "/healthz",
            },
        )

    assert (answer.status_code, answer.headers["Location"]) == (302, "/healthz")
    assert stat.S_IMODE((up.state / "admin.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((up.state / "secret_key").stat().st_mode) == 0o600


def test_it_serves_static_files(up: Up) -> None:
    style = httpx.get(f"{up.said['url']}/static/admin/css/base.css")

    assert style.status_code == 200
    assert style.headers["Content-Type"] == 'text/css; charset="utf-8"'


def test_it_counts_requests_over_all_its_processes(up: Up) -> None:
    before = requests_for_readiness(up)

    for _ in range(20):  # enough for both processes to get some
        httpx.get(f"{up.said['url']}/readyz?part=database")

    assert requests_for_readiness(up) == before + 20


def requests_for_readiness(up: Up) -> float:
    name = "django_http_requests_total_by_view_transport_method_total{"
    lines = httpx.get(f"{up.said['url']}/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith(name) and 'view="readyz"' in line]
    return sum(float(line.split()[-1]) for line in counted)


@pytest.mark.parametrize("name", [*ROLES, "valkey", "postgres"])
def test_who_is_killed_is_started_again_and_facts_go_on(name: str, up: Up) -> None:
    killed = up.players()[name]
    os.kill(killed, signal.SIGKILL)

    assert wait_until(lambda: up.players()[name] not in {killed, None}, seconds=60)
    assert wait_until(up.is_ready, seconds=60)
    up.becomes_due(f"after {killed}")
    assert wait_until(lambda: up.was_tried(f"after {killed}"), seconds=60)


def test_children_of_a_killed_role_die_with_it(up: Up) -> None:
    web = psutil.Process(up.players()["web"])
    children = web.children()
    assert len(children) >= 1

    web.kill()

    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert wait_until(up.is_ready, seconds=60)


def test_a_second_one_in_the_same_checkout_is_refused_in_one_line(up: Up) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--json"],
        cwd=ROOT,
        env={
            **os.environ,
            "REDSHOP_STATE_DIR": str(up.state),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
        },
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr == "CommandError: This checkout is already up; end that one first.\n"
    assert up.is_ready()


def test_sigterm_twice_to_the_whole_group_ends_everything_and_the_data_stay(
    tmp_path: Path,
) -> None:
    first = Up(with_tables(tmp_path))
    began = time.monotonic()

    for _ in range(2):
        os.killpg(first.process.pid, signal.SIGTERM)
        time.sleep(0.2)
    first.process.communicate(timeout=60)

    assert time.monotonic() - began < 12
    assert first.process.returncode == 0
    assert first.family() == []

    second = Up(tmp_path)
    assert second.said["admin"] == first.said["admin"]
    second.end()
    assert second.family() == []


def test_when_the_supervisor_is_killed_nothing_of_it_stays(tmp_path: Path) -> None:
    system = Up(with_tables(tmp_path))
    assert len(system.family()) > len(system.said["pids"])

    system.process.kill()
    system.process.communicate()

    assert wait_until(lambda: system.family() == [], seconds=60)


def test_on_servers_of_ones_own_it_starts_none(
    tmp_path: Path, postgres_of_ones_own: OwnPostgres, valkey_of_ones_own: Valkey
) -> None:
    system = Up(
        tmp_path,
        DATABASE_URL=postgres_of_ones_own.by_password(),
        REDIS_URL=valkey_of_ones_own.url(),
    )

    assert system.said["database_url"] == postgres_of_ones_own.by_password()
    assert system.said["broker_url"] == valkey_of_ones_own.url()
    assert (system.said["pids"]["postgres"], system.said["pids"]["valkey"]) == (None, None)
    system.becomes_due("own")
    assert wait_until(lambda: system.was_tried("own"), seconds=60)
    system.end()
    assert not (tmp_path / "postgres").exists()


def test_where_another_company_is_named_it_starts_no_sandbox(tmp_path: Path) -> None:
    elsewhere = f"http://127.0.0.1:{free_port()}"

    system = Up(with_tables(tmp_path), SANDBOX_URL=elsewhere)

    assert system.said["pids"]["sandbox"] is None
    assert not any("sandbox" in process.cmdline() for process in system.family())
    (web, *_) = [process for process in system.family() if "web" in process.cmdline()]
    assert web.environ()["SANDBOX_URL"] == elsewhere
    system.end()


@pytest.mark.soak
@pytest.mark.parametrize("name", ROLES)
def test_who_is_suspended_is_replaced_within_a_minute(name: str, up: Up) -> None:
    suspended = up.players()[name]
    os.kill(suspended, signal.SIGSTOP)

    assert wait_until(lambda: up.players()[name] not in {suspended, None}, seconds=60)
    up.becomes_due(f"after {suspended}")
    assert wait_until(lambda: up.was_tried(f"after {suspended}"), seconds=60)


def test_run_serves_a_database_that_has_notes_without_simulating(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if "_URL" not in name},
        "REDSHOP_STATE_DIR": str(with_tables(tmp_path)),
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
    }
    subprocess.run(
        [sys.executable, "manage.py", "seed"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )

    run = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    said = list(takewhile(lambda line: not line.startswith("Ctrl-C"), run.stdout))
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)

    text = "".join(said)
    assert run.returncode == 0
    for word in ("figures: ", "/admin/   log in as admin with ", "/api/docs"):
        assert word in text
