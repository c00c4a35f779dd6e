"""Which commands want servers."""

import pytest

from manage import needs_servers


@pytest.mark.parametrize("line", ["migrate", "up --json", "shell", "makemigrations --check"])
def test_what_reads_the_database_finds_it_running(line: str) -> None:
    assert needs_servers(line.split()) is True


@pytest.mark.parametrize(
    "line", ["", "help", "check", "migrate --help", "up -h", "--version", "spectacular --validate"]
)
def test_what_does_not_starts_nothing(line: str) -> None:
    assert needs_servers(line.split()) is False


def test_a_role_is_told_where_its_servers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHOP_ROLE", "bell")

    assert needs_servers(["bell"]) is False
