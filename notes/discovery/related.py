"""Notes like another: the same products, the same topics, the same author."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection

from notes.discovery import profiles, snapshots
from notes.discovery.policies import PLAIN, RELATED, RelatedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Floats, Ints
from notes.discovery.ranking.features import combine, engagement, freshness, interactions_of
from notes.discovery.ranking.order import author_repeats, best, recency
from notes.discovery.ranking.pool import INTERACTIONS
from notes.discovery.reasons import Kept
from notes.discovery.snapshots import Answer, Ledger
from notes.discovery.types import RankedPage, Viewer
from notes.integrity.points import RECOMMENDED
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

PAGE: Final = 20
SURFACES: Final = (Surface.RELATED.value,)


@dataclass(frozen=True, slots=True)
class _Neighbours:
    """Notes that share something with one note; arrays of one length."""

    note_ids: Ints
    author_ids: Ints
    published_at: Floats
    interactions: dict[str, Floats]
    shared_products: Floats
    shared_topics: Floats
    all_topics: Floats  #: topics of either
    is_same_author: Floats
    topics: Sequence[Sequence[str]]  #: the shared ones


_NEIGHBOURS: Final = f"""
WITH readable AS NOT MATERIALIZED (
    SELECT note.id, note.author_id, note.published_at
    FROM notes_note note JOIN accounts_user author ON author.id = note.author_id
    WHERE note.state = 'published' AND note.published_at <= %(at)s AND author.is_active
      AND {RECOMMENDED}
      AND note.id <> %(note_id)s
), by_product AS (
    SELECT theirs.note_id AS id, theirs.product_id
    FROM notes_producttag mine JOIN notes_producttag theirs USING (product_id)
    JOIN readable ON readable.id = theirs.note_id
    WHERE mine.note_id = %(note_id)s AND mine.valid_until IS NULL AND theirs.valid_until IS NULL
    ORDER BY readable.published_at DESC, readable.id DESC LIMIT %(most)s
), by_topic AS (
    SELECT theirs.note_id AS id, topic.slug
    FROM notes_note_topics mine JOIN notes_note_topics theirs USING (topic_id)
    JOIN notes_topic topic ON topic.id = theirs.topic_id
    JOIN readable ON readable.id = theirs.note_id
    WHERE mine.note_id = %(note_id)s
    ORDER BY readable.published_at DESC, readable.id DESC LIMIT %(most)s
), by_author AS (
    SELECT readable.id FROM readable
    JOIN notes_note mine ON mine.id = %(note_id)s AND mine.author_id = readable.author_id
    ORDER BY readable.published_at DESC, readable.id DESC LIMIT %(most)s
), shared AS (
    SELECT id, count(DISTINCT product_id) AS products,
           coalesce(array_agg(DISTINCT slug) FILTER (WHERE slug IS NOT NULL), '{{}}') AS slugs
    FROM (
        SELECT id, product_id, NULL AS slug FROM by_product
        UNION ALL SELECT id, NULL, slug FROM by_topic
        UNION ALL SELECT id, NULL, NULL FROM by_author
    ) offered GROUP BY id
)
SELECT note.id, note.author_id, extract(epoch FROM note.published_at)::float8,
       {", ".join(f"coalesce(counts.{name}, 0)" for name in INTERACTIONS)},
       shared.products, cardinality(shared.slugs),
       (SELECT count(DISTINCT topic_id) FROM notes_note_topics
        WHERE note_id IN (note.id, %(note_id)s)),
       note.id IN (SELECT id FROM by_author), shared.slugs
FROM shared JOIN notes_note note ON note.id = shared.id
LEFT JOIN notes_notecounts counts ON counts.note_id = note.id
ORDER BY note.id
"""  # noqa: S608 - the names of our own columns


def related(
    *,
    note_id: int,
    viewer: Viewer,
    at: datetime,
    limit: int = PAGE,
    policy: RelatedPolicy = RELATED,
) -> RankedPage:
    """Collect notes like this one, keep the answer and return its first page."""
    (profile,) = profiles.load_relations(viewers=[viewer])
    answer = Answer(
        request_id=uuid7(at),
        viewer=viewer,
        surface=Surface.RELATED.value,
        policy=policy.label,
        ledger=_ledger(_load(note_id=note_id, at=at, policy=policy), profile, at=at, policy=policy),
    )
    snapshots.keep([answer], at=at)
    return answer.page(size=limit, is_kept=True)


def next_page(*, cursor: str, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Return a further page of related notes.

    Raises:
        InvalidInput: the cursor was not given out here.
        FeedExpired: the answer is older than an hour, or not this viewer's.
    """
    return snapshots.next_page(cursor=cursor, viewer=viewer, at=at, size=limit, surfaces=SURFACES)


def _load(*, note_id: int, at: datetime, policy: RelatedPolicy) -> _Neighbours:
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, {"note_id": note_id, "at": at, "most": policy.candidates})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 13
    products, topics, all_topics, is_same_author = (
        np.array(columns[place], dtype=np.float64) for place in range(8, 12)
    )
    return _Neighbours(
        note_ids=np.array(columns[0], dtype=np.int64),
        author_ids=np.array(columns[1], dtype=np.int64),
        published_at=np.array(columns[2], dtype=np.float64),
        interactions=interactions_of(columns[3:8]),
        shared_products=products,
        shared_topics=topics,
        all_topics=all_topics,
        is_same_author=is_same_author,
        topics=columns[12],
    )


def _features(found: _Neighbours, *, at: datetime, policy: RelatedPolicy) -> dict[str, Floats]:
    """Return the features: any shared product, the share of topics shared, and the usual ones."""
    return {
        "products": np.minimum(found.shared_products, 1.0),
        "topics": found.shared_topics / np.maximum(found.all_topics, 1.0),
        "author": found.is_same_author,
        "engagement": engagement(found.interactions, policy=PLAIN),
        "freshness": freshness(
            (at.timestamp() - found.published_at) / 3_600.0, policy.half_life_hours
        ),
    }


def _ledger(found: _Neighbours, profile: Profile, *, at: datetime, policy: RelatedPolicy) -> Ledger:
    allowed = np.flatnonzero(profile.allows(author_ids=found.author_ids, note_ids=found.note_ids))
    features = _features(found, at=at, policy=policy)
    weights = {name: float(getattr(policy, name)) for name in features}
    tie_break = recency(found.published_at, found.note_ids)[allowed]
    scores = combine(features, {}, weights=weights)[allowed]
    repeats = author_repeats(
        scores=scores,
        author_ids=found.author_ids[allowed],
        tie_break=tie_break,
        factor=policy.author_repeat_factor,
    )
    order = best(scores=scores * repeats, tie_break=tie_break, limit=policy.depth)
    chosen = allowed[order]
    reasons = [_reasons(found, place) for place in chosen.tolist()]
    return Ledger(
        note_ids=found.note_ids[chosen].tolist(),
        scores=(scores * repeats)[order].round(6).tolist(),
        sources=[each[0][0] for each in reasons],
        reasons=reasons,
        weights=weights,
        features={name: values[chosen] for name, values in features.items()},
        factors={"author_repeat": repeats[order]},
    )


def _reasons(found: _Neighbours, place: int) -> list[Kept]:
    reasons: list[Kept] = []
    if found.shared_products[place]:
        reasons.append(("same_product", ""))
    reasons += [("same_topic", slug) for slug in found.topics[place]]
    if found.is_same_author[place]:
        reasons.append(("same_author", ""))
    return reasons
