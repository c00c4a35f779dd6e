"""How statistics are shown."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from redshop.conversion.types import Meta
from redshop.core.api.serializers import MoneyField


@extend_schema_field(
    {
        "oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}],
        "description": "An id, a slug or a word; null for what has none.",
    }
)
class KeyField(serializers.Field[Any, Any, Any, Any]):
    """What identifies a group."""

    def to_representation(self, value: Any) -> Any:
        return value


class MetaSerializer(serializers.Serializer[Meta]):
    """What the figures are."""

    definition = serializers.CharField()
    version = serializers.IntegerField()
    to = serializers.DateField(source="period.end", help_text="Excluded.")
    tz = serializers.CharField(source="period.zone.key")
    window_days = serializers.IntegerField(
        allow_null=True, help_text="Null: the lookback of each product's category."
    )
    population = serializers.CharField()
    n = serializers.IntegerField(help_text="What the figures rest on.")
    fresh_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=["measured", "sampled", "simulated"])
    notes = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from``, which Python keeps for itself."""
        return {"from": serializers.DateField(source="period.first"), **super().get_fields()}


class RateSerializer(serializers.Serializer[Any]):
    """A share, what it is made of, and its 95 % Wilson interval."""

    value = serializers.FloatField(allow_null=True)
    numerator = serializers.IntegerField()
    denominator = serializers.IntegerField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class PageSerializer(serializers.Serializer[Any]):
    """What every page has."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class FunnelStepSerializer(serializers.Serializer[Any]):
    """How many reached a step."""

    step = serializers.CharField()
    people = serializers.IntegerField(help_text="In the unit asked for: people, or events.")
    from_first = RateSerializer()
    from_previous = RateSerializer()


class NetPaidSerializer(serializers.Serializer[Any]):
    """Who paid and kept something, and the money that was not given back."""

    people = serializers.IntegerField()
    from_first = RateSerializer()
    amount_minor = serializers.IntegerField(source="amount.amount_minor")
    currency = serializers.CharField(source="amount.currency")


class FunnelRowSerializer(serializers.Serializer[Any]):
    """The funnel of one group."""

    key = KeyField()
    label = serializers.CharField()  # type: ignore[assignment]
    steps = FunnelStepSerializer(many=True)
    net_paid = NetPaidSerializer(allow_null=True)


class FunnelSerializer(PageSerializer):
    """How far people, or events, got."""

    results = FunnelRowSerializer(many=True)
    meta = MetaSerializer()


class StandingSerializer(serializers.Serializer[Any]):
    """What a group of credits amounts to."""

    conversions = serializers.FloatField(help_text="Order lines; a model may credit fractions.")
    gross = MoneyField()
    refunded = MoneyField()
    net = MoneyField()


class AttributionRowSerializer(StandingSerializer):
    """What one group was credited with."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Name the group first."""
        return {
            "key": KeyField(),
            "label": serializers.CharField(),
            **super().get_fields(),
        }


class AttributionSerializer(PageSerializer):
    """What was credited to whom; results and unattributed add up to total."""

    results = AttributionRowSerializer(many=True)
    unattributed = StandingSerializer()
    total = StandingSerializer()
    meta = MetaSerializer()


class ReachSerializer(serializers.Serializer[Any]):
    """How many people came how near."""

    impressions = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Who saw it, each once.")
    opens = serializers.IntegerField()
    openers = serializers.IntegerField()
    open_rate = RateSerializer(help_text="Of the people who saw it, who opened it.")


class EngagementSerializer(serializers.Serializer[Any]):
    """What they did with it."""

    reads = serializers.IntegerField()
    likes = serializers.IntegerField()
    saves = serializers.IntegerField()
    comments = serializers.IntegerField()
    shares = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Who did any of it, each once.")


class InterestSerializer(serializers.Serializer[Any]):
    """What they did with what it shows."""

    product_views = serializers.IntegerField()
    cart_adds = serializers.IntegerField()


class CreditedSerializer(StandingSerializer):
    """What a model credits the note with."""

    model = serializers.CharField()


class EstimateSerializer(serializers.Serializer[Any]):
    """How many there were in all, from a sample, with a 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class MoneyEstimateSerializer(serializers.Serializer[Any]):
    """How much there was in all, from a sample, with a 95 % interval."""

    value = MoneyField()
    low = MoneyField()
    high = MoneyField()


class LinkOutsSerializer(serializers.Serializer[Any]):
    """What shops elsewhere sold: no part of any credit, known from samples only."""

    clicks = serializers.IntegerField(help_text="Of these days.")
    sampled = serializers.IntegerField(help_text="Sales of these days in the shops' reports.")
    sales = EstimateSerializer()
    gross = MoneyEstimateSerializer()


class NoteStatisticsSerializer(serializers.Serializer[Any]):
    """One note."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    reach = ReachSerializer()
    engagement = EngagementSerializer()
    interest = InterestSerializer()
    credits = CreditedSerializer(many=True)
    link_outs = LinkOutsSerializer()
    meta = MetaSerializer()
