"""Reading somebody's events again: whose, what their ways were and are now, and what that changes.

All of it happens in tables of the transaction that reads: ``marks`` (who is marked), ``who`` (by
which ids their events are found), ``ways_then`` and ``ways_now``.
"""

from typing import Final

from redshop.conversion.rollups.cells import ADD_CELLS, ADD_TAKINGS
from redshop.conversion.rollups.ways import KEY, NAMES, WAYS
from redshop.conversion.rules import PROVENANCE
from redshop.core.populations import Population

_COLUMNS: Final = ", ".join(NAMES)
_POPULATIONS: Final = ", ".join(f"('{name}')" for name in Population.values)

TABLES: Final = """
CREATE TEMPORARY TABLE marks (person_id bigint, visitor_id uuid) ON COMMIT DROP;
CREATE TEMPORARY TABLE who (person_id bigint, visitor_id uuid, actor text) ON COMMIT DROP;
CREATE TEMPORARY TABLE ways_then (LIKE conversion_funnelway) ON COMMIT DROP;
CREATE TEMPORARY TABLE ways_now (LIKE conversion_funnelway) ON COMMIT DROP;
CREATE TEMPORARY TABLE changed (actor text) ON COMMIT DROP;
CREATE TEMPORARY TABLE cell_change (
    grain text, population text, "window" smallint, first date, last date, measure smallint,
    key text, people integer
) ON COMMIT DROP;
"""
NO_TABLES: Final = "DROP TABLE marks, who, ways_then, ways_now, changed, cell_change"
#: Takes the oldest marks away.
TAKE: Final = """
WITH taken AS (
    DELETE FROM events_unread
    WHERE id IN (SELECT id FROM events_unread ORDER BY id LIMIT %(most)s)
    RETURNING person_id, visitor_id
)
INSERT INTO marks SELECT person_id, visitor_id FROM taken
"""
EVERYBODY: Final = """
SELECT DISTINCT person_id, CASE WHEN person_id IS NULL THEN visitor_id END
FROM events_event
WHERE kind = ANY(%(steps)s) AND suspicion = ''
  AND (person_id IS NOT NULL OR visitor_id IS NOT NULL)
"""
#: Who a way is of, by the ids of a mark.
OF_WAYS: Final = """
SELECT DISTINCT CASE WHEN length(split_part(actor, ':', 2)) < 36
                     THEN split_part(actor, ':', 2)::bigint END,
       CASE WHEN length(split_part(actor, ':', 2)) = 36 THEN split_part(actor, ':', 2)::uuid END
FROM conversion_funnelway
"""
MARK_EVERYBODY: Final = f"INSERT INTO events_unread (person_id, visitor_id) {EVERYBODY}"
MARK_CATEGORIES: Final = f"""
INSERT INTO events_unread (person_id, visitor_id)
{OF_WAYS} WHERE category_id = ANY(%(category_ids)s)
"""
#: Whose notes or products are not what they were when their ways were written.
MARK_MOVED: Final = f"""
INSERT INTO events_unread (person_id, visitor_id)
{OF_WAYS}
JOIN catalog_product ON catalog_product.id = product_id
LEFT JOIN notes_note ON notes_note.id = note_id
LEFT JOIN (SELECT note_id, array_agg(topic_id ORDER BY topic_id) AS ids
           FROM notes_note_topics GROUP BY note_id) AS topics USING (note_id)
WHERE conversion_funnelway.category_id <> catalog_product.category_id
   OR conversion_funnelway.brand_id <> catalog_product.brand_id
   OR conversion_funnelway.note_type <> coalesce(notes_note.type, '')
   OR conversion_funnelway.provenance <> coalesce({PROVENANCE}, '')
   OR conversion_funnelway.author_id IS DISTINCT FROM notes_note.author_id
   OR topic_ids <> coalesce(topics.ids, '{{}}')
"""  # noqa: S608 - constants
MARK_BUYERS: Final = """
INSERT INTO events_unread (person_id)
SELECT DISTINCT buyer_id FROM orders_order WHERE id = ANY(%(order_ids)s)
"""
#: The people marked, whoever they were before they logged in, and strangers.
WHO: Final = """
WITH people AS (
    SELECT person_id FROM marks WHERE person_id IS NOT NULL
    UNION
    SELECT events_identity.person_id FROM marks JOIN events_identity USING (visitor_id)
)
INSERT INTO who (person_id, visitor_id, actor)
SELECT person_id, NULL, person_id::text FROM people
UNION ALL
SELECT NULL, events_identity.visitor_id, person_id::text
FROM people JOIN events_identity USING (person_id)
UNION ALL
SELECT DISTINCT NULL::bigint, visitor_id, visitor_id::text
FROM marks
WHERE visitor_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM events_identity WHERE events_identity.visitor_id = marks.visitor_id)
"""
#: Also those of visitors who have turned out to be somebody since.
THEN: Final = f"""
INSERT INTO ways_then ({_COLUMNS})
SELECT {_COLUMNS} FROM conversion_funnelway
WHERE actor IN (
    SELECT name || ':' || actor
    FROM (SELECT actor FROM who UNION SELECT visitor_id::text FROM who WHERE visitor_id IS NOT NULL)
         AS renewed (actor),
         (VALUES {_POPULATIONS}) AS populations (name)
)
"""  # noqa: S608 - constants
NOW: Final = f"""
INSERT INTO ways_now ({_COLUMNS})
SELECT {_COLUMNS} FROM ({WAYS}) AS found
UNION ALL
SELECT {_COLUMNS} FROM ways_then WHERE day < %(horizon)s
"""  # noqa: S608 - constants
_NEW: Final = f"SELECT {_COLUMNS} FROM ways_now EXCEPT SELECT {_COLUMNS} FROM ways_then"  # noqa: S608
_GONE: Final = f"SELECT {_COLUMNS} FROM ways_then EXCEPT SELECT {_COLUMNS} FROM ways_now"  # noqa: S608
#: Of those whose ways are what they were nothing is added or taken away.
_CHANGED: Final = f"""
INSERT INTO changed
SELECT actor FROM ({_NEW}) AS new UNION SELECT actor FROM ({_GONE}) AS gone
"""  # noqa: S608 - constants
_STILL: Final = "DELETE FROM ways_{side} WHERE actor NOT IN (SELECT actor FROM changed)"
_REPLACE: Final = (
    f"""
DELETE FROM conversion_funnelway AS kept USING ({_GONE}) AS gone
WHERE {" AND ".join(f"kept.{name} = gone.{name}" for name in KEY)}
""",  # noqa: S608 - constants
    f"INSERT INTO conversion_funnelway ({_COLUMNS}) {_NEW}",
)
#: Leaves out whose marks wait to be read.
BUT_UNREAD: Final = """
DELETE FROM marks USING events_unread AS unread
LEFT JOIN events_identity USING (visitor_id)
WHERE marks.person_id IN (unread.person_id, events_identity.person_id)
   OR marks.visitor_id = unread.visitor_id
"""
ALL_WAYS: Final = f"INSERT INTO ways_now ({_COLUMNS}) SELECT {_COLUMNS} FROM conversion_funnelway"  # noqa: S608
#: Leave out those whose ways are what they were.
ONLY_CHANGED: Final = (_CHANGED, _STILL.format(side="then"), _STILL.format(side="now"))
#: Keep what was read, once what it changes has been counted into ``cell_change``.
FOLLOW: Final = (ADD_CELLS, ADD_TAKINGS, *_REPLACE)
#: How kept ways and those in ways_now differ.
DIFFERENT: Final = f"""
SELECT 'superfluous', actor, product_id, day, note_id FROM ({_GONE}) AS gone
UNION ALL
SELECT 'missing', actor, product_id, day, note_id FROM ({_NEW}) AS new
"""  # noqa: S608 - constants
