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

    monkeypatch.setattr(TwoAMinute.cache, "get", away)

    assert attempts(5) == [True] * 5
    assert len(asked) == 1
