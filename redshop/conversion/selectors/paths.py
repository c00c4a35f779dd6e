"""Conversions and the touches that led to them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Min

from orders.models import OrderLine, RefundLine
from redshop.conversion.rules import TOUCHES, VIEW_HOURS
from redshop.conversion.selectors import lookback
from redshop.conversion.types import Conversion, GivenBack, Path, Touch
from redshop.events.models import Event

_CONVERSIONS: Final = """
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[]
) AS supplied (line_id, person_id, product_id, converted_at, clicks_since, views_since)
"""


def conversions(*, line_ids: Sequence[int]) -> list[Conversion]:
    """Return the paid ones of these order lines, by id, with the lookback of their category."""
    by_category = lookback.days_by_category()
    rows: Iterable[Any] = (
        OrderLine.objects.filter(pk__in=line_ids, order__paid_at__isnull=False)
        .order_by("pk")
        .values_list(
            "pk",
            "order_id",
            "order__buyer_id",
            "product_id",
            "product__category_id",
            "total_minor",
            "order__currency",
            "order__population",
            "order__paid_at",
        )
    )
    return [Conversion(*(*row, by_category[row[4]])) for row in rows]


def touches(found: Sequence[Conversion]) -> dict[int, Path]:
    """Return the path of each conversion that has touches, by line: one statement for all."""
    if not found:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH conversions AS ({_CONVERSIONS}) SELECT * FROM ({TOUCHES}) AS answer",  # noqa: S608 - constants
            _columns(found),
        )
        rows = cursor.fetchall()
    by_line: dict[int, list[Any]] = {}
    for row in rows:
        by_line.setdefault(row[0], []).append(row)
    return {line_id: _path(mine) for line_id, mine in by_line.items()}


def refunds(*, line_ids: Sequence[int]) -> dict[int, list[GivenBack]]:
    """Return what was given back of each line."""
    by_line: dict[int, list[GivenBack]] = {}
    rows: Iterable[Any] = RefundLine.objects.filter(line_id__in=line_ids).values_list(
        "line_id", "refund_id", "amount_minor", "refund__refunded_at"
    )
    for line_id, *given_back in rows:
        by_line.setdefault(line_id, []).append(GivenBack(*given_back))
    return by_line


def lines_of_orders(order_ids: Sequence[UUID]) -> list[int]:
    """Return the lines of the paid ones of these orders."""
    return list(
        OrderLine.objects.filter(order_id__in=order_ids, order__paid_at__isnull=False).values_list(
            "pk", flat=True
        )
    )


def lines_after_visit(*, visitor_id: UUID, person_id: int) -> list[int]:
    """Return the lines that a person paid for after the first anonymous event of a visitor."""
    first = Event.objects.filter(visitor_id=visitor_id, person_id=None).aggregate(
        first=Min("occurred_at")
    )["first"]
    if first is None:
        return []
    return list(
        OrderLine.objects.filter(order__buyer_id=person_id, order__paid_at__gte=first).values_list(
            "pk", flat=True
        )
    )


def _columns(found: Sequence[Conversion]) -> list[list[Any]]:
    day, views = timedelta(hours=24), timedelta(hours=VIEW_HOURS)
    return [
        [each.line_id for each in found],
        [each.person_id for each in found],
        [each.product_id for each in found],
        [each.converted_at for each in found],
        [each.converted_at - each.window_days * day for each in found],
        [each.converted_at - views for each in found],
    ]


def _path(rows: Sequence[Any]) -> Path:
    """Turn the rows of a line, most recent first, into its path, oldest first."""
    return Path(
        touches=tuple(Touch(*row[1:7]) for row in reversed(rows)),
        cut=rows[0][7] - len(rows),
    )
