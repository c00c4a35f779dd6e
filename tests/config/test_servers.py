"""Servers that the environment names: used as they are, or refused in one line."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config import servers
from config.embedded import ROOT
from config.engines import Valkey
from config.servers import ServerRefused
from tests.config.servers_of_ones_own import OwnPostgres, a_free_port

A_POSTGRES_URI = "it is not a PostgreSQL URI such as postgresql://user:password@host:5432/name."
A_REDIS_URL = "it is not a Redis URL such as redis://:password@host:6379/0."


def manage(*arguments: str, state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "REDSHOP_STATE_DIR": str(state),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            **environment,
        },
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_command_runs_on_servers_of_ones_own_and_starts_none(
    postgres_of_ones_own: OwnPostgres, valkey_of_ones_own: Valkey, tmp_path: Path
) -> None:
    state = tmp_path / "state"

    done = manage(
        "migrate",
        "core",
        state=state,
        DATABASE_URL=postgres_of_ones_own.by_password(),
        REDIS_URL=valkey_of_ones_own.url(),
    )

    assert done.stderr == ""
    assert "Applying core.0002_vector... OK" in done.stdout
    assert not (state / "run").exists()


@pytest.mark.parametrize(
    ("variable", "url", "reason"),
    [
        ("DATABASE_URL", "postgres//owner:opensesame@host", A_POSTGRES_URI),
        ("DATABASE_URL", "mysql://owner:opensesame@host/shop", A_POSTGRES_URI),
        ("REDIS_URL", "127.0.0.1:6379", A_REDIS_URL),
    ],
)
def test_a_wrong_address_ends_a_command_with_one_line(
    variable: str, url: str, reason: str, tmp_path: Path
) -> None:
    done = manage("migrate", state=tmp_path / "state", **{variable: url})

    assert done.returncode == 1
    assert done.stderr == f"redshop: {variable} cannot be used: {reason}\n"
    assert done.stdout == ""


def refusal(variable: str, url: str) -> str:
    with pytest.raises(ServerRefused) as refused:
        servers.check_server(variable, url, check=servers.CHECKS[variable])
    message = str(refused.value)
    assert "\n" not in message
    assert "opensesame" not in message
    return message.removeprefix(f"{variable} cannot be used: ")


def test_a_postgres_that_is_not_there_is_refused() -> None:
    port = a_free_port()

    said = refusal("DATABASE_URL", f"postgresql://owner:opensesame@127.0.0.1:{port}/shop")

    assert f'"127.0.0.1", port {port} failed: Connection refused' in said


def test_a_host_that_nobody_knows_is_refused() -> None:
    said = refusal("DATABASE_URL", "postgresql://owner:opensesame@nowhere.invalid/shop")

    assert "failed to resolve host 'nowhere.invalid'" in said


def test_a_wrong_password_of_postgres_is_refused(postgres_of_ones_own: OwnPostgres) -> None:
    said = refusal("DATABASE_URL", postgres_of_ones_own.by_password(password="sesame"))

    assert 'password authentication failed for user "owner"' in said


def test_a_database_that_does_not_exist_is_refused(postgres_of_ones_own: OwnPostgres) -> None:
    said = refusal("DATABASE_URL", postgres_of_ones_own.by_password("another"))

    assert 'database "another" does not exist' in said


def test_a_postgres_without_pgvector_is_refused(postgres_of_ones_own: OwnPostgres) -> None:
    blind = "&options=-c%20extension_control_path%3D/nowhere"

    said = refusal("DATABASE_URL", postgres_of_ones_own.by_socket("shop") + blind)

    assert said == "this PostgreSQL has no pgvector (the extension named vector)."


def test_an_old_postgres_is_refused(
    postgres_of_ones_own: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "OLDEST_POSTGRES", 19)

    said = refusal("DATABASE_URL", postgres_of_ones_own.by_password())

    assert said == "PostgreSQL 18 is too old; 19 or later is needed."


@pytest.mark.parametrize("variable", ["REDIS_URL", "BROKER_URL"])
def test_a_valkey_that_is_not_there_is_refused(variable: str) -> None:
    port = a_free_port()

    said = refusal(variable, f"redis://:opensesame@127.0.0.1:{port}/0")

    assert said == f"Error 111 connecting to 127.0.0.1:{port}. Connection refused."


@pytest.mark.parametrize("variable", ["REDIS_URL", "BROKER_URL"])
def test_a_wrong_password_of_valkey_is_refused(variable: str, valkey_of_ones_own: Valkey) -> None:
    port = urlsplit(valkey_of_ones_own.url()).port

    said = refusal(variable, f"redis://:opensesame@127.0.0.1:{port}/0")

    assert said == "its password is wrong or missing."


def test_a_missing_password_of_valkey_is_refused(valkey_of_ones_own: Valkey) -> None:
    port = urlsplit(valkey_of_ones_own.url()).port

    said = refusal("REDIS_URL", f"redis://127.0.0.1:{port}/0")

    assert said == "its password is wrong or missing."


def test_a_broker_of_another_kind_is_tried_too() -> None:
    said = refusal("BROKER_URL", f"amqp://owner:opensesame@127.0.0.1:{a_free_port()}//")

    assert said == "[Errno 111] Connection refused"
