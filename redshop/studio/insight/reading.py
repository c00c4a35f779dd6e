"""What notes are like and what came of them by the same age: one row a note."""

import json
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from redshop.conversion.selectors import populations
from redshop.conversion.selectors.rows import rows_of
from redshop.studio import attributes
from redshop.studio.attributes import Circumstances
from redshop.studio.insight.rows import Row, Scope, stratum

#: Of more notes the last so many are gone by.
MOST_NOTES: Final = 50_000

_NOTES: Final = """
SELECT note.id, note.author_id, note.type, note.title, note.body, note.origin, note.disclosure,
       note.ai_use, note.has_verified_purchase, note.published_at, taken.figures,
       (SELECT count(*) FROM accounts_follow WHERE followed_id = note.author_id) AS followers,
       ARRAY(SELECT topic.slug FROM notes_note_topics AS link
             JOIN notes_topic AS topic ON topic.id = link.topic_id
             WHERE link.note_id = note.id ORDER BY topic.slug) AS topics,
       EXISTS (SELECT FROM notes_producttag AS shown WHERE shown.note_id = note.id) AS has_product,
       coalesce(taken.credits -> %(model)s -> %(currency)s, '[0, 0, 0]') AS credited
FROM notes_note AS note
JOIN conversion_notesnapshot AS taken ON taken.note_id = note.id AND taken.days = %(days)s
WHERE note.published_at >= %(since)s AND note.published_at < %(until)s
  AND note.population = ANY(%(populations)s)
  AND (%(category_id)s::bigint IS NULL OR EXISTS (
        SELECT FROM notes_producttag AS shown
        JOIN catalog_product AS product ON product.id = shown.product_id
        WHERE shown.note_id = note.id AND product.category_id = %(category_id)s))
ORDER BY note.published_at DESC, note.id DESC LIMIT %(limit)s
"""


def rows(scope: Scope) -> list[Row]:
    """Return the notes of a scope whose snapshot was taken, the newest first."""
    values: dict[str, Any] = {
        "since": scope.since,
        "until": scope.until,
        "days": scope.days,
        "model": scope.model,
        "currency": scope.currency,
        "category_id": scope.category_id,
        "populations": populations.members(scope.population),
        "limit": MOST_NOTES,
    }
    return [_row(found, zone=scope.zone) for found in rows_of(_NOTES, values)]


def _row(found: Mapping[str, Any], *, zone: ZoneInfo) -> Row:
    figures, credited = _decoded(found["figures"]), _decoded(found["credited"])
    weight, gross, refunded = credited
    text = f"{found['title']}\n{found['body']}"
    levels = attributes.tag(
        title=found["title"],
        body=found["body"],
        told=Circumstances(
            type=found["type"],
            followers=found["followers"],
            origin=found["origin"],
            has_verified_purchase=found["has_verified_purchase"],
            published_at=found["published_at"],
            zone=zone,
        ),
    )
    return Row(
        note_id=found["id"],
        author_id=found["author_id"],
        stratum=stratum(disclosure=found["disclosure"], ai_use=found["ai_use"]),
        language=attributes.script(text),
        has_product=found["has_product"],
        levels=levels,
        topics=tuple(found["topics"]),
        people=figures.get("people", 0),
        saw_and_opened=figures.get("saw_and_opened", 0),
        opens=figures.get("opens", 0),
        saves=figures.get("saves", 0),
        product_views=figures.get("product_views", 0),
        impressions=figures.get("impressions", 0),
        sales=weight / 1e9,
        net_minor=gross - refunded,
    )


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
