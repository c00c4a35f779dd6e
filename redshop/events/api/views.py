"""Taking batches of events."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.core.api.visitors import HEADER, visitor_id_of
from redshop.core.errors import InvalidInput
from redshop.core.populations import Population
from redshop.events.api.parsers import BatchParser
from redshop.events.api.serializers import BatchSerializer, IngestedSerializer
from redshop.events.services import ingestion
from redshop.events.suspicion import is_bot
from redshop.events.types import Batch


class EventsView(APIView):
    """The door for what only clients can know: views, reading, taps."""

    permission_classes = [AllowAny]
    parser_classes = [BatchParser]

    @extend_schema(
        operation_id="events_create",
        request=BatchSerializer,
        responses={202: IngestedSerializer},
        parameters=[
            OpenApiParameter(HEADER, UUID, OpenApiParameter.HEADER, description="The device."),
            OpenApiParameter(
                "Content-Encoding",
                str,
                OpenApiParameter.HEADER,
                enum=["gzip"],
                description="At most 1 MiB unpacked.",
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Report events; 202 means that they are kept, each exactly once."""
        received_at = timezone.now()
        person = request.user if request.user.is_authenticated else None
        result = ingestion.ingest(
            batch=_batch(request),
            person_id=person.pk if person else None,
            received_at=received_at,
            population=person.population if person else Population.REAL,
        )
        return Response(IngestedSerializer(result).data, status=202)


def _batch(request: Request) -> Batch:
    serializer = BatchSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    given: dict[str, Any] = serializer.validated_data
    return Batch(
        sent_at=given["sent_at"],
        visitor_id=_visitor(request, given.get("visitor_id")),
        session_id=given.get("session_id"),
        rows=given["events"],
        is_by_bot=is_bot(request.headers.get("User-Agent", "")),
    )


def _visitor(request: Request, in_body: UUID | None) -> UUID | None:
    """Return the device that sends.

    Raises:
        InvalidInput: header and body name different ones, or nobody is named at all.
    """
    in_header = visitor_id_of(request)
    if in_header and in_body and in_header != in_body:
        raise InvalidInput(
            pointer="/visitor_id", code="mismatch", message=f"It does not agree with {HEADER}."
        )
    visitor_id = in_header or in_body
    if visitor_id is None and not request.user.is_authenticated:
        raise InvalidInput(
            pointer="/visitor_id", code="required", message="Someone must have done it."
        )
    return visitor_id
