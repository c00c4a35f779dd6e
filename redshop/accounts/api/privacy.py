"""What is held about oneself, over HTTP."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from redshop.accounts.api.people import me
from redshop.accounts.api.serializers import ExportSerializer
from redshop.accounts.models import Export
from redshop.accounts.services import exports


def _shown(export: Export, request: Request) -> Any:
    return ExportSerializer(export, context={"request": request}).data


class ExportsView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="ask_for_export",
        tags=["accounts"],
        request=None,
        responses={202: ExportSerializer},
    )
    def post(self, request: Request) -> Response:
        """Have everything held about oneself gathered; asked again meanwhile, it is the same."""
        asked = exports.ask(person_id=me(request), at=timezone.now())
        return Response(_shown(asked, request), status=status.HTTP_202_ACCEPTED)


class ExportView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_export", tags=["accounts"], responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        """Return how far an export of one's own is; it can be fetched for seven days."""
        found = exports.find(export_id=export_id, person_id=me(request), at=timezone.now())
        return Response(_shown(found, request))


class ExportFileView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="fetch_export",
        tags=["accounts"],
        responses={
            (200, "application/zip"): OpenApiResponse(
                OpenApiTypes.BINARY, "A file a table, and what was uploaded."
            )
        },
    )
    def get(self, request: Request, export_id: UUID) -> Any:
        """Return the ZIP. 409 ``in_progress`` while it is being gathered."""
        file = exports.open_file(export_id=export_id, person_id=me(request), at=timezone.now())
        return FileResponse(
            file,
            as_attachment=True,
            filename="redshop-export.zip",
            content_type="application/zip",
            headers={"Cache-Control": "no-store"},
        )
