"""Pages: results, next and previous, by cursor.

The cursor is the key of the row at the page's edge, ties broken by primary key, so that rows
which come or go elsewhere shift nothing: no repeats and no gaps, however many rows are equal.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from django.core.exceptions import ValidationError
from django.db.models import Field, Q, QuerySet
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:  # DRF's views import the pagination that the settings name
    from rest_framework.request import Request
    from rest_framework.views import APIView

_LINK: Final = {"type": ["string", "null"], "format": "uri"}


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a page begins (``is_backward``: ends), the row with this key left out."""

    is_backward: bool
    value: Any
    pk: Any


class CursorPage(CursorPagination):
    """Twenty rows a page by default, a hundred at most; newest first unless a view says else.

    ``ordering`` names one field or annotation that is never null, ``-`` for falling. A view that
    offers several overrides ``get_ordering``.
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering: Any = "-pk"

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return one page.

        Raises:
            NotFound: the cursor is not one of this list in this order.
            ValidationError: ``page_size`` is not a number from 1 to 100.
        """
        self.address = request.build_absolute_uri()
        self.order: str = self.get_ordering(request, queryset, cast("APIView", view))[0]
        self.edge = self._edge(queryset, request.query_params.get(self.cursor_query_param))
        size = self.get_page_size(request)
        rows = list(self._rows(queryset)[: size + 1])
        self.has_more = len(rows) > size
        self.page = rows[:size]
        if self.edge and self.edge.is_backward:
            self.page.reverse()
        return self.page

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= self.max_page_size):
            message = f"A number from 1 to {self.max_page_size} is expected."
            raise exceptions.ValidationError({self.page_size_query_param: [message]})
        return int(given)

    def get_next_link(self) -> str | None:
        is_last = not (self.has_more or (self.edge and self.edge.is_backward))
        return None if is_last or not self.page else self._link(self.page[-1], is_backward=False)

    def get_previous_link(self) -> str | None:
        is_backward = self.edge is not None and self.edge.is_backward
        is_first = not self.has_more if is_backward else self.edge is None
        return None if is_first or not self.page else self._link(self.page[0], is_backward=True)

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": _LINK, "previous": _LINK},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": 20}
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]

    def _rows(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows beyond the edge, in the order in which the page walks away from it."""
        name, is_falling = self.order.lstrip("-"), self.order.startswith("-")
        if self.edge and self.edge.is_backward:
            is_falling = not is_falling
        sign, beyond = ("-", "lt") if is_falling else ("", "gt")
        queryset = queryset.order_by(*dict.fromkeys([f"{sign}{name}", f"{sign}pk"]))
        if self.edge is None:
            return queryset
        value, pk = self.edge.value, self.edge.pk
        tie = Q((f"{name}__{beyond}", value)) | Q((f"pk__{beyond}", pk))
        return queryset.filter(Q((f"{name}__{beyond}e", value)) & tie)

    def _link(self, row: Any, *, is_backward: bool) -> str:
        name = self.order.lstrip("-")
        key = [_written(_value(row, name)), _written(_value(row, "pk"))]
        packed = json.dumps([self.order, is_backward, *key], separators=(",", ":"))
        cursor = urlsafe_b64encode(packed.encode()).decode().rstrip("=")
        return replace_query_param(self.address, self.cursor_query_param, cursor)

    def _edge(self, queryset: QuerySet[Any], cursor: str | None) -> Edge | None:
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            order, is_backward, value, pk = json.loads(urlsafe_b64decode(padded))
            if order != self.order or "\x00" in f"{value}{pk}":
                raise ValueError("a cursor of another list")
            return Edge(
                is_backward=bool(is_backward),
                value=_field(queryset, order.lstrip("-")).to_python(value),
                pk=_field(queryset, "pk").to_python(pk),
            )
        except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as error:
            raise exceptions.NotFound("The cursor is not one of this list.") from error


def _field(queryset: QuerySet[Any], name: str) -> Field[Any, Any]:
    if name in queryset.query.annotations:
        return queryset.query.annotations[name].output_field
    options = queryset.model._meta
    return cast("Field[Any, Any]", options.pk if name == "pk" else options.get_field(name))


def _value(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
