"""How often one caller may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # DRF's views import the throttles that the settings name
    from rest_framework.request import Request
    from rest_framework.views import APIView


class _Switchable(SimpleRateThrottle):
    """A limit that a deployment under test may switch off (never in production)."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        return not settings.THROTTLING or super().allow_request(request, view)


class CallerThrottle(_Switchable):
    """So many calls a minute for a person, or for the address of a visitor."""

    scope = "person"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.user is not None and request.user.is_authenticated:
            return f"throttle:person:{request.user.pk}"
        return f"throttle:visitor:{self.get_ident(request)}"


class CredentialsThrottle(_Switchable):
    """So many attempts a minute to log in or register from one address."""

    scope = "credentials"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"throttle:credentials:{self.get_ident(request)}"
