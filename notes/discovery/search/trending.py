"""What many search for now: counted by a stated rule, and kept with how each entry got there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from notes.models import TrendingList

#: A query is trending only if at least so many people searched for it: nobody's own words leak.
LEAST_PEOPLE: Final = 3
WINDOW: Final = timedelta(hours=24)
TOPICS_WINDOW: Final = timedelta(days=7)
#: So many of either kind are in a list.
LENGTH: Final = 50
#: A list that is older is not shown; it is counted afresh.
FRESH: Final = timedelta(minutes=30)
RETENTION: Final = timedelta(days=90)
DEFINITION: Final = (
    "Queries: distinct people or devices that searched for the same words in the last 24 hours, "
    f"at least {LEAST_PEOPLE}. Topics: notes published in the last 7 days. Nothing is paid for, "
    "added or removed by hand."
)
_QUERIES: Final = """
WITH asked AS (
    SELECT lower(btrim(query)) AS text, occurred_at > %(since)s AS is_now,
           coalesce(person_id::text, visitor_id::text) AS who
    FROM events_event
    WHERE kind = 'search_submit' AND occurred_at > %(before)s AND occurred_at <= %(at)s
      AND btrim(query) <> '' AND suspicion = ''
),
counted AS (
    SELECT text, count(DISTINCT who) FILTER (WHERE is_now) AS number,
           count(DISTINCT who) FILTER (WHERE NOT is_now) AS number_before
    FROM asked GROUP BY text
)
SELECT text, number, number_before,
       count(*) FILTER (WHERE number > 0 AND number < %(least)s) OVER ()
FROM counted ORDER BY number DESC, text LIMIT %(limit)s
"""
_TOPICS: Final = """
SELECT topic.name, count(*) FILTER (WHERE note.published_at > %(since)s) AS number,
       count(*) FILTER (WHERE note.published_at <= %(since)s) AS number_before
FROM notes_note note JOIN notes_note_topics link ON link.note_id = note.id
JOIN notes_topic topic ON topic.id = link.topic_id
WHERE note.state = 'published' AND note.published_at > %(before)s AND note.published_at <= %(at)s
GROUP BY topic.id HAVING count(*) FILTER (WHERE note.published_at > %(since)s) > 0
ORDER BY number DESC, topic.slug LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Trend:
    """A query or topic, and by what number it is here: of people who searched for it, or of notes
    that were published on it, in the time stated and in as long a time before."""

    text: str
    kind: str
    number: int
    number_before: int
    since: datetime
    until: datetime


def trending(*, at: datetime, limit: int = 10) -> list[Trend]:
    """Return what most people searched for, then the topics most written about lately.

    From the list that Celery keeps, where it is fresh; else counted.
    """
    kept = (
        TrendingList.objects.filter(computed_at__gt=at - FRESH, computed_at__lte=at)
        .order_by("-computed_at")
        .first()
    )
    entries = kept.entries if kept else count(at=at)[0]
    return [
        Trend(
            **{
                **entry,
                "since": datetime.fromisoformat(entry["since"]),
                "until": datetime.fromisoformat(entry["until"]),
            }
        )
        for kind in ("query", "topic")
        for entry in [each for each in entries if each["kind"] == kind][:limit]
    ]


def keep(*, at: datetime) -> TrendingList:
    """Count anew, and keep the list for whoever asks how it came about."""
    entries, too_few = count(at=at)
    TrendingList.objects.filter(computed_at__lte=at - RETENTION).delete()
    return TrendingList.objects.create(
        computed_at=at, definition=DEFINITION, entries=entries, too_few_people=too_few
    )


def count(*, at: datetime) -> tuple[list[dict[str, Any]], int]:
    """Return the entries, and how many queries were left out for too few people: of these nothing
    but their number is kept."""
    queries = _rows(_QUERIES, at=at, window=WINDOW)
    topics = _rows(_TOPICS, at=at, window=TOPICS_WINDOW)
    entries = [
        _entry("query", text, number, before, at=at, window=WINDOW)
        for text, number, before, _ in queries
        if number >= LEAST_PEOPLE
    ]
    entries += [
        _entry("topic", text, number, before, at=at, window=TOPICS_WINDOW)
        for text, number, before in topics
    ]
    return entries, queries[0][3] if queries else 0


def _entry(
    kind: str, text: str, number: int, before: int, *, at: datetime, window: timedelta
) -> dict[str, Any]:
    return {
        "text": text,
        "kind": kind,
        "number": number,
        "number_before": before,
        "since": (at - window).isoformat(),
        "until": at.isoformat(),
    }


def _rows(statement: str, *, at: datetime, window: timedelta) -> Sequence[tuple[Any, ...]]:
    values: Mapping[str, Any] = {
        "at": at,
        "since": at - window,
        "before": at - 2 * window,
        "limit": LENGTH,
        "least": LEAST_PEOPLE,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
