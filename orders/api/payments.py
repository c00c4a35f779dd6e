"""Paying over HTTP, and what payment companies tell us."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers import PaymentSerializer, PayRequestSerializer
from orders.api.views import buyer_of, parsed
from orders.models import Payment
from orders.providers.types import Outcome
from orders.services import payment, webhooks
from redshop.core.api.idempotent import KEY_REQUIRED, IdempotentView
from redshop.core.idempotency import Call


class PaymentsView(IdempotentView):
    """Attempts to pay an order."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="pay_order",
        tags=["orders"],
        parameters=[KEY_REQUIRED],
        request=PayRequestSerializer,
        responses={201: PaymentSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> HttpResponseBase:
        """Pay; a card that is declined is an answer (``failed``), and one may try again.

        ``pending``: the company has not said yet what came of it; the order's ``payment_state``
        will. ``requires_action``: the buyer confirms at ``action_url``.
        """
        wanted, at = parsed(PayRequestSerializer, request), timezone.now()
        token = wanted.get("token")

        def begin(call: Call) -> Payment:
            return payment.begin(
                order_id=order_id,
                buyer_id=buyer_of(request),
                method=wanted["method"],
                key=call.key,
                digest=call.digest,
                at=at,
            )

        return self.answer_in_phases(
            request,
            call="pay",
            begin=begin,
            between=lambda begun: payment.ask(begun, token=token),
            finish=lambda begun, outcome: _settled(begun, outcome, at=at),
            at=at,
        )


def _settled(begun: Payment, outcome: Outcome | None, *, at: datetime) -> Response:
    settled = payment.settle(payment_id=begun.pk, order_id=begun.order_id, outcome=outcome, at=at)
    return Response(PaymentSerializer.shown(settled), status=status.HTTP_201_CREATED)


class PaymentWebhookView(APIView):
    """What payment companies tell us."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = ()

    @extend_schema(
        operation_id="receive_payment_webhook",
        tags=["orders"],
        parameters=[OpenApiParameter("provider", OpenApiTypes.STR, OpenApiParameter.PATH)],
        request=OpenApiTypes.OBJECT,
        responses={200: None},
    )
    def post(self, request: Request, provider: str) -> HttpResponse:
        """Take a webhook, signed by the company over its body and a moment of these minutes.

        It is kept once, however often it comes, and is a hint: the company is asked for the
        truth.
        """
        webhooks.receive(
            company=provider,
            body=request.body,
            headers=request.headers,
            at=timezone.now(),
        )
        return HttpResponse(status=HTTPStatus.OK)
