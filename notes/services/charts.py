"""What is popular and what is trending, counted every few minutes so that no request has to."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from notes.discovery import offers
from notes.models import Chart, PreparedPool

#: Popular are notes of so many days; trending what people interacted with in so many.
POPULAR_DAYS, TRENDING_DAYS = 30, 3
#: A chart has so many notes; so many topics have one, those that most people deal with.
MOST_POPULAR, MOST_TRENDING, MOST_TOPICS = 200, 60, 300
_POPULAR: Final = """
SELECT array_agg(id ORDER BY place), array_agg(number ORDER BY place) FROM (
    SELECT note.id, counts.likes + counts.saves + counts.comments + counts.shares + counts.follows
               AS number,
           row_number() OVER (ORDER BY counts.likes + counts.saves + counts.comments
               + counts.shares + counts.follows DESC, note.published_at DESC, note.id DESC) AS place
    FROM notes_note AS note JOIN notes_notecounts AS counts ON counts.note_id = note.id
    WHERE note.state = 'published' AND note.published_at > %(popular_since)s
      AND note.published_at <= %(at)s
      AND counts.likes + counts.saves + counts.comments + counts.shares + counts.follows > 0
) AS ranked WHERE place <= %(most)s
"""
_TRENDING: Final = """
WITH acts AS (
    SELECT note_id, count(DISTINCT coalesce(person_id::text, visitor_id::text)) AS people
    FROM events_event
    WHERE kind IN ('like', 'save', 'comment', 'share', 'follow')
      AND occurred_at > %(trending_since)s AND occurred_at <= %(at)s
      AND note_id IS NOT NULL AND suspicion = ''
    GROUP BY note_id
), of_topics AS (
    SELECT link.topic_id, acts.note_id, acts.people,
           row_number() OVER (PARTITION BY link.topic_id
                              ORDER BY acts.people DESC, acts.note_id DESC) AS place
    FROM acts JOIN notes_note_topics AS link ON link.note_id = acts.note_id
    JOIN notes_note AS note ON note.id = acts.note_id AND note.state = 'published'
)
SELECT topic_id, array_agg(note_id ORDER BY place), array_agg(people ORDER BY place)
FROM of_topics WHERE place <= %(most)s
GROUP BY topic_id ORDER BY sum(people) DESC, topic_id LIMIT %(topics)s
"""


@transaction.atomic(durable=True)
def count(*, at: datetime) -> int:
    """Count all charts anew; return how many there are.

    Locks: the charts.
    """
    charts = [Chart(topic=None, computed_at=at, **_popular(at)), *_trending(at)]
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE notes_chart IN SHARE ROW EXCLUSIVE MODE")
    Chart.objects.all().delete()
    return len(Chart.objects.bulk_create(charts))


def prepare(*, at: datetime) -> int:
    """Prepare the notes of topics for every process to read; return how many notes those are."""
    offered = offers.of_topics(at)
    content = offers.packed(offered)
    PreparedPool.objects.update_or_create(pk=1, defaults={"prepared_at": at, "content": content})
    return offered.pool.size


def _popular(at: datetime) -> dict[str, list[int]]:
    since = at - timedelta(days=POPULAR_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_POPULAR, {"popular_since": since, "at": at, "most": MOST_POPULAR})
        ids, numbers = cursor.fetchone()
    return {"note_ids": ids or [], "people": numbers or []}


def _trending(at: datetime) -> list[Chart]:
    values: dict[str, Any] = {
        "trending_since": at - timedelta(days=TRENDING_DAYS),
        "at": at,
        "most": MOST_TRENDING,
        "topics": MOST_TOPICS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TRENDING, values)
        return [
            Chart(topic_id=topic_id, note_ids=ids, people=people, computed_at=at)
            for topic_id, ids, people in cursor
        ]
