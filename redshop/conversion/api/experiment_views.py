"""Experiments over HTTP."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from redshop.conversion import access
from redshop.conversion.api.queries import FORMATS, SubjectQuery, parse
from redshop.conversion.api.serializers import MetaSerializer
from redshop.conversion.api.subject_views import described
from redshop.conversion.api.views import StatisticView, user_of
from redshop.conversion.errors import NotYours
from redshop.conversion.selectors import experiments
from redshop.experiments.models import Experiment, Metric, State


class ExperimentQuery(SubjectQuery):
    """Of whom, in which currency, and up to which day; its days are its own."""

    format = serializers.ChoiceField(
        choices=FORMATS, required=False, help_text="Instead of the Accept header."
    )


class FiniteField(serializers.FloatField):
    """A number, or null where there is no end."""

    def to_representation(self, value: Any) -> Any:
        return value if abs(value) != float("inf") else None


class EffectSerializer(serializers.Serializer[Any]):
    """A difference with its 95 % interval (null: no end) and two-sided p-value."""

    difference = serializers.FloatField()
    low = FiniteField(allow_null=True)
    high = FiniteField(allow_null=True)
    p = serializers.FloatField()


class CupedSerializer(serializers.Serializer[Any]):
    """The effect after what people did before was taken out."""

    effect = EffectSerializer()
    variance_reduction = serializers.FloatField(help_text="The share of variance that went.")


class ArmShownSerializer(serializers.Serializer[Any]):
    """An arm and its people."""

    arm = serializers.CharField()
    is_control = serializers.BooleanField()
    weight = serializers.IntegerField()
    people = serializers.IntegerField()


class ArmValueSerializer(serializers.Serializer[Any]):
    """A metric in one arm."""

    arm = serializers.CharField()
    people = serializers.IntegerField()
    value = serializers.FloatField()
    low = FiniteField(allow_null=True)
    high = FiniteField(allow_null=True)


class ArmEffectSerializer(serializers.Serializer[Any]):
    """An arm beside the control."""

    arm = serializers.CharField()
    absolute = EffectSerializer()
    relative = EffectSerializer(help_text="As a share of the control's value (delta method).")
    p_adjusted = serializers.FloatField(help_text="Corrected for being one of many (Holm).")
    cuped = CupedSerializer(allow_null=True, help_text="Null for ratios of sums.")
    always_valid = EffectSerializer(help_text="Holds whenever and however often one looks.")


class MetricResultSerializer(serializers.Serializer[Any]):
    """One metric."""

    key = serializers.ChoiceField(choices=Metric.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    is_primary = serializers.BooleanField()
    arms = ArmValueSerializer(many=True)
    effects = ArmEffectSerializer(many=True)


class SampleRatioSerializer(serializers.Serializer[Any]):
    """Whether arms have the people that their weights promise."""

    chi_squared = serializers.FloatField()
    p = serializers.FloatField()
    is_mismatch = serializers.BooleanField(help_text="p below 0.001: trust none of the rest.")


class ExperimentSerializer(serializers.Serializer[Any]):
    """What an experiment found."""

    key = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    arms = ArmShownSerializer(many=True)
    sample_ratio = SampleRatioSerializer()
    crossovers = serializers.IntegerField(help_text="People who were shown two arms; in neither.")
    results = MetricResultSerializer(many=True)
    meta = MetaSerializer()


class ExperimentView(StatisticView):
    """What an experiment found: arms, sample-ratio check, effects and their certainty."""

    @described("get_experiment", ExperimentQuery, ExperimentSerializer)
    def get(self, request: Request, key: str) -> Response:
        at = timezone.now()
        query = parse(ExperimentQuery, request.query_params.dict(), at=at)
        if not access.is_analyst(user_of(request)):
            raise NotYours
        asked = query.as_asked()
        question = experiments.Question(
            experiment=get_object_or_404(Experiment, key=key),
            population=asked["population"],
            currency=asked["currency"],
            until=asked["period"].until,
            zone=asked["period"].zone,
        )
        return Response(ExperimentSerializer(experiments.experiment(question, at=at)).data)
