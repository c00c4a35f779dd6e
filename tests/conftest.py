"""What every test stands on: PostgreSQL and Valkey, and a database that no other run uses."""

import fcntl
import os
from pathlib import Path

import pytest
from django.conf import settings

from config import embedded, servers

_slots: list[int] = []


def pytest_configure() -> None:
    """Start the servers, tell the settings where they are, and take a test database."""
    try:
        servers.prepare()
    except servers.ServerRefused as error:
        pytest.exit(str(error), returncode=1)
    if not os.environ.get("REDIS_URL"):  # the settings were read before the port was known
        settings.REDIS_URL = embedded.redis_url()
        settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL
    if not os.environ.get("BROKER_URL"):
        settings.BROKER_URL = settings.CELERY_BROKER_URL = settings.REDIS_URL
    test = settings.DATABASES["default"].setdefault("TEST", {})
    test["NAME"] = os.environ.get("REDSHOP_TEST_DB") or _slot()


def _slot() -> str:
    """Return the name of a test database that no other run of this checkout is using.

    The first free of a row of locks, held until this process ends: names come back, so that a
    database which a killed run left behind is replaced by the next.
    """
    folder = Path(embedded.STATE_DIR) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(100):
        lock = os.open(folder / f"tests-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _slots.append(lock)
        return f"test_redshop_{number}"
    pytest.exit("a hundred test runs of one checkout are enough", returncode=1)
