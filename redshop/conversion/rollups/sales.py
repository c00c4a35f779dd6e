"""What each note has of each sale within each standard window, and the cells that add it up.

The lookback of the category is read from the ledger of credits; the other windows are computed by
the same rules as the ledger, from the events. All of it happens in tables of the transaction that
reads: ``marks`` (which lines), ``shares_then`` and ``shares_now``.
"""

from typing import Final

from redshop.conversion.rollups.windows import ALL, WINDOWS, flag
from redshop.conversion.rules import SHARES, TOUCHES, VIEW_HOURS, WHOLE

#: The model of what is paid as a whole, credited or not.
TOTAL: Final = "total"
#: What shares are summed by on each day, and the key there.
GRAINS: Final = {
    "all": "''",
    "note": "note_id::text",
    "note_week": "note_id::text",
    "author": "author_id::text",
    "surface": "surface",
    "provenance": "provenance",
}
_COLUMNS: Final = (
    "line_id, model, windows, day, refunded_on, population, currency, note_id, author_id, surface,"
    " provenance, weight, gross_minor, refunded_minor"
)

#: Notes are many, and seldom sell twice a day: their cells are of weeks too, dated on Mondays.
_DATE: Final = """CASE WHEN grain = 'note_week' THEN date_trunc('week', counted_on)::date
     ELSE counted_on END"""

