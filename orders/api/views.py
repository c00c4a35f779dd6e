"""Cart, checkout, orders and payments over HTTP."""

from typing import Any, cast
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
from rest_framework.views import APIView

from orders import selectors
from orders.api.serializers import (
    CancelSerializer,
    CartSerializer,
    CheckoutSerializer,
    OrderSerializer,
    PutItemSerializer,
    QuoteRequestSerializer,
    QuoteSerializer,
)
from orders.models import Order
from orders.services import cancellation, cart, checkout
from redshop.core.api.idempotent import KEY_OPTIONAL, KEY_REQUIRED, IdempotentView, key_of
from redshop.core.api.pagination import CursorPage
from redshop.core.api.serializers import StrictSerializer


def parsed(shape: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """Return what the body says.

    Raises:
        ValidationError: it says something else than the shape takes.
    """
    return shape.parsed(request.data)


def buyer_of(request: Request) -> int:
    """Return the id of the person who calls; the permission has seen that there is one."""
    return cast(int, request.user.pk)


class CartView(APIView):
    """The caller's cart."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_cart", tags=["orders"], responses=CartSerializer)
    def get(self, request: Request) -> Response:
        """Return what is in the cart, at today's prices."""
        return Response(CartSerializer(selectors.cart(person_id=buyer_of(request))).data)


class CartItemView(APIView):
    """One SKU in the caller's cart."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="put_cart_item",
        tags=["orders"],
        request=PutItemSerializer,
        responses={204: None},
    )
    def put(self, request: Request, sku_id: int) -> Response:
        """Have so many units in the cart, whatever was there before."""
        cart.put_item(
            person_id=buyer_of(request),
            sku_id=sku_id,
            **parsed(PutItemSerializer, request),
            at=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="remove_cart_item", tags=["orders"], responses={204: None})
    def delete(self, request: Request, sku_id: int) -> Response:
        """Have none of it in the cart."""
        cart.remove_item(person_id=buyer_of(request), sku_id=sku_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class QuoteView(APIView):
    """What the cart would cost."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="quote_checkout",
        tags=["orders"],
        request=QuoteRequestSerializer,
        responses=QuoteSerializer,
    )
    def post(self, request: Request) -> Response:
        """Say what a checkout would cost now; nothing is reserved."""
        wanted, at = parsed(QuoteRequestSerializer, request), timezone.now()
        quote = checkout.quote(buyer_id=buyer_of(request), **wanted, at=at)
        return Response(QuoteSerializer(quote).data)


class CheckoutView(IdempotentView):
    """From the cart to an order."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="checkout",
        tags=["orders"],
        parameters=[KEY_REQUIRED],
        request=CheckoutSerializer,
        responses={201: OrderSerializer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Order the whole cart; its stock is held until ``expires_at``."""
        wanted, at = parsed(CheckoutSerializer, request), timezone.now()

        def work() -> Response:
            order = checkout.place(buyer_id=buyer_of(request), **wanted, at=at)
            return Response(OrderSerializer.shown(order), status=status.HTTP_201_CREATED)

        return self.answer_once(request, call="checkout", work=work, at=at)


class OrderPage(CursorPage):
    ordering = "-placed_at"


@extend_schema_view(get=extend_schema(operation_id="list_orders", tags=["orders"]))
class OrdersView(ListAPIView[Order]):
    """The caller's orders, newest first."""

    permission_classes = [IsAuthenticated]
    serializer_class = OrderSerializer
    pagination_class = OrderPage
    queryset = Order.objects.none()

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.of_buyer(buyer_of(self.request)).with_story()


@extend_schema_view(get=extend_schema(operation_id="get_order", tags=["orders"]))
class OrderView(RetrieveAPIView[Order]):
    """One order of the caller's."""

    permission_classes = [IsAuthenticated]
    serializer_class = OrderSerializer
    queryset = Order.objects.none()
    lookup_url_kwarg = "order_id"

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.of_buyer(buyer_of(self.request)).with_story()


class CancelView(IdempotentView):
    """The end of an order before it is shipped."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="cancel_order",
        tags=["orders"],
        parameters=[KEY_OPTIONAL],
        request=CancelSerializer,
        responses=OrderSerializer,
    )
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Cancel an order; what was paid is given back."""
        wanted, buyer_id, at = parsed(CancelSerializer, request), buyer_of(request), timezone.now()

        def shown() -> Response:
            order = Order.objects.of_buyer(buyer_id).with_story().get(pk=order_id)
            return Response(OrderSerializer(order).data)

        def work() -> Response:
            cancellation.cancel(order_id=order_id, buyer_id=buyer_id, **wanted, at=at)
            return shown()

        if key_of(request) is not None:
            return self.answer_once(request, call="cancel", work=work, at=at)
        cancellation.cancel_order(order_id=order_id, buyer_id=buyer_id, **wanted, at=at)
        return shown()
