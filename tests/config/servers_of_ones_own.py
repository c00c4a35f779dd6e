"""A PostgreSQL and a Valkey as somebody else would run them: over TCP, behind passwords."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from config.engines import HOST, Postgres, Valkey
from config.processes import wait_until

PASSWORD = "opensesame"


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class OwnPostgres(Postgres):
    """The wheel's PostgreSQL as a server of one's own: TCP and passwords."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.port = a_free_port()

    def options(self) -> dict[str, str]:
        return {**super().options(), "listen_addresses": HOST, "port": str(self.port)}

    def by_socket(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.data}&port={self.port}"

    def by_password(self, database: str = "shop", password: str = PASSWORD) -> str:
        return f"postgresql://owner:{password}@{HOST}:{self.port}/{database}"


@contextmanager
def running(engine: Any) -> Iterator[Any]:
    process: subprocess.Popen[bytes] = engine.start()
    try:
        assert wait_until(lambda: engine.is_ready(process), seconds=60)
        yield engine
    finally:
        engine.stop(process)


@contextmanager
def own_postgres(state: Path) -> Iterator[OwnPostgres]:
    """Run a PostgreSQL with a database ``shop`` that belongs to a superuser ``owner``."""
    with running(OwnPostgres(state)) as engine:
        with psycopg.connect(engine.by_socket("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE owner SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE DATABASE shop OWNER owner")
            connection.execute("CREATE DATABASE test_shop OWNER owner")
        rules = engine.data / "pg_hba.conf"
        rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        with psycopg.connect(engine.by_socket("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)
        yield engine


@contextmanager
def own_valkey(state: Path) -> Iterator[Valkey]:
    """Run a Valkey behind a password."""
    with running(Valkey(state)) as engine:
        yield engine