TABLES: Final = """
CREATE TEMPORARY TABLE marks (line_id bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE shares_then (LIKE conversion_saleshare) ON COMMIT DROP;
CREATE TEMPORARY TABLE shares_now (LIKE conversion_saleshare) ON COMMIT DROP;
ALTER TABLE shares_then ALTER id DROP NOT NULL;
ALTER TABLE shares_now ALTER id DROP NOT NULL;
"""
NO_TABLES: Final = "DROP TABLE marks, shares_then, shares_now"
#: Takes the oldest marks away; a line is read once, however many marks it has.
TAKE: Final = """
WITH taken AS (
    DELETE FROM conversion_unreadsale
    WHERE id IN (SELECT id FROM conversion_unreadsale ORDER BY id LIMIT %(most)s)
    RETURNING line_id
),
distinct_lines AS (INSERT INTO marks SELECT DISTINCT line_id FROM taken)
SELECT count(*) FROM taken
"""
MARK: Final = "INSERT INTO conversion_unreadsale (line_id) SELECT * FROM unnest(%s::bigint[])"
MARK_ALL: Final = """
INSERT INTO conversion_unreadsale (line_id) SELECT line_id FROM conversion_attribution
"""
ALL_BUT_UNREAD: Final = """
INSERT INTO marks
SELECT line_id FROM conversion_attribution EXCEPT SELECT line_id FROM conversion_unreadsale
"""
#: One conversion for each line and window, so that the rules see them as different sales.
_CONVERSIONS: Final = f"""
sold AS MATERIALIZED (
    SELECT line.id AS line_id, orders_order.buyer_id, line.product_id, line.total_minor,
           orders_order.currency, orders_order.population, orders_order.paid_at,
           (orders_order.paid_at AT TIME ZONE %(zone)s)::date AS day
    FROM marks
    JOIN orders_orderline AS line ON line.id = marks.line_id
    JOIN orders_order ON orders_order.id = line.order_id
    WHERE orders_order.paid_at IS NOT NULL
),
conversions AS MATERIALIZED (
    SELECT sold.line_id * {ALL + 1} + windows.flag AS line_id, sold.buyer_id AS person_id,
           sold.product_id, sold.paid_at AS converted_at,
           sold.paid_at - windows.days * INTERVAL '24 hours' AS clicks_since,
           sold.paid_at - INTERVAL '{VIEW_HOURS} hours' AS views_since,
           sold.total_minor AS amount_minor, windows.days::bigint AS window_days
    FROM sold
    CROSS JOIN (VALUES {", ".join(f"({days}, {flag(days)})" for days in WINDOWS[1:])})
         AS windows (days, flag)
),
path AS MATERIALIZED ({TOUCHES}),
given_back AS (
    SELECT conversions.line_id, refunded.refund_id, orders_refund.refunded_at,
           refunded.amount_minor
    FROM conversions
    JOIN orders_refundline AS refunded ON refunded.line_id = conversions.line_id / {ALL + 1}
    JOIN orders_refund ON orders_refund.id = refunded.refund_id
)"""  # noqa: S608 - constants
_PARTS: Final = f"""
parts AS (
    SELECT line_id / {ALL + 1} AS line_id, (line_id %% {ALL + 1})::int AS windows, model,
           refund_id, note_id, author_id, surface, provenance, weight, amount_minor
    FROM ({SHARES}) AS computed
    UNION ALL
    SELECT line_id, {flag(None)}, model, refund_id, note_id, author_id, surface, provenance,
           weight_billionths, amount_minor
    FROM conversion_credit WHERE line_id IN (SELECT line_id FROM marks)
    UNION ALL
    SELECT line_id, {ALL}, '{TOTAL}', NULL, 0, 0, '', '', {WHOLE}, total_minor FROM sold
    UNION ALL
    SELECT refunded.line_id, {ALL}, '{TOTAL}', refunded.refund_id, 0, 0, '', '', 0,
           -refunded.amount_minor
    FROM orders_refundline AS refunded WHERE refunded.line_id IN (SELECT line_id FROM marks)
),
summed AS (
    SELECT parts.line_id, windows, model, note_id, author_id, surface, provenance,
           (orders_refund.refunded_at AT TIME ZONE %(zone)s)::date AS refunded_on,
           coalesce(sum(weight) FILTER (WHERE refund_id IS NULL), 0)::bigint AS weight,
           coalesce(sum(parts.amount_minor) FILTER (WHERE refund_id IS NULL), 0)::bigint
               AS gross_minor,
           coalesce(-sum(parts.amount_minor) FILTER (WHERE refund_id IS NOT NULL), 0)::bigint
               AS refunded_minor
    FROM parts
    LEFT JOIN orders_refund ON orders_refund.id = parts.refund_id
    GROUP BY parts.line_id, windows, model, note_id, author_id, surface, provenance, refunded_on
    HAVING sum(weight) <> 0 OR sum(parts.amount_minor) <> 0
)"""  # noqa: S608 - constants
#: What windows agree on is one share.
NOW: Final = f"""
INSERT INTO shares_now ({_COLUMNS})
WITH {_CONVERSIONS},
{_PARTS}
SELECT summed.line_id, model, bit_or(windows), sold.day, refunded_on, sold.population,
       sold.currency, note_id, author_id, surface, provenance, weight, gross_minor, refunded_minor
FROM summed JOIN sold ON sold.line_id = summed.line_id
GROUP BY summed.line_id, model, sold.day, refunded_on, sold.population, sold.currency, note_id,
         author_id, surface, provenance, weight, gross_minor, refunded_minor
"""  # noqa: S608 - constants
THEN: Final = f"""
INSERT INTO shares_then ({_COLUMNS})
SELECT {_COLUMNS} FROM conversion_saleshare WHERE line_id IN (SELECT line_id FROM marks)
"""  # noqa: S608 - constants
ALL_SHARES: Final = f"""
INSERT INTO shares_now ({_COLUMNS}) SELECT {_COLUMNS} FROM conversion_saleshare
"""  # noqa: S608 - constants
_NEW: Final = f"SELECT {_COLUMNS} FROM shares_now EXCEPT SELECT {_COLUMNS} FROM shares_then"  # noqa: S608
_GONE: Final = f"SELECT {_COLUMNS} FROM shares_then EXCEPT SELECT {_COLUMNS} FROM shares_now"  # noqa: S608

