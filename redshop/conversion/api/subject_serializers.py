"""How single subjects, and subjects side by side, are shown."""

from typing import Any

from rest_framework import serializers

from redshop.conversion.api.serializers import (
    EngagementSerializer,
    InterestSerializer,
    KeyField,
    LinkOutsSerializer,
    MetaSerializer,
    PageSerializer,
    RateSerializer,
    ReachSerializer,
    StandingSerializer,
)
from redshop.core.api.serializers import MoneyField


class SubjectSerializer(serializers.Serializer[Any]):
    """Whom one creator, product or brand reached, and what came of it."""

    key = KeyField()
    label = serializers.CharField()  # type: ignore[assignment]
    reach = ReachSerializer()
    engagement = EngagementSerializer()
    interest = InterestSerializer()
    credited = StandingSerializer(help_text="What notes led to, by the model asked for.")
    sold = StandingSerializer(
        allow_null=True, help_text="What orders say; of products and brands, where it may be seen."
    )
    commission = MoneyField(
        allow_null=True,
        help_text="What a creator earned by orders of these days, as posted.",
    )
    link_outs = LinkOutsSerializer()


class SubjectsSerializer(PageSerializer):
    """Creators or products, what earned most first."""

    results = SubjectSerializer(many=True)
    meta = MetaSerializer()


class BrandStatisticsSerializer(SubjectSerializer):
    """One brand."""

    meta = MetaSerializer()


class SnapshotSerializer(serializers.Serializer[Any]):
    """What the notes of a group had done by T+days, added up."""

    days = serializers.IntegerField()
    notes = serializers.IntegerField(help_text="Notes of the group that are old enough.")
    is_final = serializers.BooleanField(help_text="Nothing of that time can be reported any more.")
    reach = ReachSerializer()
    engagement = EngagementSerializer()
    interest = InterestSerializer()
    credited = StandingSerializer()


class SnapshotRowSerializer(serializers.Serializer[Any]):
    """The snapshots of one group."""

    key = KeyField()
    label = serializers.CharField()  # type: ignore[assignment]
    snapshots = SnapshotSerializer(many=True)


class SnapshotsSerializer(PageSerializer):
    """What notes had done at T+1, 7, 15, 30, 60 and 90."""

    results = SnapshotRowSerializer(many=True)
    meta = MetaSerializer()


class WithinSerializer(serializers.Serializer[Any]):
    """How many had bought within so many days of 24 hours."""

    days = serializers.IntegerField()
    share = RateSerializer()


class MedianSerializer(serializers.Serializer[Any]):
    """A median with its distribution-free 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class TimingSerializer(serializers.Serializer[Any]):
    """How long the sales of one group took, in hours."""

    key = KeyField()
    label = serializers.CharField()  # type: ignore[assignment]
    conversions = serializers.IntegerField()
    mean = serializers.FloatField()
    median = MedianSerializer()
    p10 = serializers.FloatField()
    p25 = serializers.FloatField()
    p75 = serializers.FloatField()
    p90 = serializers.FloatField()
    within = WithinSerializer(many=True)


class TimingsSerializer(PageSerializer):
    """How long it took from a touch to the sale."""

    results = TimingSerializer(many=True)
    meta = MetaSerializer()


class LaterSerializer(serializers.Serializer[Any]):
    """What a cohort did so many spans after its first."""

    offset = serializers.IntegerField(help_text="0: the span in which they began.")
    active = RateSerializer()
    buyers = RateSerializer()
    orders = serializers.IntegerField()
    net = MoneyField()


class CohortSerializer(serializers.Serializer[Any]):
    """People who began in the same span."""

    key = serializers.CharField(help_text="The first day of the span.")
    label = serializers.CharField()  # type: ignore[assignment]
    size = serializers.IntegerField()
    spans = LaterSerializer(many=True)


class CohortsSerializer(PageSerializer):
    """Who came back, and bought again."""

    results = CohortSerializer(many=True)
    meta = MetaSerializer()


class StageSerializer(serializers.Serializer[Any]):
    """How many people stand at a stage with a brand."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    rule = serializers.CharField(help_text="Who stands here.")
    people = serializers.IntegerField(help_text="Whose deepest stage it is.")
    reached = serializers.IntegerField(help_text="Who came so far or further.")
    of_previous = RateSerializer(help_text="Of those who reached the stage before.")


class AipsSerializer(PageSerializer):
    """Awareness, interest, true interest, purchase, share."""

    results = StageSerializer(many=True)
    meta = MetaSerializer()
