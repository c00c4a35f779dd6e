"""Turns the addresses of servers into what Django wants to be told."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict


def postgres_settings(url: str) -> dict[str, Any]:
    """Return Django's database settings for a libpq URI, Unix sockets and options included.

    Raises:
        psycopg.ProgrammingError: the URI cannot be parsed.
    """
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"connect_timeout": 5, **parts},
    }
