"""Conversions and the touches that led to them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Min

from orders.models import OrderLine
from redshop.conversion.rollups.windows import WINDOWS
from redshop.conversion.rules import SHARES, TOUCHES, VIEW_HOURS
from redshop.conversion.selectors import lookback
from redshop.conversion.types import AttributionModel, Conversion, Plan, Share, Touch
from redshop.events.models import Event

_PAID: Final = f"""
SELECT line.id, line.order_id, orders_order.buyer_id, line.product_id, line.total_minor,
       orders_order.currency, orders_order.population, orders_order.paid_at, lookback.days
FROM orders_orderline AS line
JOIN orders_order ON orders_order.id = line.order_id
JOIN catalog_product ON catalog_product.id = line.product_id
JOIN ({lookback.DAYS_BY_CATEGORY}) AS lookback
  ON lookback.category_id = catalog_product.category_id
WHERE {{those}} AND orders_order.paid_at IS NOT NULL
ORDER BY line.id
"""  # noqa: S608 - constants
_PAID_LINES: Final = _PAID.format(those="line.id = ANY(%s)")
_PAID_ORDERS: Final = _PAID.format(those="line.order_id = ANY(%s)")
_PLANNED: Final = f"""
WITH conversions AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
        %s::timestamptz[], %s::bigint[], %s::int[]
    ) AS supplied (line_id, person_id, product_id, converted_at, clicks_since, views_since,
                   amount_minor, window_days)
),
path AS MATERIALIZED ({{touches}}),
given_back AS (
    SELECT refunded.line_id, refunded.refund_id, orders_refund.refunded_at, refunded.amount_minor
    FROM orders_refundline AS refunded
    JOIN orders_refund ON orders_refund.id = refunded.refund_id
    WHERE refunded.line_id IN (SELECT line_id FROM conversions)
)
SELECT * FROM ({SHARES}) AS answer
WHERE %s::text IS NULL OR model = %s
"""  # noqa: S608 - constants

#: A minute covers what was being received while the line was attributed. Sums are kept for windows
#: that may be longer than the lookback.
_LATE: Final = f"""
WITH recent AS (
    SELECT attribution.line_id, orders_order.buyer_id, attribution.converted_at,
           attribution.converted_at
               - greatest(attribution.window_days, {max(WINDOWS)}) * INTERVAL '24 hours' AS since,
           attribution.computed_at - INTERVAL '1 minute' AS known_at
    FROM conversion_attribution AS attribution
    JOIN orders_orderline AS line ON line.id = attribution.line_id
    JOIN orders_order ON orders_order.id = line.order_id
    WHERE attribution.converted_at >= %s AND attribution.converted_at < %s
)
SELECT recent.line_id
FROM recent
JOIN events_event ON events_event.person_id = recent.buyer_id
                 AND events_event.occurred_at BETWEEN recent.since AND recent.converted_at
WHERE events_event.received_at >= recent.known_at
UNION
SELECT recent.line_id
FROM recent
JOIN events_identity ON events_identity.person_id = recent.buyer_id
JOIN events_event ON events_event.visitor_id = events_identity.visitor_id
                 AND events_event.person_id IS NULL
                 AND events_event.occurred_at BETWEEN recent.since AND recent.converted_at
WHERE events_event.received_at >= recent.known_at
ORDER BY line_id
"""  # noqa: S608 - constants


def conversions(*, line_ids: Sequence[int]) -> list[Conversion]:
    """Return the paid ones of these order lines, by id, with the lookback of their category."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID_LINES, [list(line_ids)])
        return [Conversion(*row) for row in cursor.fetchall()]


def conversions_of_orders(*, order_ids: Sequence[UUID]) -> list[Conversion]:
    """Return the lines of the paid ones of these orders, as ``conversions`` does."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID_ORDERS, [list(order_ids)])
        return [Conversion(*row) for row in cursor.fetchall()]


def plans(found: Sequence[Conversion], *, model: AttributionModel | None = None) -> list[Plan]:
    """Return what each of these conversions should be credited with, refunds included, by all
    models or by one: one statement for all."""
    if not found:
        return []
    statement = _PLANNED.format(touches=TOUCHES)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*_columns(found), model, model])
        rows = cursor.fetchall()
    by_line: dict[int, list[Any]] = {}
    for row in rows:
        by_line.setdefault(row[0], []).append(row)
    return [_plan(each, by_line.get(each.line_id, ())) for each in found]


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


def lines_with_late_events(*, paid_since: datetime, paid_until: datetime) -> list[int]:
    """Return the lines paid in between whose credits may not know all that their people did.

    Those are the lines of people of whom something before the payment was received (about) after
    the line was attributed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LATE, [paid_since, paid_until])
        return [line_id for (line_id,) in cursor.fetchall()]


def _columns(found: Sequence[Conversion]) -> list[list[Any]]:
    day, views = timedelta(hours=24), timedelta(hours=VIEW_HOURS)
    return [
        [each.line_id for each in found],
        [each.person_id for each in found],
        [each.product_id for each in found],
        [each.converted_at for each in found],
        [each.converted_at - each.window_days * day for each in found],
        [each.converted_at - views for each in found],
        [each.amount_minor for each in found],
        [each.window_days for each in found],
    ]


def _plan(conversion: Conversion, rows: Sequence[Any]) -> Plan:
    if not rows:
        return Plan(conversion)
    touches, considered = rows[0][-2:]
    shares = tuple(
        Share(AttributionModel(model), Touch(*touch), weight, amount, refund_id)
        for _, model, refund_id, *touch, weight, amount, _, _ in rows
    )
    return Plan(conversion, considered=considered, cut=considered - touches, shares=shares)
