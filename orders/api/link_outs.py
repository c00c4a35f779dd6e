"""Ways to shops elsewhere over HTTP, and the reports that come back from there."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers import LARGEST, MOST_UNITS
from orders.api.views import parsed
from orders.providers.signatures import check_signature
from orders.services import linkouts
from orders.services.linkouts import Reported
from redshop.accounts.models import User
from redshop.core.api import visitors
from redshop.core.api.serializers import ShownSerializer, StrictSerializer
from redshop.core.populations import Population

SIGNATURE = "Redshop-Signature"
MOST_CONVERSIONS = 10_000
SMALLEST_SHARE = 0.000_1  # a smaller sample says nothing
_SIGNED = OpenApiParameter(
    SIGNATURE,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="t=<unix seconds>,v1=<hex HMAC-SHA256 of '<t>.<raw body>' with LINK_OUT_SECRET>",
)


class LinkOutRequestSerializer(StrictSerializer):
    """The product to follow to its own shop, and the note that led there."""

    product_id = serializers.IntegerField(min_value=1, max_value=LARGEST)
    note_id = serializers.IntegerField(min_value=1, max_value=LARGEST)
    request_id = serializers.UUIDField(
        allow_null=True, required=False, help_text="The feed or search that showed the note."
    )


class LinkOutSerializer(ShownSerializer):
    """Where to go; the click's id is in the address."""

    click_id = serializers.UUIDField(source="pk")
    url = serializers.URLField()


class ReportedConversionSerializer(StrictSerializer):
    """One sale in the sample."""

    click_id = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)
    amount_minor = serializers.IntegerField(min_value=0, max_value=LARGEST)
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", help_text="ISO 4217.")
    converted_at = serializers.DateTimeField()


class ReportSerializer(StrictSerializer):
    """A known share of the sales of a time; ``to`` is excluded."""

    report_id = serializers.UUIDField()
    sample_share = serializers.FloatField(
        min_value=SMALLEST_SHARE, max_value=1, help_text="The chance of each sale to be in it."
    )
    to = serializers.DateTimeField()
    conversions = serializers.ListField(
        child=ReportedConversionSerializer(), max_length=MOST_CONVERSIONS
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the member that Python has no name for."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        if attrs["to"] <= attrs["from"]:
            message = serializers.ErrorDetail("The time ends before it begins.", code="min_value")
            raise serializers.ValidationError({"to": [message]})
        return attrs


class LinkOutsView(APIView):
    """Ways to shops elsewhere."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="link_out",
        tags=["orders"],
        parameters=[visitors.PARAMETER],
        request=LinkOutRequestSerializer,
        responses={201: LinkOutSerializer},
    )
    def post(self, request: Request) -> Response:
        """Follow a product to its own shop: the answer says where to go."""
        person = request.user if isinstance(request.user, User) else None
        made = linkouts.click_out(
            **parsed(LinkOutRequestSerializer, request),
            person_id=person.pk if person else None,
            visitor_id=visitors.visitor_id_of(request),
            population=person.population if person else Population.REAL,
            at=timezone.now(),
        )
        return Response(LinkOutSerializer(made).data, status=status.HTTP_201_CREATED)


class LinkOutReportsView(APIView):
    """Reports of shops elsewhere."""

    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Believe only what is signed, before anything of it is parsed."""
        super().initial(request, *args, **kwargs)
        check_signature(
            request.headers.get(SIGNATURE, ""),
            request.body,
            secret=settings.LINK_OUT_SECRET,
            at=timezone.now(),
        )

    @extend_schema(
        operation_id="report_link_outs",
        tags=["orders"],
        parameters=[_SIGNED],
        request=ReportSerializer,
        responses={200: None},
    )
    def post(self, request: Request) -> HttpResponse:
        """Take in a report, once however often it is sent."""
        told = parsed(ReportSerializer, request)
        linkouts.take_report(
            report_id=told["report_id"],
            sample_share=told["sample_share"],
            since_at=told["from"],
            until_at=told["to"],
            conversions=[Reported(**sale) for sale in told["conversions"]],
            at=timezone.now(),
        )
        return HttpResponse(status=status.HTTP_200_OK)
