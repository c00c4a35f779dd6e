"""The embedded servers: started once, shared, stopped by the last, and never in anybody's way."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from config.embedded import ROOT
from config.processes import processes_in, wait_until

pytestmark = pytest.mark.processes

HOLD: Final = """
import json, subprocess, sys
from config import embedded
embedded.ensure(sys.argv[1:])
said = {"pids": embedded.pids(), "redis_url": embedded.redis_url()}
said |= {"database_url": embedded.database_url()}
child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(json.dumps(said | {"child": child.pid}), flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that holds the servers of a state folder, and has a child that holds nothing."""

    def __init__(self, state: Path, *names: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, *names],
            cwd=ROOT,
            env={**os.environ, "REDSHOP_STATE_DIR": str(state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    @property
    def pids(self) -> dict[str, int]:
        return dict(self.said["pids"])

    def let_go(self) -> None:
        """End in good order."""
        self.process.communicate(timeout=60)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        if psutil.pid_exists(self.said["child"]):
            os.kill(self.said["child"], signal.SIGKILL)


Hold = Callable[..., Holder]


@pytest.fixture
def hold() -> Iterator[Hold]:
    holders = []

    def start(state: Path, *names: str) -> Holder:
        holders.append(Holder(state, *(names or ("postgres", "valkey"))))
        return holders[-1]

    yield start
    for holder in holders:
        holder.end()
    assert wait_until(lambda: not any(any_alive(each.pids) for each in holders), seconds=60)


def any_alive(pids: dict[str, int]) -> bool:
    return any(psutil.pid_exists(pid) for pid in pids.values())


def keepers_of(state: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(state) in (process.info["cmdline"] or [])
    ]


def test_a_second_holder_finds_the_servers_running_and_the_last_one_stops_them(
    tmp_path: Path, hold: Hold
) -> None:
    first = hold(tmp_path)
    second = hold(tmp_path)
    assert second.pids == first.pids

    first.let_go()
    with psycopg.connect(second.said["database_url"]) as connection:
        assert connection.execute("SELECT current_database()").fetchall() == [("redshop",)]
    with redis.Redis.from_url(second.said["redis_url"]) as client:
        assert client.ping() is True

    second.let_go()
    assert not any_alive(first.pids)
    assert keepers_of(tmp_path) == []


def test_a_killed_holder_lets_go_though_its_child_lives(tmp_path: Path, hold: Hold) -> None:
    holder = hold(tmp_path, "valkey")

    holder.process.kill()

    assert wait_until(lambda: not any_alive(holder.pids), seconds=60)
    assert psutil.pid_exists(holder.said["child"])


def test_two_checkouts_do_not_collide(tmp_path: Path, hold: Hold) -> None:
    ours, theirs = hold(tmp_path / "ours"), hold(tmp_path / "theirs")

    with psycopg.connect(ours.said["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE only_ours ()")

    assert not set(ours.pids.values()) & set(theirs.pids.values())
    assert ours.said["redis_url"] != theirs.said["redis_url"]
    with psycopg.connect(theirs.said["database_url"]) as connection:
        assert connection.execute("SELECT to_regclass('only_ours')").fetchall() == [(None,)]


def test_what_a_crash_left_behind_does_not_block_the_next_start(tmp_path: Path, hold: Hold) -> None:
    crashed = hold(tmp_path)
    with psycopg.connect(crashed.said["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    victims = [*keepers_of(tmp_path), *map(psutil.Process, crashed.pids.values())]
    for victim in victims:
        victim.suspend()  # so that none can tidy up before it dies
    for victim in [psutil.Process(crashed.process.pid), *victims]:
        victim.kill()
    psutil.wait_procs(victims, timeout=60)
    assert (tmp_path / "postgres" / "postmaster.pid").exists()
    assert (tmp_path / "postgres" / ".s.PGSQL.5432").exists()

    again = hold(tmp_path)

    assert not set(again.pids.values()) & set(crashed.pids.values())
    with psycopg.connect(again.said["database_url"]) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_a_pid_that_now_belongs_to_somebody_else_does_not_block_the_start(
    tmp_path: Path, hold: Hold
) -> None:
    hold(tmp_path, "postgres").let_go()
    stale = tmp_path / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{tmp_path / 'postgres'}\n")  # torn, too

    again = hold(tmp_path, "postgres")

    assert stale.read_text().splitlines()[0] == str(again.pids["postgres"])


def test_a_start_that_was_interrupted_begins_anew(tmp_path: Path, hold: Hold) -> None:
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")

    holder = hold(tmp_path, "postgres")

    assert list(holder.pids) == ["postgres"]
    assert not half_made.exists()


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_that_is_killed_comes_back_at_its_address(
    name: str, tmp_path: Path, hold: Hold
) -> None:
    holder = hold(tmp_path)
    status = tmp_path / "run" / f"{name}.json"

    os.kill(holder.pids[name], signal.SIGKILL)

    def is_back() -> bool:
        return status.exists() and json.loads(status.read_text())["pid"] != holder.pids[name]

    assert wait_until(is_back, seconds=60)
    with psycopg.connect(holder.said["database_url"]) as connection:
        connection.execute("SELECT 1")
    with redis.Redis.from_url(holder.said["redis_url"]) as client:
        assert client.ping() is True
    holder.let_go()
    assert processes_in(tmp_path / name, named=name) == []


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(tmp_path: Path, hold: Hold) -> None:
    before = hold(tmp_path, "valkey")
    port = urlsplit(before.said["redis_url"]).port
    before.let_go()

    with socket.create_server(("127.0.0.1", port or 0)):
        after = hold(tmp_path, "valkey")

    assert urlsplit(after.said["redis_url"]).port != port
    with redis.Redis.from_url(after.said["redis_url"]) as client:
        assert client.ping() is True


def test_who_removes_the_state_folder_starts_from_nothing(tmp_path: Path, hold: Hold) -> None:
    state = tmp_path / "state"
    before = hold(state, "postgres")
    shutil.rmtree(state)

    after = hold(state, "postgres")

    assert wait_until(lambda: not any_alive(before.pids), seconds=60)
    with psycopg.connect(after.said["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_valkey_listens_on_the_loopback_only_and_forgets_nothing_to_make_room(
    tmp_path: Path, hold: Hold
) -> None:
    holder = hold(tmp_path, "valkey")

    with redis.Redis.from_url(holder.said["redis_url"], decode_responses=True) as client:
        settings = client.config_get("bind", "maxmemory-policy", "appendonly", "save")

    assert settings == {
        "bind": "127.0.0.1",
        "maxmemory-policy": "noeviction",
        "appendonly": "no",
        "save": "",
    }


def test_postgres_keeps_its_promises_and_listens_to_no_network(tmp_path: Path, hold: Hold) -> None:
    holder = hold(tmp_path, "postgres")

    with psycopg.connect(holder.said["database_url"]) as connection:
        settings = connection.execute(
            "SELECT current_setting('fsync'), current_setting('listen_addresses'),"
            " current_setting('server_version_num')::int / 10000"
        ).fetchall()

    assert settings == [("on", "", 18)]


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path, hold: Hold) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 10)
    deep.mkdir(parents=True)

    holder = hold(deep, "postgres")

    assert len(holder.said["database_url"]) < 107
    with psycopg.connect(holder.said["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_reading_an_address_starts_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    read = "from config import embedded; print(embedded.database_url(), embedded.redis_url())"

    said = subprocess.run(
        [sys.executable, "-c", read],
        cwd=ROOT,
        env={**os.environ, "REDSHOP_STATE_DIR": str(state)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert (
        said == f"postgresql://postgres@/redshop?host={state}/postgres redis://127.0.0.1:6379/0\n"
    )
    assert not state.exists()


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "valkey").write_text("a file where a folder should be")
    ask = (
        "from config import servers\n"
        "try: servers.prepare({'DATABASE_URL': ''})\n"
        "except servers.ServerRefused as error: print(error)"
    )

    said = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=ROOT,
        env={**os.environ, "REDSHOP_STATE_DIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert said.startswith("The embedded servers do not start: ")
    assert "File exists" in said
    assert said.count("\n") == 1


#: Root stands back for this one; everybody else is ordinary already.
ORDINARY: Final = "nobody" if os.geteuid() == 0 else psutil.Process().username()


def as_an_ordinary_user(
    python: str, code: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    stand_back: dict[str, Any] = {"user": ORDINARY, "extra_groups": []}
    return subprocess.run(
        [python, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": sysconfig.get_path("purelib"), **environment},
        check=False,
        capture_output=True,
        text=True,
        **(stand_back if os.geteuid() == 0 else {}),
    )


def an_open_interpreter() -> str:
    """Return a Python that other users may run: ours, or the system's where ours is in a home."""
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(PermissionError):
            if as_an_ordinary_user(python, "import psutil, config.embedded").returncode == 0:
                return python
    pytest.fail("no Python here can be run by another user than root")


def test_an_ordinary_user_runs_the_servers_as_themselves() -> None:
    python = an_open_interpreter()
    state = Path(tempfile.mkdtemp(prefix="redshop-ordinary-"))
    state.chmod(0o777)

    done = as_an_ordinary_user(
        python,
        "import psutil; from config import embedded; embedded.ensure();"
        "print({psutil.Process(pid).username() for pid in embedded.pids().values()})",
        REDSHOP_STATE_DIR=str(state),
    )
    shutil.rmtree(state)

    assert (done.stdout, done.stderr) == (f"{{'{ORDINARY}'}}\n", "")
