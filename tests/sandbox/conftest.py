"""A shop that only listens."""

from collections.abc import Iterator

import pytest

from tests.companies import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    listening = Shop()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()
