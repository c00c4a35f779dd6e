"""What returns take and show; nothing here asks the database."""

from typing import Any

from rest_framework import serializers

from orders.api.serializers import LARGEST, MOST_UNITS, OrderStepSerializer, one_of
from orders.states import ReturnState
from redshop.core.api.serializers import MoneyField, ShownSerializer, StrictSerializer

MOST_LINES = 100


class ReturnLineRequestSerializer(StrictSerializer):
    """So many units of a line to send back."""

    line_id = serializers.IntegerField(min_value=1, max_value=LARGEST)
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)


class ReturnRequestSerializer(StrictSerializer):
    """What to send back, and why."""

    lines = serializers.ListField(
        child=ReturnLineRequestSerializer(), min_length=1, max_length=MOST_LINES
    )
    reason = serializers.CharField(max_length=500)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse a line that is named twice."""
        if len({line["line_id"] for line in lines}) < len(lines):
            raise serializers.ValidationError("A line is named twice.", code="repeated")
        return lines


class ReturnLineSerializer(ShownSerializer):
    """So many units of a line, and how many of them arrived."""

    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()
    received_quantity = serializers.IntegerField()


# asks for Return.objects.with_story()
class ReturnSerializer(ShownSerializer):
    """Units of an order that its buyer sends back, and how far that is."""

    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    state = one_of(ReturnState)
    lines = ReturnLineSerializer(many=True, source="story_lines")
    reason = serializers.CharField()
    decision = serializers.CharField(required=False, help_text="What the shop says to it.")
    refunded = MoneyField()
    requested_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(required=False)
    refused_at = serializers.DateTimeField(required=False)
    received_at = serializers.DateTimeField(required=False)
    refunded_at = serializers.DateTimeField(required=False)
    history = OrderStepSerializer(many=True, source="story_history")
