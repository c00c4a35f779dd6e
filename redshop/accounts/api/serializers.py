"""People as JSON."""

import re
import unicodedata
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from redshop.accounts import spelling
from redshop.accounts.models import (
    HANDLE,
    Dial,
    Erasure,
    Export,
    Gender,
    Notification,
    User,
)
from redshop.core.api.serializers import StrictSerializer
from redshop.events.kinds import Surface

LOCALES: Final = ["en", "zh", "it", "zh-CN", "zh-TW", "en-US", "en-GB", "it-IT"]


def check_strength(value: str, *, user: User, name: str) -> None:
    """Hold a new password, sent as the field ``name``, against the deployment's rules.

    Raises:
        ValidationError: it breaks some; each is told.
    """
    try:
        validate_password(value, user)
    except DjangoValidationError as error:
        reasons = [
            serializers.ErrorDetail(reason.messages[0], code=reason.code or "weak_password")
            for reason in error.error_list
        ]
        raise serializers.ValidationError({name: reasons}) from error


class LineField(serializers.CharField):
    """Text of one line, in one form of Unicode (NFKC), without control characters."""

    def to_internal_value(self, data: Any) -> str:
        value = unicodedata.normalize("NFKC", super().to_internal_value(data))
        if any(unicodedata.category(character) == "Cc" for character in value):
            raise serializers.ValidationError("Control characters are not allowed.", code="invalid")
        if self.max_length is not None and len(value) > self.max_length:
            raise serializers.ValidationError("This is too long.", code="max_length")
        return value


class ProseField(serializers.CharField):
    """Text of several lines, with each letter and its accents as one character (NFC)."""

    def to_internal_value(self, data: Any) -> str:
        value = unicodedata.normalize("NFC", super().to_internal_value(data))
        if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in value):
            raise serializers.ValidationError("Control characters are not allowed.", code="invalid")
        return value


class AddressField(serializers.EmailField):
    """An e-mail address, spelt as it is kept."""

    def to_internal_value(self, data: Any) -> str:
        return spelling.address(super().to_internal_value(data))


class PasswordField(serializers.CharField):
    """A password, every blank of it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, trim_whitespace=False, write_only=True, **kwargs)


class ConsentChoiceSerializer(StrictSerializer):
    """Which purposes a person consents to; what is left out stays as it is."""

    analytics = serializers.BooleanField(required=False)
    personalisation = serializers.BooleanField(required=False)
    marketing = serializers.BooleanField(required=False)


class RegisterSerializer(StrictSerializer):
    handle = LineField(max_length=30, validators=[HANDLE])
    email = AddressField(max_length=254)
    password = PasswordField()
    display_name = LineField(max_length=60, required=False, allow_blank=True)
    locale = serializers.ChoiceField(choices=LOCALES, required=False)
    consents = ConsentChoiceSerializer(required=False)
    device = LineField(max_length=80, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        about = {name: attrs.get(name, "") for name in ("handle", "email", "display_name")}
        check_strength(attrs["password"], user=User(**about), name="password")
        return attrs


class LoginSerializer(StrictSerializer):
    login = serializers.CharField(max_length=254, help_text="Handle or e-mail address.")
    password = PasswordField()
    device = LineField(max_length=80, required=False, allow_blank=True)


class PasswordChangeSerializer(StrictSerializer):
    current = PasswordField()
    new = PasswordField()


class EmailSerializer(StrictSerializer):
    email = AddressField(max_length=254)


class ResetConfirmSerializer(StrictSerializer):
    code = serializers.CharField(max_length=400)
    new = PasswordField()


class CodeSerializer(StrictSerializer):
    code = serializers.CharField(max_length=400)


class AuthorSerializer(serializers.ModelSerializer[User]):
    """A person as they stand beside what they wrote."""

    class Meta:
        model = User
        fields = ["id", "handle", "display_name", "avatar"]
        read_only_fields = fields


class FollowContextSerializer(StrictSerializer):
    """What led to a follow: the note, the feed or search that showed it, and where."""

    note_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    request_id = serializers.UUIDField(required=False)
    surface = serializers.ChoiceField(choices=Surface.choices, required=False)


class CountsSerializer(serializers.Serializer[Any]):
    followers = serializers.IntegerField()
    following = serializers.IntegerField()
    notes = serializers.IntegerField()


class PersonViewerSerializer(serializers.Serializer[Any]):
    """How the viewer stands to the person."""

    following = serializers.BooleanField()
    blocked = serializers.BooleanField()


class PersonSerializer(AuthorSerializer):
    """A person's public profile."""

    counts = CountsSerializer(read_only=True)
    viewer = PersonViewerSerializer(read_only=True, allow_null=True)

    class Meta(AuthorSerializer.Meta):
        fields = [*AuthorSerializer.Meta.fields, "bio", "joined_at", "counts", "viewer"]
        read_only_fields = fields


