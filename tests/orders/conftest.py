"""What the tests of the orders share."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from redshop.events import partitions

NOW: Final = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _log_of_those_days(request: pytest.FixtureRequest) -> None:
    """Give the behaviour log room for the days on which these tests happen."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue(
            "transactional_db"
            if request.node.get_closest_marker("django_db").kwargs.get("transaction")
            else "db"
        )
        partitions.ensure(since=NOW, until=NOW + timedelta(days=60))
