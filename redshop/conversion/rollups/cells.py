"""Cells that add ways up, so that people are counted once in any stretch of days by sums alone.

See ``FunnelCell`` for how. What changed of somebody's ways changes the cells by the difference of
what their ways then and now add up to.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from redshop.conversion.chains import OPTIONAL, STEPS, predecessors
from redshop.conversion.rollups.ways import FIRST, KEPT, STARTED, bit
from redshop.conversion.rollups.windows import WINDOWS

#: The day of the next start where there is none yet.
NEVER: Final = date.max
#: What a way is counted by, and the key there, in terms of its columns; topics are many to a way.
GRAINS: Final = {
    "all": "''",
    "surface": "surface",
    "provenance": "provenance",
    "note_type": "note_type",
    "category": "CAST(category_id AS text)",
    "brand": "CAST(brand_id AS text)",
    "author": "coalesce(CAST(author_id AS text), '')",
}
_OPTIONAL: Final = frozenset(map(STEPS.index, OPTIONAL))
#: The measure that counts who reached a step and the one before: it is that of the step itself
#: where nothing else leads to it.
BOTH: Final = {
    step: step if predecessors(step, optional=_OPTIONAL) == [step - 1] else step + len(STEPS) - 1
    for step in range(1, len(STEPS))
}
_MEASURES: Final = ", ".join(
    f"({measure}, {window}, CAST({bit(measure, window)} AS bigint))"
    for measure in sorted({*range(FIRST + 1, len(STEPS)), *BOTH.values(), KEPT})
    for window in WINDOWS
)

#: What CHANGE needs: each way as it is (side 1) and was (-1), and as often as it has topics.
WAYS: Final = """
SELECT 1 AS side, ways_now.* FROM ways_now UNION ALL SELECT -1 AS side, ways_then.* FROM ways_then
"""
TOPICS: Final = f"""
SELECT ways.*, coalesce(topic_id::text, '') AS topic
FROM ({WAYS}) AS ways LEFT JOIN LATERAL unnest(topic_ids) AS topic_id ON true
"""  # noqa: S608 - constants
_COUNTED: Final = ("side", "actor", "population", "day", "reached")
#: Columns of both that CHANGE reads, with their types.
WAYS_COLUMNS: Final = {
    "side": "INTEGER",
    "actor": "VARCHAR",
    "population": "VARCHAR",
    "day": "DATE",
    "reached": "BIGINT",
    "surface": "VARCHAR",
    "provenance": "VARCHAR",
    "note_type": "VARCHAR",
    "category_id": "BIGINT",
    "brand_id": "BIGINT",
    "author_id": "BIGINT",
}
TOPICS_COLUMNS: Final = {name: WAYS_COLUMNS[name] for name in _COUNTED} | {"topic": "VARCHAR"}


def _grained(columns: Sequence[str]) -> str:
    """Return the statement that answers each way, or change of one, by every grain and its key."""
    named = ", ".join(columns)
    by_way = [
        f"SELECT {named}, '{grain}' AS grain, {key} AS key FROM ways"  # noqa: S608 - constants
        for grain, key in GRAINS.items()
    ]
    return " UNION ALL ".join([*by_way, f"SELECT {named}, 'topic', topic FROM way_topics"])  # noqa: S608


_CHANGE: Final = f"""
grained AS ({_grained(_COUNTED)}),
merged AS (
    SELECT side, actor, population, grain, key, day, bit_or(reached) AS reached
    FROM grained GROUP BY side, actor, population, grain, key, day
),
series AS (
    SELECT side, actor, population, grain, key, day, {FIRST} AS measure, 0 AS days FROM merged
    UNION ALL
    SELECT side, actor, population, grain, key, day, measures.measure, measures.days
    FROM merged
    JOIN (VALUES {_MEASURES}) AS measures (measure, days, flag)
      ON (merged.reached & measures.flag) > 0
    WHERE merged.reached <> {STARTED}
),
stretched AS (
    SELECT side, actor, population, grain, key, day, measure, days, lead(day) OVER (
        PARTITION BY side, actor, grain, key, measure, days ORDER BY day) AS next
    FROM series
),
cells AS (
    SELECT side, population, grain, key, measure, days, day AS first, day AS last FROM stretched
    UNION ALL
    SELECT CASE WHEN next IS NULL THEN side ELSE -side END, population, grain, key, measure, days,
           day, coalesce(next, CAST('{NEVER}' AS date))
    FROM stretched
)
SELECT grain, population, days AS "window", first, last, measure, key,
       CAST(sum(side) AS integer) AS people
