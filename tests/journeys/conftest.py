"""One seeded shop, with all its processes, for the journeys that leave them alive."""

from collections.abc import Iterator

import pytest

from tests.journeys.system import Living, living_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("shop")) as living:
        living.manage("seed")
        yield living
