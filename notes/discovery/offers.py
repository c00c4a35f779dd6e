"""What may be offered, read from the database as arrays: to everybody, of topics, to some."""

import io
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import connection

from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Ints
from notes.discovery.ranking.pool import INTERACTIONS, Pool
from notes.discovery.tastes import vectors_of
from notes.integrity.points import RECOMMENDED
from notes.models import PreparedPool, Topic

#: So many of a topic's last written notes are looked at for the newest published.
_LAST_WRITTEN: Final = 200
#: Newest and trending notes of a topic, as rows of (topic, id, source).
_OF_TOPICS: Final = """
    SELECT topic.slug, newest.id, 'interest' AS source, newest.rank
    FROM topics AS topic CROSS JOIN LATERAL (
        SELECT visible.id,
               row_number() OVER (ORDER BY visible.published_at DESC, visible.id DESC) AS rank
        FROM (
            SELECT note_id FROM notes_note_topics WHERE topic_id = topic.id
            ORDER BY note_id DESC LIMIT %(last_written)s
        ) AS link JOIN visible ON visible.id = link.note_id
        ORDER BY visible.published_at DESC, visible.id DESC LIMIT %(by_topic)s
    ) AS newest
    UNION ALL
    SELECT topic.slug, place.note_id, 'trending', place.rank
    FROM topics AS topic JOIN notes_chart AS chart ON chart.topic_id = topic.id
    CROSS JOIN LATERAL unnest(chart.note_ids[:%(by_trending)s]) WITH ORDINALITY
        AS place(note_id, rank)
    JOIN visible ON visible.id = place.note_id
"""
_VISIBLE: Final = f"""
    SELECT note.id, note.author_id, note.published_at
    FROM notes_note AS note JOIN accounts_user AS author ON author.id = note.author_id
    WHERE note.state = 'published' AND note.published_at <= %(at)s AND author.is_active
      AND {RECOMMENDED}
"""  # noqa: S608 - a constant
_ROWS: Final = f"""
SELECT note.id, note.author_id, extract(epoch FROM note.published_at)::float8,
       {", ".join(f"coalesce(counts.{name}, 0)" for name in INTERACTIONS)},
       note.is_sponsored, large.author_id IS NULL,
       coalesce((SELECT true FROM notes_exposuregrant AS given WHERE given.note_id = note.id
                 AND given.outcome = 'running' AND given.impressions < given.granted LIMIT 1),
                false),
       halfvec_send(about.vector),
       (SELECT string_agg(topic_id::text, ',') FROM notes_note_topics WHERE note_id = note.id),
       chosen.sources, chosen.topics, chosen.ranks
FROM chosen JOIN notes_note AS note ON note.id = chosen.id
LEFT JOIN notes_notecounts AS counts ON counts.note_id = note.id
LEFT JOIN notes_largecreator AS large ON large.author_id = note.author_id
LEFT JOIN notes_notevector AS about ON about.note_id = note.id
ORDER BY note.id
"""  # noqa: S608 - the names of our own columns
_CHOSEN: Final = """
    SELECT id, array_agg(source) AS sources, array_agg(slug) AS topics, array_agg(rank) AS ranks
    FROM offered GROUP BY id
"""
_SHARED: Final = f"""
WITH visible AS NOT MATERIALIZED ({_VISIBLE}), offered AS (
    (SELECT '' AS slug, id, 'fresh' AS source, 0 AS rank FROM visible
     ORDER BY published_at DESC, id DESC LIMIT %(fresh)s)
    UNION ALL
    SELECT '', visible.id, 'popular', 0 FROM notes_chart AS chart
    CROSS JOIN LATERAL unnest(chart.note_ids[:%(popular)s]) AS place(note_id)
    JOIN visible ON visible.id = place.note_id WHERE chart.topic_id IS NULL
    UNION ALL
    (SELECT '', visible.id, 'newcomer', 0 FROM notes_exposuregrant AS given
     JOIN visible ON visible.id = given.note_id
     WHERE given.outcome = 'running' AND given.impressions < given.granted
     ORDER BY given.impressions, given.granted_at, visible.id LIMIT %(by_newcomer)s)
), chosen AS ({_CHOSEN})
{_ROWS}
"""  # noqa: S608 - our own words
_TOPICS: Final = f"""
WITH visible AS NOT MATERIALIZED ({_VISIBLE}), topics AS MATERIALIZED (
    SELECT topic.id, topic.slug FROM notes_topic AS topic
    JOIN notes_chart AS chart ON chart.topic_id = topic.id
), offered AS ({_OF_TOPICS}), chosen AS ({_CHOSEN})
{_ROWS}
"""  # noqa: S608 - our own words
_OF_PEOPLE: Final = """
    (SELECT '' AS slug, newest.id, 'following' AS source, 0 AS rank
     FROM unnest(%(followed)s::bigint[]) AS followed(author_id)
     CROSS JOIN LATERAL (
        SELECT visible.id, visible.published_at FROM visible
        WHERE visible.author_id = followed.author_id
        ORDER BY visible.published_at DESC, visible.id DESC LIMIT %(by_followed)s
     ) AS newest
     ORDER BY newest.published_at DESC, newest.id DESC LIMIT %(most_followed)s)
    UNION ALL
    SELECT '', id, 'near', 0 FROM visible WHERE id = ANY(%(near)s::bigint[])
"""
_PERSONAL: Final = f"""
WITH visible AS NOT MATERIALIZED ({_VISIBLE}), offered AS ({_OF_PEOPLE}), chosen AS ({_CHOSEN})
{_ROWS}
"""
#: The same for who wants topics that were not prepared: planning it takes twice as long.
_PERSONAL_WITH_TOPICS: Final = f"""
WITH visible AS NOT MATERIALIZED ({_VISIBLE}), topics AS MATERIALIZED (
    SELECT topic.id, topic.slug FROM notes_topic AS topic WHERE topic.slug = ANY(%(topics)s)
), offered AS ({_OF_PEOPLE} UNION ALL {_OF_TOPICS}), chosen AS ({_CHOSEN})
{_ROWS}
"""  # noqa: S608 - our own words
_NUMBERS: Final = ("fresh", "popular", "by_followed", "by_topic", "by_trending", "by_newcomer")
#: So many of a topic are prepared for everybody; a policy takes as many of them as it says.
MOST_NEWEST, MOST_TRENDING = 60, 60
#: What was prepared longer ago is not gone by.
STALE: Final = timedelta(minutes=5)
NONE: Final[Ints] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Offered:
    """Notes, and which of them each source offers, as places; of topics by slug, best first."""

    pool: Pool
    places: Mapping[str, Ints] = field(default_factory=dict)
    by_topic: Mapping[tuple[str, str], Ints] = field(default_factory=dict)

    @property
    def topics(self) -> set[str]:
        """The topics of which there is something."""
        return {slug for slug, _ in self.by_topic}


