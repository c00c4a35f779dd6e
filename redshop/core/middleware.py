"""Gives every request an id that its problems, its logs and its answer share."""

import re
from collections.abc import Callable
from typing import Final

import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware
from ipware import get_client_ip

from redshop.core.ids import uuid7

HEADER: Final = "X-Request-Id"
NUL: Final = "\x00"
_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Takes the caller's request id where it is sane, makes one otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
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


class RefuseNulMiddleware:
    """Refuses an address with a NUL in it: no text in PostgreSQL can hold one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if NUL in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("the address holds a NUL")
        return self.get_response(request)
