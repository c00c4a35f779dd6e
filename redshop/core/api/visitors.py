"""The device that calls, known before and after someone logs in on it."""

import re
from typing import Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from redshop.core.errors import InvalidInput

HEADER: Final = "X-Visitor-Id"
PARAMETER: Final = OpenApiParameter(
    HEADER, UUID, OpenApiParameter.HEADER, description="The device, before and after a login."
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def visitor_id_of(request: Request) -> UUID | None:
    """Return the visitor that the request names, or None where it names none.

    Raises:
        InvalidInput: the header is there but is not a UUID.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    if not _UUID.fullmatch(given):
        raise InvalidInput(
            pointer=f"/{HEADER}", code="invalid", message=f"{HEADER} must be a UUID."
        )
    return UUID(given)
