"""Which notes an explore request may show: one query for all the viewers of a batch."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db import connection

from notes.discovery.policies import FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking import Bools, Floats, Ints, Lens, Pool, interactions_of
from notes.discovery.similar import Nearby
from redshop.events.kinds import EventKind

_POOL: Final = """
WITH visible AS NOT MATERIALIZED (
    SELECT note.id, note.author_id, note.published_at
    FROM notes_note note JOIN accounts_user author ON author.id = note.author_id
    WHERE note.state = 'published' AND note.published_at <= %(at)s AND author.is_active
), fresh AS (
    SELECT id FROM visible ORDER BY published_at DESC, id DESC LIMIT %(fresh)s
), liked AS (
    SELECT visible.id, visible.published_at,
           counts.likes * %(like)s + counts.saves * %(save)s + counts.comments * %(comment)s
           + counts.shares * %(share)s + counts.follows * %(follow)s AS interactions
    FROM visible JOIN notes_notecounts counts ON counts.note_id = visible.id
    WHERE visible.published_at > %(popular_since)s
), popular AS (
    SELECT id FROM liked WHERE interactions > 0
    ORDER BY interactions DESC, published_at DESC, id DESC LIMIT %(popular)s
), followed AS (
    SELECT newest.id FROM unnest(%(followed)s::bigint[]) AS followed(author_id)
    CROSS JOIN LATERAL (
        SELECT visible.id FROM visible WHERE visible.author_id = followed.author_id
        ORDER BY visible.published_at DESC, visible.id DESC LIMIT %(by_followed)s
    ) newest
), topical AS (
    SELECT newest.id, topic.slug
    FROM notes_topic topic CROSS JOIN LATERAL (
        SELECT visible.id FROM visible
        JOIN notes_note_topics link ON link.note_id = visible.id
        WHERE link.topic_id = topic.id
        ORDER BY visible.published_at DESC, visible.id DESC LIMIT %(by_topic)s
    ) newest
    WHERE topic.slug = ANY(%(topics)s::text[])
), nearby AS (
    SELECT id FROM visible WHERE id = ANY(%(similar)s::bigint[])
), chosen AS (
    SELECT id, bool_or(source = 'fresh') AS is_fresh, bool_or(source = 'popular') AS is_popular,
           bool_or(source = 'followed') AS is_by_followed,
           array_remove(array_agg(slug), NULL) AS by_topic
    FROM (
        SELECT id, 'fresh' AS source, NULL AS slug FROM fresh
        UNION ALL SELECT id, 'popular', NULL FROM popular
        UNION ALL SELECT id, 'followed', NULL FROM followed
        UNION ALL SELECT id, 'topical', slug FROM topical
        UNION ALL SELECT id, 'similar', NULL FROM nearby
    ) offered GROUP BY id
), about AS (
    SELECT link.note_id, array_agg(topic.slug ORDER BY topic.slug) AS slugs
    FROM chosen JOIN notes_note_topics link ON link.note_id = chosen.id
    JOIN notes_topic topic ON topic.id = link.topic_id
    GROUP BY link.note_id
)
SELECT note.id, note.author_id, extract(epoch FROM note.published_at)::float8,
       coalesce(counts.likes, 0), coalesce(counts.saves, 0), coalesce(counts.comments, 0),
       coalesce(counts.shares, 0), coalesce(counts.follows, 0),
       chosen.is_fresh, chosen.is_popular, chosen.is_by_followed,
       coalesce(about.slugs, '{}'), chosen.by_topic, note.is_sponsored