FROM cells GROUP BY grain, population, days, first, last, measure, key HAVING sum(side) <> 0
"""  # noqa: S608 - constants
#: What cells change by, from ``ways`` and ``way_topics``: in the words of PostgreSQL, which DuckDB
#: is told in its own where there is much to count.
CHANGE: Final = f"WITH {_CHANGE}"
_SIDES: Final = f"WITH ways AS MATERIALIZED ({WAYS}), way_topics AS ({TOPICS})"
_TAKINGS: Final = f"""
{_SIDES}
SELECT grain, population, windows.days AS "window", day, currency, key,
       sum(side * windows.net_minor)::bigint AS net_minor
FROM ({_grained([*_COUNTED, "currency", "net_minor"])}) AS grained
CROSS JOIN LATERAL unnest(net_minor, ARRAY{list(WINDOWS)}) AS windows (net_minor, days)
WHERE currency <> ''
GROUP BY grain, population, windows.days, day, currency, key
HAVING sum(side * windows.net_minor) <> 0
"""  # noqa: S608 - constants
#: What cells change by, where little is to be counted, and where another engine did it.
BY_POSTGRES: Final = f"INSERT INTO cell_change {_SIDES}, {_CHANGE}"
#: In the order of the key, which keeps rows that are asked for together together.
ADD_CELLS: Final = """
MERGE INTO conversion_funnelcell AS kept
USING (SELECT * FROM cell_change
       ORDER BY grain, population, "window", first, last, measure, key) AS change
ON kept.grain = change.grain AND kept.population = change.population
   AND kept."window" = change."window" AND kept.first = change.first AND kept.last = change.last
   AND kept.measure = change.measure AND kept.key = change.key
WHEN MATCHED THEN UPDATE SET people = kept.people + change.people
WHEN NOT MATCHED THEN
    INSERT (grain, population, "window", first, last, measure, key, people)
    VALUES (change.grain, change.population, change."window", change.first, change.last,
            change.measure, change.key, change.people)
"""
ADD_TAKINGS: Final = f"""
MERGE INTO conversion_funneltaking AS kept
USING ({_TAKINGS}) AS change
ON kept.grain = change.grain AND kept.population = change.population
   AND kept."window" = change."window" AND kept.day = change.day
   AND kept.currency = change.currency AND kept.key = change.key
WHEN MATCHED THEN UPDATE SET net_minor = kept.net_minor + change.net_minor
WHEN NOT MATCHED THEN
    INSERT (grain, population, "window", day, currency, key, net_minor)
    VALUES (change.grain, change.population, change."window", change.day, change.currency,
            change.key, change.net_minor)
"""  # noqa: S608 - constants
#: How kept cells and takings differ from what the ways in ``ways_now`` add up to.
DIFFERENT: Final = (
    """
SELECT 'cell', grain, population, "window", first, last, measure, key,
       coalesce(kept.people, 0), coalesce(found.people, 0)
FROM conversion_funnelcell AS kept
FULL JOIN cell_change AS found
    USING (grain, population, "window", first, last, measure, key)
WHERE coalesce(kept.people, 0) <> coalesce(found.people, 0)
""",
    f"""
SELECT 'taking', grain, population, "window", day, currency, key,
       coalesce(kept.net_minor, 0), coalesce(found.net_minor, 0)
FROM conversion_funneltaking AS kept
FULL JOIN ({_TAKINGS}) AS found USING (grain, population, "window", day, currency, key)
WHERE coalesce(kept.net_minor, 0) <> coalesce(found.net_minor, 0)
""",  # noqa: S608 - constants
)
