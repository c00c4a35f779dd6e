"""Which PostgreSQL, Valkey and broker this process uses, and whether they serve.

Those that the environment names are tried and never started; where it names none, the embedded
ones of this checkout are started and held.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from config import embedded
from config.engines import EngineFailed

CONNECT_SECONDS: Final = 5
OLDEST_POSTGRES: Final = 15

#: The variable that names a server, and the embedded one that stands in.
STAND_INS: Final[Mapping[str, str]] = {"DATABASE_URL": "postgres", "REDIS_URL": "valkey"}


class ServerRefused(Exception):
    """A server cannot be used; the message names the variable and the reason, in one line."""


def prepare(environment: Mapping[str, str] = os.environ) -> None:
    """Make sure that every server is there: hold embedded ones, try the others.

    Raises:
        ServerRefused: one is malformed, unreachable, closed to us, too old or lacks pgvector.
    """
    for variable, check in CHECKS.items():
        if environment.get(variable):
            check_server(variable, environment[variable], check=check)
    try:
        embedded.ensure(embedded_names(environment))
    except EngineFailed as error:
        raise ServerRefused(f"The embedded servers do not start: {_one_line(error)}") from error


def embedded_names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the embedded servers that stand in for those that the environment does not name."""
    return [name for variable, name in STAND_INS.items() if not environment.get(variable)]


def check_server(variable: str, url: str, *, check: Callable[[str], None]) -> None:
    """Try one server.

    Raises:
        ServerRefused: it does not serve.
    """
    try:
        check(url)
    except ServerRefused as error:
        raise ServerRefused(f"{variable} cannot be used: {error}") from error


def check_postgres(url: str, *, seconds: int = CONNECT_SECONDS) -> None:
    """Log in to PostgreSQL and see that it is recent enough and has pgvector."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        database = conninfo_to_dict(url).get("dbname")
    except psycopg.ProgrammingError:
        database = None
    if not url.startswith(("postgresql://", "postgres://")) or not database:
        raise ServerRefused(
            "it is not a PostgreSQL URI such as postgresql://user:password@host:5432/name."
        )
    try:
        with psycopg.connect(url, connect_timeout=seconds) as connection:
            version = connection.info.server_version // 10_000
            found = connection.execute(
                "SELECT FROM pg_available_extensions WHERE name = 'vector'"
            ).fetchone()
    except psycopg.Error as error:
        raise ServerRefused(_one_line(error)) from error
    if version < OLDEST_POSTGRES:
        raise ServerRefused(
            f"PostgreSQL {version} is too old; {OLDEST_POSTGRES} or later is needed."
        )
    if found is None:
        raise ServerRefused("this PostgreSQL has no pgvector (the extension named vector).")


def check_redis(url: str, *, seconds: int = CONNECT_SECONDS) -> None:
    """Log in to a Valkey or Redis and see that it answers."""
    import redis

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=seconds, socket_timeout=seconds)
    except ValueError as error:
        raise ServerRefused(
            "it is not a Redis URL such as redis://:password@host:6379/0."
        ) from error
    try:
        client.ping()
    except redis.AuthenticationError as error:
        raise ServerRefused("its password is wrong or missing.") from error
    except (redis.RedisError, OSError) as error:
        raise ServerRefused(_one_line(error)) from error
    finally:
        client.close()


def check_broker(url: str, *, seconds: int = CONNECT_SECONDS) -> None:
    """See that Celery's broker answers, whatever it is."""
    if urlsplit(url).scheme in {"redis", "rediss"}:
        check_redis(url, seconds=seconds)
        return
    import kombu

    try:
        with kombu.Connection(url, connect_timeout=seconds) as connection:
            connection.connect()
    except Exception as error:
        raise ServerRefused(_one_line(error)) from error


CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "DATABASE_URL": check_postgres,
    "REDIS_URL": check_redis,
    "BROKER_URL": check_broker,
}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
