"""Pages of aggregated rows, which no table's primary key can mark."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.serializers import ValidationError
from rest_framework.utils.urls import remove_query_param, replace_query_param

from redshop.conversion.types import Slice

MOST_ROWS: Final = 1_000_000


def write_cursor(offset: int) -> str:
    """Return an opaque name for the rows from an offset on."""
    return urlsafe_b64encode(f"o={offset}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """Return the offset that a cursor names.

    Raises:
        ValidationError: it is no cursor of ours.
    """
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        offset = int(text.removeprefix("o="))
    except ValueError as error:
        raise ValidationError("This is not a cursor.", code="invalid") from error
    if write_cursor(offset) != cursor or not 0 <= offset <= MOST_ROWS:
        raise ValidationError("This is not a cursor.", code="invalid")
    return offset


def links(request: Request, *, page: Slice, has_more: bool) -> dict[str, Any]:
    """Return the addresses of the pages before and after."""
    before = max(page.offset - page.limit, 0)
    return {
        "next": _address(request, page.offset + page.limit) if has_more else None,
        "previous": _address(request, before) if page.offset else None,
    }


def _address(request: Request, offset: int) -> str:
    here = request.build_absolute_uri()
    if offset == 0:
        return str(remove_query_param(here, "cursor"))
    return str(replace_query_param(here, "cursor", write_cursor(offset)))
