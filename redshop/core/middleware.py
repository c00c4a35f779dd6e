"""Gives every request an id that its problems, its logs and its answer share."""

import re
from collections.abc import Callable
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django_structlog.middlewares import RequestMiddleware
from ipware import get_client_ip

from redshop.core.ids import uuid7

HEADER: Final = "X-Request-Id"
NUL: Final = "\x00"
API: Final = "/api/"
_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Takes the caller's request id where it is sane, makes one otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else str(uuid7())
        request.META["HTTP_X_REQUEST_ID"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response[HEADER] = request_id
        return response


class _Client:
    """The address that a request came from, worked out where a line of the log shows it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __repr__(self) -> str:
        return repr(get_client_ip(self._request)[0])


class RequestLogMiddleware(RequestMiddleware):
    """Logs requests that were refused or failed, with who asked, from where and under which id."""

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=_Client(request))


class PagesOnly:
    """Serves people's pages; calls of the API, which bear a token and no cookie, pass it by."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class PageSessionMiddleware(PagesOnly, SessionMiddleware):
    """Django's sessions, for the admin."""


class PageAddressMiddleware(PagesOnly, CommonMiddleware):
    """Django's missing slashes, for the admin: the API's addresses end without one."""


class PageAuthenticationMiddleware(PagesOnly, AuthenticationMiddleware):
    """Django's user of a session, for the admin."""


class PageMessageMiddleware(PagesOnly, MessageMiddleware):
    """Django's messages, for the admin."""


class LanguageMiddleware(LocaleMiddleware):
    """The caller's language where they name one; it is not worked out where they do not."""

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path_info.startswith(API) or "HTTP_ACCEPT_LANGUAGE" in request.META:
            return super().__call__(request)
        translation.deactivate()  # what the last request of this thread spoke
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        response: Any = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", settings.LANGUAGE_CODE)
        return response


#: What people's pages may load.
PAGE_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:;"
    " font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
#: What anything else may load: pictures opened by themselves run nothing.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
#: What no page here asks of a browser.
PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class RefuseNulMiddleware:
    """Refuses an address with a NUL in it: no text in PostgreSQL can hold one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if NUL in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("the address holds a NUL")
        return self.get_response(request)


class ContentSecurityMiddleware:
    """Says what a page may load, and that nobody may frame it; answers of the API load nothing.

    The admin's pages are Alpine's, which evaluates what its attributes say: scripts come from here
    alone, and inline.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        policy = PAGE_POLICY if is_page else DATA_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
