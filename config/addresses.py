"""Turns the addresses of servers into what Django wants to be told."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def postgres_settings(url: str) -> dict[str, Any]:
    """Return Django's database settings for a libpq URI, Unix sockets and options included.

    Raises:
        ImproperlyConfigured: the URI cannot be parsed (it is not repeated: it holds a password).
    """
    try:
        parts: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError:
        raise ImproperlyConfigured("DATABASE_URL is not a PostgreSQL URI.") from None
    return {
        "ENGINE": "config.postgres",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "connect_timeout": 5,
            "server_side_binding": True,
            "prepare_threshold": 1,
            **parts,
        },
    }