class MeSerializer(AuthorSerializer):
    """A person's own profile, with what only they see."""

    counts = CountsSerializer(read_only=True)
    email_verified = serializers.SerializerMethodField()
    gender = serializers.ChoiceField(
        choices=Gender.choices, allow_blank=True, read_only=True, help_text="Empty where unsaid."
    )

    class Meta(AuthorSerializer.Meta):
        fields = [
            *AuthorSerializer.Meta.fields,
            "bio",
            "locale",
            "joined_at",
            "counts",
            "email",
            "email_verified",
            "gender",
            "birth_year",
            "city",
        ]
        read_only_fields = fields

    def get_email_verified(self, user: User) -> bool:
        return user.email_verified_at is not None


class ProfileSerializer(StrictSerializer):
    """What a person may change of their profile."""

    display_name = LineField(max_length=60, required=False, allow_blank=True)
    bio = ProseField(max_length=300, required=False, allow_blank=True)
    locale = serializers.ChoiceField(choices=LOCALES, required=False)
    gender = serializers.ChoiceField(choices=Gender.choices, required=False, allow_blank=True)
    birth_year = serializers.IntegerField(
        min_value=1900, max_value=2100, required=False, allow_null=True
    )
    city = LineField(max_length=60, required=False, allow_blank=True)
    avatar = serializers.FileField(
        required=False,
        allow_null=True,
        max_length=255,
        help_text="JPEG, PNG or WebP to 5 MB, as multipart/form-data; null takes it away.",
    )


class SessionUserSerializer(serializers.Serializer[Any]):
    """A device that has just been let in. ``token`` is shown this once."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    user = MeSerializer()


class DeviceSerializer(serializers.Serializer[Any]):
    """A device that may act for the person."""

    id = serializers.UUIDField()
    device = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    current = serializers.BooleanField(source="is_current")


class ConsentStateSerializer(serializers.Serializer[Any]):
    value = serializers.BooleanField()
    changed_at = serializers.DateTimeField()


class ConsentsSerializer(serializers.Serializer[Any]):
    """What the person said about each purpose, and when."""

    analytics = ConsentStateSerializer()
    personalisation = ConsentStateSerializer()
    marketing = ConsentStateSerializer()


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "string", "enum": Dial.values}}
)
class DialsField(serializers.DictField):
    child = serializers.ChoiceField(choices=Dial.choices)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        dials: dict[str, str] = super().to_internal_value(data)
        if len(dials) > 200 or not all(re.fullmatch(r"[-\w]{1,60}", slug) for slug in dials):
            raise serializers.ValidationError("At most 200 topics, by slug.", code="invalid")
        return dials


class PreferencesSerializer(StrictSerializer):
    """How the person wants to be served; what is left out stays as it is."""

    personalised = serializers.BooleanField(source="is_personalised", required=False)
    topics = DialsField(required=False)


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    actor = AuthorSerializer(allow_null=True)
    subject = serializers.DictField(help_text="Ids of what it is about.")

    class Meta:
        model = Notification
        fields = ["id", "kind", "actor", "subject", "created_at", "read_at"]
        read_only_fields = fields


class ReadSerializer(StrictSerializer):
    up_to = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="All where left out."
    )


class MarkedSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField()


class LeaveSerializer(StrictSerializer):
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    """That a person is being erased; there will be nobody to ask how far it is."""

    class Meta:
        model = Erasure
        fields = ["id", "asked_at", "erased_at"]
        read_only_fields = fields


class ExportSerializer(serializers.ModelSerializer[Export]):
    """Everything held about the person, as a ZIP once it is ``ready``."""

    state = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField(help_text="Where the ZIP is, once it is ready.")

    class Meta:
        model = Export
        fields = ["id", "state", "asked_at", "ready_at", "expires_at", "bytes", "file"]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": ["preparing", "ready"]})
    def get_state(self, export: Export) -> str:
        return "preparing" if export.ready_at is None else "ready"

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_file(self, export: Export) -> str | None:
        if export.ready_at is None:
            return None
        address: str = self.context["request"].build_absolute_uri(
            f"/api/v1/me/exports/{export.pk}/file"
        )
        return address
