"""How often one caller may call."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, ClassVar, Final

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # DRF's views import the throttles that the settings name
    from rest_framework.request import Request
    from rest_framework.views import APIView


logger = logging.getLogger(__name__)

#: After the cache failed, this many seconds pass before a limit asks it again.
PAUSE_SECONDS: Final = 5.0


class _Limit(SimpleRateThrottle):
    """A limit that opens while the cache that counts is away: buying matters more than counting.

    A deployment under test may switch limits off (never in production).
    """

    _asks_again_at: ClassVar[float] = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not settings.THROTTLING or time.monotonic() < _Limit._asks_again_at:
            return True
        try:
            return super().allow_request(request, view)
        except RedisError:
            logger.warning("the cache that counts calls is away", exc_info=True)
            _Limit._asks_again_at = time.monotonic() + PAUSE_SECONDS
            return True


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
