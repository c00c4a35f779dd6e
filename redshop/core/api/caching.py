"""ETag and If-None-Match on single resources."""

import hashlib
from typing import Any, Final

from django.http import HttpRequest
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiResponse
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

#: For the document: what ``conditional`` may answer beside 200.
UNCHANGED: Final = OpenApiResponse(description="It is what If-None-Match names.")


def conditional(request: Request | HttpRequest, data: Any) -> Response:
    """Answer 200 with the data and its ETag, or 304 to a client that has just this.

    The tag is weak and taken from what would be sent, so that it differs by viewer too.
    """
    digest = hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]
    headers = {"ETag": f'W/"{digest}"', "Cache-Control": "private, no-cache"}
    known = [
        tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))
    ]
    if f'"{digest}"' in known or "*" in known:
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(data, headers=headers)
