"""Creators, products, brands, snapshots, time, cohorts and stages over HTTP."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from redshop.catalog.models import Brand
from redshop.conversion import access
from redshop.conversion.api import subject_serializers as shown
from redshop.conversion.api.queries import SubjectQuery, parse
from redshop.conversion.api.renderers import ParquetRenderer
from redshop.conversion.api.subject_queries import (
    AipsQuery,
    BrandQuery,
    CohortsQuery,
    SnapshotsQuery,
    StandingsQuery,
    TimingQuery,
)
from redshop.conversion.api.views import StatisticView, paged, scope, user_of
from redshop.conversion.deeds import Subject
from redshop.conversion.errors import NotYours
from redshop.conversion.selectors import aips, cohorts, snapshots, standings, timing
from redshop.conversion.types import Scope, Slice

View = TypeVar("View", bound=Callable[..., Response])


def described(
    operation_id: str, query: type[SubjectQuery], answer: type[Serializer[Any]]
) -> Callable[[View], View]:
    """Describe a statistic: its query, and its answer as JSON or as a table."""
    decorate: Callable[[View], View] = extend_schema(
        operation_id=operation_id,
        tags=["statistics"],
        parameters=[query],
        responses={
            (200, "application/json"): answer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, ParquetRenderer.media_type): OpenApiTypes.BINARY,
        },
    )
    return decorate


class CreatorsView(StatisticView):
    """Creators side by side: whom they reached, what they led to, what they earned."""

    @described("get_creator_statistics", StandingsQuery, shown.SubjectsSerializer)
    def get(self, request: Request) -> Response:
        return _standings(request, Subject.AUTHOR)


class ProductsView(StatisticView):
    """Products side by side: who saw and wanted them, what notes led to, what was sold."""

    @described("get_product_statistics", StandingsQuery, shown.SubjectsSerializer)
    def get(self, request: Request) -> Response:
        return _standings(request, Subject.PRODUCT)


class BrandView(StatisticView):
    """One brand: whom it reached, what notes led to, what was sold and kept."""

    @described("get_brand_statistics", BrandQuery, shown.BrandStatisticsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        at = timezone.now()
        query = parse(BrandQuery, request.query_params.dict(), at=at)
        brand = get_object_or_404(Brand, pk=_own_brand(request, pk))
        question = standings.Question(
            subject=Subject.BRAND,
            keys=(brand.pk,),
            scope=Scope(brand_ids=(brand.pk,)),
            **query.as_asked(),
        )
        answer = standings.standings(question, at=at)
        row = answer.results[0] if answer.results else standings.nothing(brand, question)
        values = {name: getattr(row, name) for name in row.__slots__}
        return Response(shown.BrandStatisticsSerializer({**values, "meta": answer.meta}).data)


class SnapshotsView(StatisticView):
    """What notes had done at T+1, 7, 15, 30, 60 and 90 days after their publication."""

    @described("get_snapshots", SnapshotsQuery, shown.SnapshotsSerializer)
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(SnapshotsQuery, request.query_params.dict(), at=at)
        question = snapshots.Question(**query.as_asked(), scope=scope(request, query))
        answer = snapshots.snapshots(question, at=at)
        return paged(request, shown.SnapshotsSerializer, answer, page=question.page)


class TimeToConvertView(StatisticView):
    """How long it took from a touch to the sale that it led to."""

    @described("get_time_to_convert", TimingQuery, shown.TimingsSerializer)
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(TimingQuery, request.query_params.dict(), at=at)
        question = timing.Question(**query.as_asked(), scope=scope(request, query))
        answer = timing.time_to_convert(question, at=at)
        return paged(request, shown.TimingsSerializer, answer, page=question.page)


class CohortsView(StatisticView):
    """Who came back, and bought, after beginning together; for analysts."""

    @described("get_cohorts", CohortsQuery, shown.CohortsSerializer)
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(CohortsQuery, request.query_params.dict(), at=at)
        if not access.is_analyst(user_of(request)):
            raise NotYours
        question = cohorts.Question(**query.as_asked())
        answer = cohorts.cohorts(question, at=at)
        return paged(request, shown.CohortsSerializer, answer, page=question.page)


class AipsView(StatisticView):
    """How near people have come to a brand; for analysts and its members."""

    @described("get_aips", AipsQuery, shown.AipsSerializer)
    def get(self, request: Request) -> Response:
        at = timezone.now()
        query = parse(AipsQuery, request.query_params.dict(), at=at)
        asked = query.validated_data
        brand = get_object_or_404(Brand, pk=_own_brand(request, asked["brand"]))
        question = aips.Question(
            brand=brand,
            period=asked["period"],
            population=query.as_asked()["population"],
            window_days=asked["window_days"],
        )
        answer = aips.aips(question, at=at)
        return paged(request, shown.AipsSerializer, answer, page=Slice())


def _standings(request: Request, subject: Subject) -> Response:
    at = timezone.now()
    query = parse(StandingsQuery, request.query_params.dict(), at=at)
    question = standings.Question(subject=subject, **query.as_asked(), scope=scope(request, query))
    answer = standings.standings(question, at=at)
    return paged(request, shown.SubjectsSerializer, answer, page=question.page)


def _own_brand(request: Request, pk: int) -> int:
    """Return the brand, where its numbers may be read.

    Raises:
        NotYours: they may not.
    """
    access.scope_of(user_of(request), brand_id=pk)
    return pk
