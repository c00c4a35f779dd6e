"""How many queries a list takes, recorded: the same at two sizes, and reviewed in the diff."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from django.db import connection
from django.test.utils import CaptureQueriesContext

T = TypeVar("T")
RECORD: Final = Path(__file__).with_name("query_counts.json")


def assert_query_count(name: str, small: Callable[[], object], large: Callable[[], object]) -> None:
    """Assert that both calls take the recorded number of queries; REDSHOP_RECORD=1 records it.

    Each call prepares what it needs and returns the question, a callable: only that is counted.
    """
    counts = [_count(small), _count(large)]
    known = recorded({name: counts[0]}, prefix=name).get(name)

    assert counts == [known] * 2, f"{name}: {counts}, recorded {known}"


def recorded(counts: Mapping[str, int], *, prefix: str) -> dict[str, int]:
    """Return the recorded counts whose names begin so, after REDSHOP_RECORD=1 recorded these."""
    known: dict[str, int] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("REDSHOP_RECORD") == "1":
        known |= counts
        RECORD.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
    return {name: count for name, count in known.items() if name.startswith(prefix)}


def counted(ask: Callable[[], T]) -> tuple[int, T]:
    """Return how many queries a question takes, and its answer."""
    with CaptureQueriesContext(connection) as captured:
        answer = ask()
    return len(captured), answer


def _count(prepare: Callable[[], object]) -> int:
    ask = prepare()
    assert callable(ask), "prepare, then return what asks"
    return counted(ask)[0]
