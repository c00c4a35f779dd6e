"""What a viewer brings to the notes that may be shown to them."""

import numpy as np

from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Floats, Ints
from notes.discovery.ranking.pool import Lens, Pool
from notes.discovery.similar import Nearby
from notes.discovery.tastes import Taste
from redshop.events.kinds import EventKind


def lens_of(profile: Profile, pool: Pool, nearby: Nearby, taste: Taste) -> Lens | None:
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
        topic_interest=profile.interests.of(pool.slugs),
        is_reduced_topic=np.array([slug in reduced for slug in pool.slugs], dtype=np.bool_),
        similar=similar,
        content=taste.likeness(pool.vectors),
        times_shown=shown,
        is_opened=opened > 0,
    )


def _mark(pool: Pool, note_ids: Ints, numbers: Floats, *, on: Floats) -> None:
    """Add to each note of the pool its number, if it has one."""
    places, is_here = pool.look_up(note_ids)
    on[places[is_here]] += numbers[is_here]
