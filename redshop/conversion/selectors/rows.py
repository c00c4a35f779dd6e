"""Rows by the names of their columns."""

from collections.abc import Mapping
from typing import Any

from django.db import connection


def rows_of(statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a statement answers, each row by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
