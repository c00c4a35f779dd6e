"""Limits hold while the cache counts, and open when it is away."""

from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings
from redis.exceptions import TimeoutError as CacheTimeoutError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from redshop.core.api import throttling


class TwoAMinute(throttling.CallerThrottle):
    rate = "2/min"


@pytest.fixture(autouse=True)
def _counting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.THROTTLING = True
    monkeypatch.setattr(throttling._Limit, "_asks_again_at", 0.0)
    cache.clear()


def attempts(count: int) -> list[bool]:
    request = Request(APIRequestFactory().get("/"))
    return [TwoAMinute().allow_request(request, APIView()) for _ in range(count)]


def test_the_third_call_of_a_minute_is_one_too_many() -> None:
    assert attempts(3) == [True, True, False]


def test_calls_of_the_minute_before_count_by_what_is_left_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([600.0, 630.0, 661.0, 691.0, 721.0, 721.0])
    monkeypatch.setattr(TwoAMinute, "timer", lambda self: next(times))

    # at 661 the two before count by 59/60 each, at 721 so do those of 661 and 691
    assert attempts(6) == [True, True, True, True, True, False]


def test_who_calls_too_often_is_told_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TwoAMinute, "timer", lambda self: 640.0)
    request, limit = Request(APIRequestFactory().get("/")), TwoAMinute()
    attempts(2)

    assert not limit.allow_request(request, APIView())
    assert limit.wait() == pytest.approx(20)


def test_a_refused_call_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 600.0
    monkeypatch.setattr(TwoAMinute, "timer", lambda self: now)
    assert attempts(100).count(True) == 2

    now = 719.0

    assert attempts(2) == [True, True]


def test_limits_can_be_switched_off_for_a_deployment_under_test(settings: Settings) -> None:
    settings.THROTTLING = False

    assert attempts(5) == [True] * 5


def test_a_cache_that_is_away_stops_nobody_and_is_not_asked_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def away(*args: Any, **_: Any) -> None:
        asked.append(args)
        raise CacheTimeoutError

    monkeypatch.setattr(throttling, "_counter", lambda: away)

    assert attempts(5) == [True] * 5
    assert len(asked) == 1
