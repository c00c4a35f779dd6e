"""Cells that add ways up, so that people are counted once in any stretch of days by sums alone.

See ``FunnelCell`` for how. What changed of somebody's ways changes the cells by the difference of
what their ways then and now add up to.
"""

from datetime import date
from typing import Final

from redshop.conversion.rollups.ways import FIRST, KEPT, STARTED, WINDOWS, bit

#: What a way is counted by, and the key there, in terms of its columns.
GRAINS: Final = {
    "all": "''",
    "surface": "surface",
    "provenance": "provenance",
    "note_type": "note_type",
    "category": "category_id::text",
    "brand": "brand_id::text",
    "author": "coalesce(author_id::text, '')",
}
#: The day of the next start where there is none yet.
NEVER: Final = date.max
_MEASURES: Final = ", ".join(
    f"({measure}, {window}, {bit(measure, window)}::bigint)"
    for measure in range(FIRST + 1, KEPT + 1)
    for window in WINDOWS
)
_GRAINED: Final = f"""
sides AS (
    SELECT 1 AS side, ways_now.* FROM ways_now
    UNION ALL
    SELECT -1 AS side, ways_then.* FROM ways_then
),
grained AS (
    SELECT side, actor, population, day, currency, reached, net_minor, grain, key
    FROM sides
    CROSS JOIN LATERAL (VALUES {
    ", ".join(f"('{grain}', {key})" for grain, key in GRAINS.items())
}) AS given (grain, key)
    UNION ALL
    SELECT side, actor, population, day, currency, reached, net_minor, 'topic',
           coalesce(topic_id::text, '')
    FROM sides LEFT JOIN LATERAL unnest(topic_ids) AS topic_id ON true
)"""  # noqa: S608 - constants
_SERIES: Final = f"""
merged AS (
    SELECT side, actor, population, grain, key, day, bit_or(reached) AS reached
    FROM grained GROUP BY side, actor, population, grain, key, day
),
series AS (
    SELECT side, actor, population, grain, key, day, {FIRST} AS measure, 0 AS days FROM merged
    UNION ALL
    SELECT side, actor, population, grain, key, day, measures.measure, measures.days
    FROM merged
    JOIN (VALUES {_MEASURES}) AS measures (measure, days, flag) ON merged.reached & flag > 0
    WHERE merged.reached <> {STARTED}
),
stretched AS (
    SELECT series.*, lead(day) OVER (
        PARTITION BY side, actor, grain, key, measure, days ORDER BY day) AS next
    FROM series
),
cells AS (
    SELECT side, population, grain, key, measure, days, day AS first, day AS last FROM stretched
    UNION ALL
    SELECT CASE WHEN next IS NULL THEN side ELSE -side END, population, grain, key, measure, days,
           day, coalesce(next, '{NEVER}'::date)
    FROM stretched
)"""  # noqa: S608 - constants

#: What the cells change by, from the ways in the table ``ways_then`` to those in ``ways_now``.
CELLS: Final = f"""
WITH {_GRAINED},
{_SERIES}
SELECT grain, population, days AS "window", first, last, measure, key, sum(side)::int AS people
FROM cells GROUP BY grain, population, days, first, last, measure, key HAVING sum(side) <> 0
"""  # noqa: S608 - constants
TAKINGS: Final = f"""
WITH {_GRAINED}
SELECT grain, population, windows.days AS "window", day, currency, key,
       sum(side * windows.net_minor)::bigint AS net_minor
FROM grained
CROSS JOIN LATERAL unnest(net_minor, ARRAY{list(WINDOWS)}) AS windows (net_minor, days)
WHERE currency <> ''
GROUP BY grain, population, windows.days, day, currency, key
HAVING sum(side * windows.net_minor) <> 0
"""  # noqa: S608 - constants
ADD_CELLS: Final = f"""
MERGE INTO conversion_funnelcell AS kept
USING ({CELLS}) AS change
ON (kept.grain, kept.population, kept."window", kept.first, kept.last, kept.measure, kept.key)
 = (change.grain, change.population, change."window", change.first, change.last, change.measure,
    change.key)
WHEN MATCHED THEN UPDATE SET people = kept.people + change.people
WHEN NOT MATCHED THEN
    INSERT (grain, population, "window", first, last, measure, key, people)
    VALUES (change.grain, change.population, change."window", change.first, change.last,
            change.measure, change.key, change.people)
"""  # noqa: S608 - constants
ADD_TAKINGS: Final = f"""
MERGE INTO conversion_funneltaking AS kept
USING ({TAKINGS}) AS change
ON (kept.grain, kept.population, kept."window", kept.day, kept.currency, kept.key)
 = (change.grain, change.population, change."window", change.day, change.currency, change.key)
WHEN MATCHED THEN UPDATE SET net_minor = kept.net_minor + change.net_minor
WHEN NOT MATCHED THEN
    INSERT (grain, population, "window", day, currency, key, net_minor)
    VALUES (change.grain, change.population, change."window", change.day, change.currency,
            change.key, change.net_minor)
"""  # noqa: S608 - constants
#: How kept cells and takings differ from those that the ways in ``ways_now`` add up to.
DIFFERENT: Final = (
    f"""
SELECT 'cell', grain, population, "window", first, last, measure, key,
       coalesce(kept.people, 0), coalesce(found.people, 0)
FROM conversion_funnelcell AS kept
FULL JOIN ({CELLS}) AS found USING (grain, population, "window", first, last, measure, key)
WHERE coalesce(kept.people, 0) <> coalesce(found.people, 0)
""",  # noqa: S608 - constants
    f"""
SELECT 'taking', grain, population, "window", day, currency, key,
       coalesce(kept.net_minor, 0), coalesce(found.net_minor, 0)
FROM conversion_funneltaking AS kept
FULL JOIN ({TAKINGS}) AS found USING (grain, population, "window", day, currency, key)
WHERE coalesce(kept.net_minor, 0) <> coalesce(found.net_minor, 0)
""",  # noqa: S608 - constants
)
