"""Returns over HTTP: asked for here, decided on behind the counter."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.return_serializers import ReturnRequestSerializer, ReturnSerializer
from orders.api.views import buyer_of, parsed
from orders.models import Return
from orders.services import returns
from redshop.core.api.idempotent import KEY_OPTIONAL, KEY_REQUIRED, IdempotentView, key_of
from redshop.core.api.pagination import CursorPage
from redshop.core.api.serializers import StrictSerializer


class OrderReturnsView(IdempotentView):
    """Returns of an order."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="request_return",
        tags=["orders"],
        parameters=[KEY_REQUIRED],
        request=ReturnRequestSerializer,
        responses={201: ReturnSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Ask to send back delivered units; the shop decides."""
        wanted, at = parsed(ReturnRequestSerializer, request), timezone.now()
        quantities = {line["line_id"]: line["quantity"] for line in wanted["lines"]}

        def work() -> Response:
            asked = returns.request(
                order_id=order_id,
                buyer_id=buyer_of(request),
                quantities=quantities,
                reason=wanted["reason"],
                at=at,
            )
            return Response(_shown(asked.pk), status=status.HTTP_201_CREATED)

        return self.answer_once(request, call="return", work=work, at=at)


class ReturnPage(CursorPage):
    ordering = "-requested_at"


@extend_schema_view(get=extend_schema(operation_id="list_returns", tags=["orders"]))
class ReturnsView(ListAPIView[Return]):
    """The caller's returns, newest first."""

    permission_classes = [IsAuthenticated]
    serializer_class = ReturnSerializer
    pagination_class = ReturnPage
    queryset = Return.objects.none()

    def get_queryset(self) -> QuerySet[Return]:
        return Return.objects.of_buyer(buyer_of(self.request)).with_story()


@extend_schema_view(get=extend_schema(operation_id="get_return", tags=["orders"]))
class ReturnView(RetrieveAPIView[Return]):
    """One return of the caller's."""

    permission_classes = [IsAuthenticated]
    serializer_class = ReturnSerializer
    queryset = Return.objects.none()
    lookup_url_kwarg = "return_id"

    def get_queryset(self) -> QuerySet[Return]:
        return Return.objects.of_buyer(buyer_of(self.request)).with_story()


class CancelReturnView(IdempotentView):
    """The end of a return that its buyer gave up."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="cancel_return",
        tags=["orders"],
        parameters=[KEY_OPTIONAL],
        request=StrictSerializer,
        responses=ReturnSerializer,
    )
    def post(self, request: Request, return_id: UUID) -> HttpResponseBase:
        """Keep the units after all; only before they were received."""
        parsed(StrictSerializer, request)
        buyer_id, at = buyer_of(request), timezone.now()

        def work() -> Response:
            returns.cancel(return_id=return_id, buyer_id=buyer_id, at=at)
            return Response(_shown(return_id))

        if key_of(request) is not None:
            return self.answer_once(request, call="cancel_return", work=work, at=at)
        returns.cancel_return(return_id=return_id, buyer_id=buyer_id, at=at)
        return Response(_shown(return_id))


def _shown(return_id: UUID) -> object:
    return ReturnSerializer(Return.objects.with_story().get(pk=return_id)).data
