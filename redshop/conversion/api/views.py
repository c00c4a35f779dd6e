"""Statistics over HTTP: JSON, or a table."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from redshop.accounts.models import User
from redshop.conversion import access
from redshop.conversion.api import pages
from redshop.conversion.api.queries import AttributionQuery, FunnelQuery, SubjectQuery, parse
from redshop.conversion.api.renderers import CsvRenderer, ParquetRenderer
from redshop.conversion.api.serializers import (
    AttributionSerializer,
    FunnelSerializer,
    NoteStatisticsSerializer,
    PageSerializer,
)
from redshop.conversion.selectors import attribution, funnel, subjects
from redshop.conversion.services import markov
from redshop.conversion.types import Scope, Slice


class StatisticView(APIView):
    """What statistics have in common: who may read them, and how they are rendered."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [JSONRenderer, CsvRenderer, ParquetRenderer]


class FunnelView(StatisticView):
    """How many people got from step to step, and what was paid and kept in the end."""

    @extend_schema(
        operation_id="get_funnel",
        tags=["statistics"],
        parameters=[FunnelQuery],
        responses={
            (200, "application/json"): FunnelSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, ParquetRenderer.media_type): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(FunnelQuery, request.query_params.dict(), at=at)
        question = funnel.Question(**query.as_asked(), scope=scope(request, query))
        answer = funnel.funnel(question, at=at)
        return paged(request, FunnelSerializer, answer, page=question.page)


class AttributionView(StatisticView):
    """Which notes led to what was paid; what none led to is counted as unattributed."""

    @extend_schema(
        operation_id="get_attribution",
        tags=["statistics"],
        parameters=[AttributionQuery],
        responses={
            (200, "application/json"): AttributionSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, ParquetRenderer.media_type): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(AttributionQuery, request.query_params.dict(), at=at)
        question = attribution.Question(**query.as_asked(), scope=scope(request, query))
        ask = markov.attribution_by_removal if query.is_markov else attribution.attribution
        answer = ask(question, at=at)
        return paged(request, AttributionSerializer, answer, page=question.page)


class NoteStatisticsView(StatisticView):
    """One note: whom it reached, what they did, what was bought through it and kept."""

    renderer_classes = [JSONRenderer]

    @extend_schema(
        operation_id="get_note_statistics",
        tags=["statistics"],
        parameters=[SubjectQuery],
        responses=NoteStatisticsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        at = timezone.now()
        query = parse(SubjectQuery, request.query_params.dict(), at=at)
        note = get_object_or_404(access.readable_notes(user_of(request)), pk=pk)
        answer = subjects.note(note, question=subjects.Question(**query.as_asked()), at=at)
        return Response(NoteStatisticsSerializer(answer).data)


def user_of(request: Request) -> User:
    """Return the person who asks."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the permission let nobody else in
    return user


def scope(request: Request, query: Serializer[Any]) -> Scope:
    """Return whose numbers the answer is about.

    Raises:
        NotYours: they are none of the caller's.
    """
    asked: Mapping[str, Any] = query.validated_data
    return access.scope_of(
        user_of(request), brand_id=asked.get("brand"), author_id=asked.get("author")
    )


def paged(
    request: Request, serializer: type[PageSerializer], answer: Any, *, page: Slice
) -> Response:
    """Show one page of an answer, a dataclass that knows whether it ``has_more``."""
    links = pages.links(request, page=page, has_more=answer.has_more)
    shown = {field.name: getattr(answer, field.name) for field in fields(answer)}
    response = Response(serializer({**shown, **links}).data)
    for name, address in links.items():
        if address:
            response.headers["Link"] = ", ".join(
                filter(None, [response.headers.get("Link"), f'<{address}>; rel="{name}"'])
            )
    return response
