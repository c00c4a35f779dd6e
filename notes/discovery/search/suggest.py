"""What to search for: completions of what is being typed, and what many search for now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q

from notes.models import Note, Topic

#: Titles are completed from so many of the newest notes.
NEWEST: Final = 2_000
#: A query is trending only if at least so many people searched for it: nobody's own words leak.
LEAST_PEOPLE: Final = 3
WINDOW: Final = timedelta(hours=24)
TOPICS_WINDOW: Final = timedelta(days=7)
DEFINITION: Final = (
    "Queries: distinct people or devices that searched for the same words in the last 24 hours, "
    f"at least {LEAST_PEOPLE}. Topics: notes published in the last 7 days. Nothing is paid for, "
    "added or removed by hand."
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to search for; ``kind`` is topic or note."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A query or topic with how many people searched for it, or notes were published about it."""

    text: str
    kind: str
    number: int


def complete(*, prefix: str, at: datetime, limit: int = 10) -> list[Suggestion]:
    """Return topics, then titles, that begin with what was typed."""
    typed = prefix.strip()
    if not typed:
        return []
    topics = (
        Topic.objects.filter(Q(name__istartswith=typed) | Q(slug__istartswith=typed))
        .order_by("slug")
        .values_list("name", flat=True)[:limit]
    )
    found = [Suggestion(name, "topic") for name in topics]
    if len(found) < limit:
        found += [Suggestion(title, "note") for title in _titles(typed, at=at, limit=limit)]
    return found[:limit]


def _titles(typed: str, *, at: datetime, limit: int) -> list[str]:
    newest = (
        Note.objects.published()
        .filter(published_at__lte=at, author__is_active=True)
        .order_by("-published_at", "-pk")
        .values("pk")[:NEWEST]
    )
    titles = (
        Note.objects.filter(pk__in=newest, title__istartswith=typed)
        .order_by("-counts__likes", "-pk")
        .values_list("title", flat=True)[: 2 * limit]
    )
    return list(dict.fromkeys(titles))[:limit]


_QUERIES: Final = """
SELECT lower(btrim(query)) AS text,
       count(DISTINCT coalesce(person_id::text, visitor_id::text)) AS people
FROM events_event
WHERE kind = 'search_submit' AND occurred_at > %(since)s AND occurred_at <= %(at)s
  AND btrim(query) <> '' AND suspicion = ''
GROUP BY 1 HAVING count(DISTINCT coalesce(person_id::text, visitor_id::text)) >= %(least)s
ORDER BY people DESC, text LIMIT %(limit)s
"""

_TOPICS: Final = """
SELECT topic.name, count(*) AS notes
FROM notes_note note JOIN notes_note_topics link ON link.note_id = note.id
JOIN notes_topic topic ON topic.id = link.topic_id
WHERE note.state = 'published' AND note.published_at > %(since)s AND note.published_at <= %(at)s
GROUP BY topic.id ORDER BY notes DESC, topic.slug LIMIT %(limit)s
"""


def trending(*, at: datetime, limit: int = 10) -> list[Trend]:
    """Return what most people searched for in a day, then the topics most written about lately.

    Counted afresh at each call: distinct people (or devices) per query, notes per topic.
    """
    queries = _counted(_QUERIES, since=at - WINDOW, at=at, limit=limit)
    topics = _counted(_TOPICS, since=at - TOPICS_WINDOW, at=at, limit=limit)
    return [
        *(Trend(text, "query", number) for text, number in queries),
        *(Trend(text, "topic", number) for text, number in topics),
    ]


def _counted(
    statement: str, *, since: datetime, at: datetime, limit: int
) -> Sequence[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"since": since, "at": at, "limit": limit, "least": LEAST_PEOPLE})
        rows: Sequence[tuple[str, int]] = cursor.fetchall()
    return rows
