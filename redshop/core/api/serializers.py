"""What every serializer of the API has in common."""

import functools
from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from redshop.core.money import Money


@functools.cache
def _made(kind: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the one serializer of a kind that many threads use: DRF copies every field of a new
    one deeply, which takes longer than to read or show anything with it."""
    return kind()


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a misspelt one is never silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = set(data) - set(self.fields)
            if unknown:
                raise serializers.ValidationError(
                    {
                        name: [serializers.ErrorDetail("Unknown field.", code="unknown_field")]
                        for name in sorted(unknown)
                    }
                )
        return super().to_internal_value(data)

    @classmethod
    def parsed(cls, data: Any) -> dict[str, Any]:
        """Return what a body says, read by fields that are made once (which ask no context).

        Raises:
            ValidationError: it says something else than the serializer takes.
        """
        return cast("dict[str, Any]", _made(cls).run_validation(data))


class ShownSerializer(serializers.Serializer[Any]):
    """Shows; a field that is not required is left out where it has nothing to show."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return {
            name: value
            for name, value in shown.items()
            if self._is_always_shown(name) or value not in (None, "")
        }

    @classmethod
    def shown(cls, instance: Any) -> dict[str, Any]:
        """Show something with fields that are made once (which ask no context)."""
        return _made(cls).to_representation(instance)

    def _is_always_shown(self, name: str) -> bool:
        field = self.fields[name]
        return field.required or field.read_only


class MoneySerializer(serializers.Serializer[Money]):
    """An exact amount: integer minor units of a currency."""

    amount_minor = serializers.IntegerField()
    currency = serializers.CharField(min_length=3, max_length=3)


@extend_schema_field(MoneySerializer)
class MoneyField(serializers.Field[Money, Any, dict[str, Any], Any]):
    """Shows a Money; reads none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Money) -> dict[str, Any]:
        return {"amount_minor": value.amount_minor, "currency": value.currency}


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong with the request, and where (a JSON pointer)."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable and machine-readable.")
    detail = serializers.CharField()
    request_id = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]
