"""The manifest of a note, for whoever may read the note."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.studio.selectors import provenance


class AssertionSerializer(serializers.Serializer[Any]):
    """Something that is claimed of a note; what ``data`` holds depends on the label."""

    label = serializers.CharField()  # type: ignore[assignment]
    data = serializers.DictField()  # type: ignore[assignment]


class DocumentSerializer(serializers.Serializer[Any]):
    """What was sealed: shaped as C2PA shapes a claim. People stand there under pseudonyms."""

    claim_generator = serializers.CharField()
    title = serializers.CharField()
    instance_id = serializers.CharField()
    format = serializers.CharField()
    made_at = serializers.DateTimeField()
    assertions = AssertionSerializer(many=True)
    signature_info = serializers.DictField()


class ManifestSerializer(serializers.Serializer[Any]):
    """Where a note comes from."""

    document = DocumentSerializer()
    seal = serializers.CharField(
        help_text="HMAC-SHA-256 by this deployment, which alone checks it."
    )
    is_intact = serializers.BooleanField(help_text="Nobody changed the document since.")
    is_of_this_text = serializers.BooleanField(
        help_text="The note still says what it said when it was sealed."
    )


class ManifestView(APIView):
    """Where a note comes from: who wrote, edited and let it out, with which model."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="get_manifest", tags=["notes"], responses=ManifestSerializer)
    def get(self, request: Request, note_id: int) -> Response:
        viewer_id = request.user.pk if request.user.is_authenticated else None
        found = provenance.manifest(note_id=note_id, viewer_id=viewer_id, at=timezone.now())
        return Response(ManifestSerializer(found).data)