_prepared: dict[datetime, Offered] = {}


def for_everybody(*, at: datetime, policy: FeedPolicy) -> Offered:
    """Return what is offered to everybody by a policy: fresh, popular, newcomers."""
    return _read(_SHARED, {"at": at}, _numbers(policy))


def for_some(*, values: Mapping[str, Any], at: datetime, policy: FeedPolicy) -> Offered:
    """Return what is offered to somebody alone, for all the viewers of a batch.

    Args:
        values: ``topics`` (slugs), ``followed`` (ids of authors) with ``most_followed`` (notes of
            theirs, None for all), ``near`` (ids of notes).
    """
    statement = _PERSONAL_WITH_TOPICS if values["topics"] else _PERSONAL
    return _read(statement, {**values, "at": at}, _numbers(policy))


def nothing() -> Offered:
    """Return what is offered where there is nothing."""
    return Offered(_pool([]))


def of_topics(at: datetime) -> Offered:
    """Return the newest and the trending notes of the topics that have charts."""
    return _read(_TOPICS, {"at": at}, {"by_topic": MOST_NEWEST, "by_trending": MOST_TRENDING})


def prepared(at: datetime) -> Offered:
    """Return what of topics was prepared last, if that was lately; else nothing.

    What is not here is asked for by those whom it interests.
    """
    rows = PreparedPool.objects.filter(prepared_at__gt=at - STALE, prepared_at__lte=at)
    newest = rows.values_list("prepared_at", flat=True).first()
    if newest is None:
        return nothing()
    if newest not in _prepared:
        _prepared.clear()
        _prepared[newest] = unpacked(bytes(rows.get().content))
    return _prepared[newest]


