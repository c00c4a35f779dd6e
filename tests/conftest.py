"""What every test stands on: this checkout's embedded PostgreSQL and Valkey."""

from config import embedded


def pytest_configure() -> None:
    embedded.ensure()
