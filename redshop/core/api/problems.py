"""Every 4xx and 5xx as application/problem+json (RFC 9457)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from redshop.core.errors import DomainError

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
API: Final = "/api/"
_CODES: Final[dict[str, str]] = {
    "not_authenticated": "authentication_required",
    "authentication_failed": "invalid_token",
    "permission_denied": "forbidden",
    "throttled": "rate_limited",
    "parse_error": "malformed",
    "error": "internal_error",
}


def problem(
    request: HttpRequest | Request | None,
    *,
    status: int,
    code: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the members of a problem document."""
    return {
        "type": f"urn:redshop:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request.META.get("HTTP_X_REQUEST_ID", "") if request is not None else "",
        **(extra or {}),
    }


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn what a view raised into a problem answer; what is not foreseen stays a 500."""
    request: Request | None = context.get("request")
    if isinstance(error, DomainError):
        return of_domain_error(request, error)
    if isinstance(error, RequestDataTooBig):
        return _response(request, status=413, code="too_large", detail="The body is too large.")
    if isinstance(error, SuspiciousOperation):
        return _response(request, status=400, code="malformed", detail="The request is malformed.")
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(request, error)
    return None


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what nobody foresaw."""
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return _json(request, status=500, code="internal_error", detail="Something went wrong here.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address where nothing lives."""
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return _json(request, status=404, code="not_found", detail="There is no such address.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that no view should see."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    return _json(request, status=400, code="malformed", detail="The request is malformed.")


def _json(request: HttpRequest, *, status: int, code: str, detail: str) -> HttpResponse:
    body = problem(request, status=status, code=code, detail=detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def _response(
    request: Request | None,
    *,
    status: int,
    code: str,
    detail: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = problem(request, status=status, code=code, detail=detail, extra=extra)
    return Response(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def of_domain_error(request: Request | None, error: DomainError) -> Response:
    """Turn a refusal into its problem answer."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
    return _response(
        request,
        status=error.status,
        code=error.code,
        detail=error.detail,
        extra=error.extra,
        headers=headers,
    )


def _of_api_exception(request: Request | None, error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        return _of_validation_error(request, error)
    headers: dict[str, str] = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
    code = error.get_codes()
    name = code if isinstance(code, str) else "invalid"
    return _response(
        request,
        status=error.status_code,
        code=_CODES.get(name, name),
        detail=str(error.detail),
        headers=headers,
    )


def _of_validation_error(request: Request | None, error: exceptions.ValidationError) -> Response:
    errors = [
        {"pointer": pointer, "code": detail.code, "message": str(detail)}
        for pointer, detail in _flatten(error.detail)
    ]
    code = "unknown_field" if any(e["code"] == "unknown_field" for e in errors) else "invalid"
    return _response(
        request,
        status=400,
        code=code,
        detail="Something in the request is not valid; errors says what and where.",
        extra={"errors": errors},
    )


def _flatten(detail: Any, pointer: str = "") -> Iterator[tuple[str, exceptions.ErrorDetail]]:
    """Yield a JSON pointer (RFC 6901) and an error for each leaf of DRF's nested detail."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            is_about_the_whole = key == api_settings.NON_FIELD_ERRORS_KEY
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _flatten(inner, pointer if is_about_the_whole else f"{pointer}/{escaped}")
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, inner in enumerate(detail):
            is_leaf = isinstance(inner, str)
            yield from _flatten(inner, pointer if is_leaf else f"{pointer}/{index}")
    else:
        yield pointer, detail
