"""What a note has, divided among its topics."""

from typing import Final

_PART: Final = (
    "(CASE WHEN many IS NULL THEN {0} ELSE {0} / many +"
    " CASE WHEN place <= abs({0} %% many) THEN sign({0}) ELSE 0 END END)::bigint AS {0}"
)
#: What ``by_note`` (note_id, weight, gross, refunded) has, divided equally, the earlier topics of a
#: note getting what does not divide (PostgreSQL's / and %% both cut towards zero).
BY_TOPIC: Final = f"""
SELECT topics.topic_id, {_PART.format("weight")}, {_PART.format("gross")},
       {_PART.format("refunded")}
FROM by_note
LEFT JOIN (
    SELECT note_id, topic_id,
           row_number() OVER (PARTITION BY note_id ORDER BY topic_id) AS place,
           count(*) OVER (PARTITION BY note_id) AS many
    FROM notes_note_topics WHERE note_id IN (SELECT note_id FROM by_note)
) AS topics ON topics.note_id = by_note.note_id
"""  # noqa: S608 - constants of this module only
