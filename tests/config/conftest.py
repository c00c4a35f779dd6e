"""Servers of one's own, started once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from config.engines import Valkey
from tests.config.servers_of_ones_own import OwnPostgres, own_postgres, own_valkey


@pytest.fixture(scope="session")
def postgres_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    with own_postgres(tmp_path_factory.mktemp("own-postgres")) as engine:
        yield engine


@pytest.fixture(scope="session")
def valkey_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with own_valkey(tmp_path_factory.mktemp("own-valkey")) as engine:
        yield engine