#: A refund counts on the day of its order, and on its own.
_CHANGE: Final = f"""
WITH sides AS (
    SELECT 1 AS side, shares_now.* FROM shares_now
    UNION ALL
    SELECT -1 AS side, shares_then.* FROM shares_then
),
dated AS (
    SELECT sides.*, day AS counted_on, 0::bigint AS refunded_then FROM sides
    UNION ALL
    SELECT side, id, line_id, model, windows, day, refunded_on, population, currency, note_id,
           author_id, surface, provenance, 0, 0, 0, refunded_on, refunded_minor
    FROM sides WHERE refunded_on IS NOT NULL
)
SELECT grain, model, population, currency, {_DATE} AS day, windows, key,
       sum(side * weight)::bigint AS weight, sum(side * gross_minor)::bigint AS gross_minor,
       sum(side * refunded_minor)::bigint AS refunded_minor,
       sum(side * refunded_then)::bigint AS refunded_then_minor
FROM dated
CROSS JOIN LATERAL (VALUES {", ".join(f"('{grain}', {key})" for grain, key in GRAINS.items())})
     AS given (grain, key)
WHERE grain = 'all' OR model <> '{TOTAL}'
GROUP BY grain, model, population, currency, {_DATE}, windows, key
HAVING sum(side * weight) <> 0 OR sum(side * gross_minor) <> 0
    OR sum(side * refunded_minor) <> 0 OR sum(side * refunded_then) <> 0
"""  # noqa: S608 - constants
_KEY: Final = ("grain", "model", "population", "currency", "day", "windows", "key")
_SUMS: Final = ("weight", "gross_minor", "refunded_minor", "refunded_then_minor")
_ADD: Final = f"""
MERGE INTO conversion_salecell AS kept
USING (SELECT * FROM ({_CHANGE}) AS found ORDER BY {", ".join(_KEY)}) AS change
ON {" AND ".join(f"kept.{name} = change.{name}" for name in _KEY)}
WHEN MATCHED THEN UPDATE SET {", ".join(f"{name} = kept.{name} + change.{name}" for name in _SUMS)}
WHEN NOT MATCHED THEN INSERT ({", ".join((*_KEY, *_SUMS))})
     VALUES ({", ".join(f"change.{name}" for name in (*_KEY, *_SUMS))})
"""  # noqa: S608 - constants
#: Keep what was read: the cells by what is different, then the shares themselves.
FOLLOW: Final = (
    _ADD,
    f"""
DELETE FROM conversion_saleshare
WHERE line_id IN (SELECT line_id FROM ({_NEW}) AS new UNION SELECT line_id FROM ({_GONE}) AS gone)
""",  # noqa: S608 - constants
    f"""
INSERT INTO conversion_saleshare ({_COLUMNS})
SELECT {_COLUMNS} FROM shares_now
WHERE line_id IN (SELECT line_id FROM ({_NEW}) AS new UNION SELECT line_id FROM ({_GONE}) AS gone)
""",  # noqa: S608 - constants
)
#: How kept shares and those in shares_now differ.
DIFFERENT_SHARES: Final = f"""
SELECT 'superfluous', line_id, model, windows, note_id FROM ({_GONE}) AS gone
UNION ALL
SELECT 'missing', line_id, model, windows, note_id FROM ({_NEW}) AS new
"""  # noqa: S608 - constants
DIFFERENT_CELLS: Final = f"""
SELECT {", ".join(_KEY)}, {", ".join(f"kept.{name}" for name in _SUMS)},
       {", ".join(f"found.{name}" for name in _SUMS)}
FROM conversion_salecell AS kept
FULL JOIN ({_CHANGE}) AS found USING ({", ".join(_KEY)})
WHERE {" OR ".join(f"coalesce(kept.{name}, 0) <> coalesce(found.{name}, 0)" for name in _SUMS)}
"""  # noqa: S608 - constants