def _numbers(policy: FeedPolicy) -> dict[str, int]:
    return {name: getattr(policy, name) for name in _NUMBERS}


def _read(statement: str, values: Mapping[str, Any], numbers: Mapping[str, int]) -> Offered:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, **numbers, "last_written": _LAST_WRITTEN})
        rows = cursor.fetchall()
    places: dict[str, list[int]] = {}
    by_topic: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for place, row in enumerate(rows):
        for source, slug, rank in zip(*row[-3:], strict=True):
            if slug:
                by_topic.setdefault((slug, source), []).append((rank, place))
            else:
                places.setdefault(source, []).append(place)
    return Offered(
        _pool(rows),
        {name: np.array(found, dtype=np.int64) for name, found in places.items()},
        {
            key: np.array([place for _, place in sorted(found)], dtype=np.int64)
            for key, found in by_topic.items()
        },
    )


def packed(offered: Offered) -> bytes:
    """Return what of topics is prepared, for another process to read."""
    names = sorted(offered.by_topic)
    columns = {entry.name: getattr(offered.pool, entry.name) for entry in fields(Pool)}
    columns["vectors"] = columns["vectors"].astype(np.float16)
    arrays: dict[str, Any] = {
        **columns,
        "keys": np.array(["\n".join(name) for name in names], dtype=np.str_),
        "sizes": np.array([len(offered.by_topic[name]) for name in names], dtype=np.int64),
        "places": np.concatenate([NONE, *(offered.by_topic[name] for name in names)]),
    }
    there = io.BytesIO()
    np.savez(there, **arrays)
    return there.getvalue()


def unpacked(content: bytes) -> Offered:
    """Read what ``packed`` returned."""
    with np.load(io.BytesIO(content)) as kept:
        columns = {entry.name: kept[entry.name] for entry in fields(Pool)}
        keys, sizes, places = kept["keys"].tolist(), kept["sizes"], kept["places"]
    columns["vectors"] = columns["vectors"].astype(np.float32)
    columns["slugs"] = columns["slugs"].tolist()
    parts = np.split(places, np.cumsum(sizes)[:-1]) if len(keys) else []
    names = [tuple(key.split("\n")) for key in keys]
    return Offered(Pool(**columns), by_topic=dict(zip(names, parts, strict=True)))


def _pool(rows: Sequence[tuple[Any, ...]]) -> Pool:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 16
    known = _slugs({int(pk) for told in columns[12] if told for pk in told.split(",")})
    topics = [
        sorted(known[int(pk)] for pk in told.split(",") if int(pk) in known) if told else []
        for told in columns[12]
    ]
    slugs = sorted({slug for each in topics for slug in each})
    index = {slug: place for place, slug in enumerate(slugs)}
    padded = np.full((len(rows), max(map(len, topics), default=0)), -1, dtype=np.int64)
    for place, each in enumerate(topics):
        padded[place, : len(each)] = [index[slug] for slug in each]
    return Pool(
        note_ids=np.array(columns[0], dtype=np.int64),
        author_ids=np.array(columns[1], dtype=np.int64),
        published_at=np.array(columns[2], dtype=np.float64),
        interactions=np.array(columns[3:8], dtype=np.float64).T.reshape(-1, len(INTERACTIONS)),
        is_sponsored=np.array(columns[8], dtype=np.bool_),
        is_small=np.array(columns[9], dtype=np.bool_),
        is_newcomer=np.array(columns[10], dtype=np.bool_),
        vectors=vectors_of(columns[11]),
        topics=padded,
        slugs=slugs,
    )


def _slugs(topic_ids: Set[int]) -> Mapping[int, str]:
    """Return the slugs of topics, of those that are known here as they were a while ago."""
    now = time.monotonic()
    if now - _topics.read_at >= settings.CARD_CACHE_SECONDS or topic_ids - _topics.slugs.keys():
        _topics.slugs = dict(Topic.objects.values_list("pk", "slug")) if topic_ids else {}
        _topics.read_at = now
    return _topics.slugs


@dataclass(slots=True)
class _Topics:
    slugs: Mapping[int, str] = field(default_factory=dict)
    read_at: float = -1e9


_topics: Final = _Topics()
