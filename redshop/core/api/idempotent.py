"""The HTTP side of idempotent calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.core import idempotency
from redshop.core.api.problems import CONTENT_TYPE, of_domain_error
from redshop.core.errors import DomainError

B = TypeVar("B")
M = TypeVar("M")

_HEADER: Final = "Idempotency-Key"
#: Refusals that a repeat may not meet again.
_NEVER_KEPT: Final = frozenset({409, 429})
#: For ``extend_schema(parameters=…)`` of calls that need a key, and of calls that take one.
KEY_REQUIRED: Final = OpenApiParameter(
    _HEADER, OpenApiTypes.UUID, OpenApiParameter.HEADER, required=True
)
KEY_OPTIONAL: Final = OpenApiParameter(_HEADER, OpenApiTypes.UUID, OpenApiParameter.HEADER)


class IdempotentView(APIView):
    """A view with calls that have one effect, however often they are sent."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the raw body before a parser does; Django keeps it for the parser."""
        super().initial(request, *args, **kwargs)
        self.raw_body: bytes = request.body

    def answer_once(
        self, request: Request, *, call: str, work: Callable[[], Response], at: datetime
    ) -> HttpResponse:
        """Run ``work`` once for the request's key; see ``answer_once``."""
        return answer_once(request, call=call, body=self.raw_body, work=work, at=at)

    def answer_in_phases(
        self,
        request: Request,
        *,
        call: str,
        begin: Callable[[idempotency.Call], B],
        between: Callable[[B], M],
        finish: Callable[[B, M], Response],
        at: datetime,
    ) -> HttpResponse:
        """Run work that waits for another machine once for the request's key, replay its answer
        after; see ``idempotency.in_phases``.

        Raises: as ``answer_once``.
        """
        named = call_of(request, name=call, body=self.raw_body)
        try:
            answer = idempotency.in_phases(
                named,
                begin=lambda: begin(named),
                between=between,
                finish=lambda begun, middle: _answer(finish(begun, middle)),
                at=at,
            )
        except DomainError as error:
            if error.status in _NEVER_KEPT or isinstance(error, idempotency.IdempotencyKeyReused):
                raise
            refusal = _answer(of_domain_error(request, error), CONTENT_TYPE)
            answer = idempotency.keep_refusal(named, refusal, at=at)
        return to_response(answer)


def key_of(request: Request) -> UUID | None:
    """Return the request's Idempotency-Key, or None where it has none.

    Raises:
        IdempotencyKeyRequired: the header is there but is not a UUID.
    """
    given = request.headers.get(_HEADER)
    if given is None:
        return None
    try:
        return UUID(given)
    except ValueError as error:
        raise idempotency.IdempotencyKeyRequired from error


def answer_once(
    request: Request,
    *,
    call: str,
    body: bytes,
    work: Callable[[], Response],
    at: datetime,
) -> HttpResponse:
    """Run ``work`` (steps of one transaction) once for the request's key, replay its answer after.

    ``body`` is the raw body, read before DRF parsed it (``request.body`` of the HttpRequest).

    Raises:
        IdempotencyKeyRequired: the request has no key.
        InProgress: the first request with the key is still running.
        IdempotencyKeyReused: the key belongs to a different request.
    """
    answer = idempotency.once(
        call_of(request, name=call, body=body), work=lambda: _rendered(request, work), at=at
    )
    return to_response(answer)


def call_of(request: Request, *, name: str, body: bytes) -> idempotency.Call:
    """Return what identifies a repeat of the request.

    Raises:
        IdempotencyKeyRequired: the request has no key.
    """
    key = key_of(request)
    if key is None:
        raise idempotency.IdempotencyKeyRequired
    return idempotency.Call(
        person_id=cast(int, request.user.pk),
        name=name,
        key=key,
        digest=idempotency.digest_of(method=request.method or "", path=request.path, body=body),
    )


def to_response(answer: idempotency.Answer) -> HttpResponse:
    """Turn a kept answer into the HTTP answer."""
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    if answer.is_replay:
        response["Idempotent-Replayed"] = "true"
    return response


def _rendered(request: Request, work: Callable[[], Response]) -> idempotency.Answer:
    """Run the work; a refusal that may be kept becomes an answer, any other is raised on."""
    try:
        return _answer(work())
    except DomainError as error:
        if error.status in _NEVER_KEPT:
            raise
        return _answer(of_domain_error(request, error), CONTENT_TYPE)


def _answer(response: Response, content_type: str = "application/json") -> idempotency.Answer:
    return idempotency.Answer(
        status=response.status_code,
        body=JSONRenderer().render(response.data),
        content_type=content_type,
    )
