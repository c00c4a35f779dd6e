"""What is measured is measured right, and nothing of it is there in production."""

import pytest
from django.urls import Resolver404, resolve

from benchmarks.load import Caller, Load, Refused, run
from benchmarks.run import Row, table


def test_the_empty_view_is_there_only_when_it_is_asked_for() -> None:
    with pytest.raises(Resolver404):
        resolve("/api/v1/bench/empty")

    assert resolve("/api/v1/bench/empty", urlconf="benchmarks.urls").func is not None
    assert resolve("/api/v1/products", urlconf="benchmarks.urls").func is not None


def test_each_operation_runs_its_share() -> None:
    done: list[str] = []

    load = run([lambda: done.append("a"), lambda: done.append("b")], count=10, at_most_seconds=9)

    assert sorted(done) == ["a"] * 5 + ["b"] * 5
    assert len(load.durations) == 10


def test_one_failure_ends_the_run() -> None:
    def fail() -> None:
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        run([fail], count=10, at_most_seconds=9)


def test_time_is_limited() -> None:
    load = run([lambda: None], count=10, at_most_seconds=0)

    assert len(load.durations) == 1


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 51.0), (0.95, 96.0), (1.0, 100.0)]
)
def test_a_percentile_is_one_of_the_durations(share: float, expected: float) -> None:
    load = Load([float(n) for n in range(100, 0, -1)], elapsed=1)

    assert load.percentile(share) == expected


def row(*, calls: int, web: float, postgres: float) -> Row:
    return Row("x", 10, calls, 1.0, 2.0, 3.0, web, postgres, 4.0)


def test_the_ratio_is_of_one_call_and_of_what_the_answer_took() -> None:
    lines = table([row(calls=1, web=1.5, postgres=0.5), row(calls=3, web=8.0, postgres=4.0)])

    assert [line.split()[-1] for line in lines.splitlines()[1:]] == ["1.0", "2.0"]


def test_nobody_answers_where_nobody_is() -> None:
    with pytest.raises(OSError, match="refused"):
        Caller("127.0.0.1:1").call("GET", "/bench/empty")
