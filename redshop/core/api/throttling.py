"""How often one caller may call."""

from __future__ import annotations

import functools
import hashlib
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.core.cache import caches
from redis.commands.core import Script
from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # DRF's views import the throttles that the settings name
    from rest_framework.request import Request
    from rest_framework.views import APIView


logger = logging.getLogger(__name__)

#: After the cache failed, this many seconds pass before a limit asks it again.
PAUSE_SECONDS: Final = 5.0


#: Counts one call, in one round trip, unless that is one too many. The calls of the stretch of
#: time before count by as much of it as still lies within the limit's duration.
_COUNT: Final = """
local now = tonumber(redis.call('GET', KEYS[1]) or 0)
local before = tonumber(redis.call('GET', KEYS[2]) or 0)
if before * tonumber(ARGV[1]) + now >= tonumber(ARGV[2]) then
    return {now, before}
end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return false
"""


@functools.cache
def _counter() -> Script:
    """Return the script with the cache's own line to the server."""
    client: Any = caches["default"]._cache.get_client(write=True)  # type: ignore[attr-defined]
    return Script(client, _COUNT)


class _Limit(SimpleRateThrottle):
    """A limit that opens while the cache that counts is away: buying matters more than counting.

    A deployment under test may switch limits off (never in production).
    """

    num_requests: int
    duration: int
    _asks_again_at: ClassVar[float] = 0.0
    _wait_seconds = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.get_cache_key(request, view)
        return key is None or self.admits(key)

    def admits(self, key: str) -> bool:
        """Count a call under a key; tell whether it is let in."""
        if not settings.THROTTLING or time.monotonic() < _Limit._asks_again_at:
            return True
        try:
            self._wait_seconds = self._count(key)
        except RedisError:
            logger.warning("the cache that counts calls is away", exc_info=True)
            _Limit._asks_again_at = time.monotonic() + PAUSE_SECONDS
            return True
        return not self._wait_seconds

    def wait(self) -> float:
        """Return the seconds until a call would be let in."""
        return self._wait_seconds

    def _count(self, key: str) -> float:
        """Count a call; return how long to wait where it is one too many, else zero."""
        stretch, passed = divmod(self.timer(), self.duration)
        keys = [self.cache.make_key(f"{key}:{stretch - back:.0f}") for back in (0, 1)]
        share = 1 - passed / self.duration
        full = _counter()(keys=keys, args=[share, self.num_requests, 2 * self.duration])
        if full is None:
            return 0.0
        now, before = map(int, full)
        if now < self.num_requests:  # only what was called in the stretch before is in the way
            return max(1.0, self.duration * (share - (self.num_requests - now) / before))
        return max(1.0, self.duration * share)


class CallerThrottle(_Limit):
    """So many calls a minute for a person, or for the address of a visitor."""

    scope = "person"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.user is not None and request.user.is_authenticated:
            return f"throttle:person:{request.user.pk}"
        return f"throttle:visitor:{self.get_ident(request)}"


class CredentialsThrottle(_Limit):
    """So many attempts a minute to log in or register from one address."""

    scope = "credentials"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"throttle:credentials:{self.get_ident(request)}"


class AccountThrottle(_Limit):
    """So many attempts an hour to log in to one account, whatever addresses they come from.

    Those that are right count, too: whoever guesses learns nothing from being let in or not.
    """

    scope = "account"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        login = request.data.get("login") if isinstance(request.data, Mapping) else None
        return self.key_of(login) if isinstance(login, str) else None

    @staticmethod
    def key_of(login: str) -> str:
        """Return what attempts at an account are counted under: a digest, which names nobody."""
        digest = hashlib.sha256(login.strip().casefold().encode()).hexdigest()
        return f"throttle:account:{digest}"
