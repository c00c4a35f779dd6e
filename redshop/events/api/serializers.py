"""What a batch looks like from outside."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from redshop.core.api.serializers import StrictSerializer
from redshop.events.kinds import CLIENT_KINDS, Surface
from redshop.events.services.validation import (
    LONGEST_QUERY,
    RepeatedNames,
    moment,
    uuid_text,
)


class EventSerializer(serializers.Serializer[Any]):
    """One event; describes it for the schema, while the judging is done row by row."""

    id = serializers.UUIDField(help_text="Made by the client; a repeat is counted once.")
    kind = serializers.ChoiceField(sorted(kind.value for kind in CLIENT_KINDS))
    occurred_at = serializers.DateTimeField(help_text="By the client's clock.")
    surface = serializers.ChoiceField(Surface.choices, required=False, allow_null=True)
    request_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="The feed or search that showed it."
    )
    note_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    product_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    position = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    dwell_ms = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    completion = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    query = serializers.CharField(required=False, allow_null=True, max_length=LONGEST_QUERY)


@extend_schema_field({"type": "string", "format": "date-time"})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """A moment that says its zone."""

    default_error_messages = {"invalid": "A moment such as 2026-01-31T12:00:00Z is expected."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return moment(data)
        except ValueError:
            self.fail("invalid")


@extend_schema_field({"type": "string", "format": "uuid"})
class IdField(serializers.Field[Any, Any, Any, Any]):
    """A UUID, written as one."""

    default_error_messages = {"invalid": "A UUID is expected."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return UUID(uuid_text(data))
        except ValueError:
            self.fail("invalid")


@extend_schema_field(EventSerializer(many=True))
class RowsField(serializers.Field[Any, Any, Any, Any]):
    """The rows as they came."""

    default_error_messages = {"invalid": "A list is expected."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list):
            self.fail("invalid")
        return data


class BatchSerializer(StrictSerializer):
    """What one device sends at once, stamped anew at each attempt."""

    sent_at = MomentField(help_text="By the client's clock, at this attempt.")
    visitor_id = IdField(
        required=False,
        allow_null=True,
        help_text="The device; agrees with X-Visitor-Id where both are given.",
    )
    session_id = IdField(required=False, allow_null=True)
    events = RowsField(help_text="At most 1,000.")

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, RepeatedNames):
            raise _about_the_whole("A field is named twice.")
        if isinstance(data, Mapping) and not all(name.isprintable() for name in data):
            raise _about_the_whole("A field has a name that no text may hold.")
        return super().to_internal_value(data)


def _about_the_whole(message: str) -> serializers.ValidationError:
    return serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [message]})


class RejectionSerializer(serializers.Serializer[Any]):
    """A row that was not taken, and why; it is kept aside for the analyst."""

    index = serializers.IntegerField(help_text="Its place in the batch, from 0.")
    id = serializers.CharField(allow_null=True, help_text="As it came.")
    code = serializers.CharField()
    message = serializers.CharField()


class IngestedSerializer(serializers.Serializer[Any]):
    """What became of the rows; the three add up to all of them."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectionSerializer(many=True)
