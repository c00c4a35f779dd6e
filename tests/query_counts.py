"""How many queries a list takes, recorded: the same at two sizes, and reviewed in the diff."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.db import connection
from django.test.utils import CaptureQueriesContext

RECORD: Final = Path(__file__).with_name("query_counts.json")


def assert_query_count(name: str, small: Callable[[], object], large: Callable[[], object]) -> None:
    """Assert that both calls take the recorded number of queries; REDSHOP_RECORD=1 records it.

    Each call prepares what it needs and returns the question, a callable: only that is counted.
    """
    counts = [_count(small), _count(large)]
    recorded: dict[str, int] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("REDSHOP_RECORD") == "1":
        recorded[name] = counts[0]
        RECORD.write_text(json.dumps(dict(sorted(recorded.items())), indent=2) + "\n")

    assert counts == [recorded.get(name)] * 2, f"{name}: {counts}, recorded {recorded.get(name)}"


def _count(prepare: Callable[[], object]) -> int:
    ask = prepare()
    assert callable(ask), "prepare, then return what asks"
    with CaptureQueriesContext(connection) as captured:
        ask()
    return len(captured)