FROM chosen JOIN notes_note note ON note.id = chosen.id
LEFT JOIN notes_notecounts counts ON counts.note_id = note.id
LEFT JOIN about ON about.note_id = note.id
ORDER BY note.id
"""


def load(
    *, profiles: Sequence[Profile], nearby: Sequence[Nearby], at: datetime, policy: FeedPolicy
) -> Pool:
    """Return every note that one of the viewers may be shown, before any is barred."""
    nearest = {note for each in nearby for note in each.note_ids[: policy.by_similar].tolist()}
    personal = [profile for profile in profiles if profile.is_personalised]
    followed = {author for profile in personal for author in profile.followed}
    topics = {topic for profile in personal for topic in interesting(profile, policy)}
    with connection.cursor() as cursor:
        cursor.execute(
            _POOL,
            {
                "at": at,
                "popular_since": at - timedelta(days=policy.popular_days),
                "followed": sorted(followed),
                "topics": sorted(topics),
                "similar": sorted(nearest),
                **{name: getattr(policy, name) for name in _PARAMETERS},
            },
        )
        return _pool(cursor.fetchall())


_PARAMETERS: Final = (
    "fresh", "popular", "by_followed", "by_topic", "like", "save", "comment", "share", "follow"
)  # fmt: skip


def interesting(profile: Profile, policy: FeedPolicy) -> list[str]:
    """Return the topics whose newest notes a viewer is offered."""
    if profile.interests is None:
        return []
    return profile.interests.strongest(
        threshold=policy.interest_threshold, limit=policy.interest_topics
    )


def _pool(rows: Sequence[tuple[Any, ...]]) -> Pool:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 14
    topics = sorted({slug for slugs in columns[11] for slug in slugs})
    index = {slug: place for place, slug in enumerate(topics)}
    pairs = [
        (place, index[slug], slug in topical)
        for place, (slugs, topical) in enumerate(zip(columns[11], columns[12], strict=True))
        for slug in slugs
    ]
    pair_note, pair_topic, by_topic = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    return Pool(
        note_ids=np.array(columns[0], dtype=np.int64),
        author_ids=np.array(columns[1], dtype=np.int64),
        published_at=np.array(columns[2], dtype=np.float64),
        interactions=interactions_of(columns[3:8]),
        is_fresh=np.array(columns[8], dtype=np.bool_),
        is_popular=np.array(columns[9], dtype=np.bool_),
        is_by_followed=np.array(columns[10], dtype=np.bool_),
        is_sponsored=np.array(columns[13], dtype=np.bool_),
        topics=topics,
        pair_note=pair_note,
        pair_topic=pair_topic,
        by_topic=by_topic.astype(np.bool_),
    )


def lens_of(profile: Profile, pool: Pool, nearby: Nearby, policy: FeedPolicy) -> Lens | None:
    """Return what the viewer brings to the pool, None where nothing may be personal."""
    if profile.interests is None:
        return None
    reduced = set(profile.reduced_topics)
    shown, opened = np.zeros(pool.size), np.zeros(pool.size)
    for deeds in profile.history:
        is_impression = deeds.kind == EventKind.IMPRESSION
        _mark(pool, deeds.note_ids, deeds.times, on=shown if is_impression else opened)
    similar = np.zeros(pool.size)
    _mark(pool, nearby.note_ids, nearby.similarity, on=similar)
    return Lens(
        followed=np.array(profile.followed, dtype=np.int64),
        topic_interest=profile.interests.of(pool.topics),
        is_reduced_topic=np.array([topic in reduced for topic in pool.topics], dtype=np.bool_),
        similar=similar,
        is_similar=np.isin(pool.note_ids, nearby.note_ids[: policy.by_similar]),
        times_shown=shown,
        is_opened=opened > 0,
    )


def _mark(pool: Pool, note_ids: Ints, numbers: Floats, *, on: Floats) -> None:
    """Add to each note of the pool, whose ids are in order, its number, if it has one."""
    if pool.size:
        places = np.minimum(np.searchsorted(pool.note_ids, note_ids), pool.size - 1)
        is_here = pool.note_ids[places] == note_ids
        on[places[is_here]] += numbers[is_here]


def sources(
    profile: Profile, pool: Pool, lens: Lens | None, policy: FeedPolicy
) -> dict[str, Bools]:
    """Return, by source, which notes it offers this viewer; the first that offers one names it."""
    found: dict[str, Bools] = {}
    if lens is not None:
        found["following"] = pool.is_by_followed & np.isin(pool.author_ids, lens.followed)
        wanted = set(interesting(profile, policy))
        is_wanted = np.array([topic in wanted for topic in pool.topics], dtype=np.bool_)
        found["interest"] = _offered_by_topic(pool, is_wanted)
        found["similar"] = lens.is_similar
    found["popular"] = pool.is_popular
    found["fresh"] = pool.is_fresh
    return found


def _offered_by_topic(pool: Pool, is_wanted: Bools) -> Bools:
    offered = np.zeros(pool.size, dtype=np.bool_)
    offered[pool.pair_note[pool.by_topic & is_wanted[pool.pair_topic]]] = True
    return offered
