"""Which notes an explore request may show.

What is offered to everybody (fresh, popular, newcomers, the newest and the trending of topics
that many write about) is read for all viewers and kept for a few seconds; what is offered to
somebody alone (of authors and topics they follow, near what they went to) is read with one query
for all the viewers of a batch.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings

from notes.discovery import offers
from notes.discovery.offers import NONE, Offered
from notes.discovery.policies import FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Bools, Ints
from notes.discovery.ranking.order import recency
from notes.discovery.ranking.pool import Pool
from notes.discovery.similar import Nearby
from notes.discovery.tastes import Taste

Offers = Mapping[str, Bools]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Everything that one of the viewers of a batch may be offered."""

    shared: Offered
    personal: Offered


_kept: dict[str, tuple[float, datetime, Offered]] = {}


def load(
    *,
    profiles: Sequence[Profile],
    nearby: Sequence[Nearby],
    tastes: Sequence[Taste],
    at: datetime,
    policy: FeedPolicy,
) -> Candidates:
    """Return every note that one of the viewers may be shown, before any is barred."""
    shared = _shared(at, policy)
    personal = [profile for profile in profiles if profile.is_personalised]
    near = np.concatenate(
        [NONE, *(each.note_ids[: policy.by_similar] for each in nearby)]
        + [taste.note_ids for taste in tastes]
    )
    values: dict[str, Any] = {
        "topics": sorted(
            {slug for each in personal for slug in interesting(each, policy)} - shared.topics
        ),
        "followed": sorted({author for each in personal for author in each.followed}),
        "near": near[~shared.pool.look_up(near)[1]].tolist(),
    }
    if not any(values.values()):
        return Candidates(shared, offers.nothing())
    # whoever asks alone needs no more than they are offered; of several each has their own
    values["most_followed"] = policy.followed_notes if len(profiles) == 1 else None
    return Candidates(shared, offers.for_some(values=values, at=at, policy=policy))


def _shared(at: datetime, policy: FeedPolicy) -> Offered:
    """Return what is offered to everybody, as it was some seconds ago at most."""
    now = time.monotonic()
    read_at, asked_at, found = _kept.get(policy.label, (-np.inf, at, None))
    seconds = settings.FEED_CACHE_SECONDS
    if found is None or now - read_at >= seconds or abs(at - asked_at).total_seconds() >= seconds:
        light, topics = offers.for_everybody(at=at, policy=policy), offers.prepared(at)
        pool = light.pool.joined(topics.pool)
        found = Offered(
            pool,
            {name: pool.places_of(light.pool.note_ids[p]) for name, p in light.places.items()},
            {key: pool.places_of(topics.pool.note_ids[p]) for key, p in topics.by_topic.items()},
        )
        _kept[policy.label] = (now, at, found)
    return found


def interesting(profile: Profile, policy: FeedPolicy) -> list[str]:
    """Return the topics whose notes a viewer is offered."""
    if profile.interests is None:
        return []
    return profile.interests.strongest(
        threshold=policy.interest_threshold, limit=policy.interest_topics
    )


def chosen_for(
    profile: Profile, found: Candidates, nearby: Nearby, taste: Taste, policy: FeedPolicy
) -> tuple[Pool, Offers]:
    """Return the notes offered to one viewer, and by source which; the first names the item."""
    shared, personal = found.shared, found.personal
    wanted = interesting(profile, policy)
    here = {
        "interest": _of_topics(shared, wanted, "interest", policy.by_topic),
        "trending": _of_topics(shared, wanted, "trending", policy.by_trending),
        "newcomer": shared.places.get("newcomer", NONE),
        "popular": shared.places.get("popular", NONE),
        "fresh": shared.places.get("fresh", NONE),
    }
    similar = nearby.note_ids[: policy.by_similar]
    here |= {
        "similar": shared.pool.places_of(np.sort(similar)),
        "content": shared.pool.places_of(np.sort(taste.note_ids)),
    }
    pool = shared.pool.take(np.unique(np.concatenate(list(here.values()))))
    ids = {source: shared.pool.note_ids[places] for source, places in here.items()}
    if profile.is_personalised:
        followed = np.isin(personal.pool.author_ids, np.array(profile.followed, dtype=np.int64))
        by_them = np.zeros(personal.pool.size, dtype=np.bool_)
        by_them[personal.places.get("following", NONE)] = True
        found_of_them = np.flatnonzero(followed & by_them)
        newest_first = recency(personal.pool.published_at, personal.pool.note_ids)[found_of_them]
        theirs = {
            "following": found_of_them[np.argsort(newest_first)[: policy.followed_notes]],
            "interest": _of_topics(personal, wanted, "interest", policy.by_topic),
            "trending": _of_topics(personal, wanted, "trending", policy.by_trending),
            "similar": personal.pool.places_of(np.sort(similar)),
            "content": personal.pool.places_of(np.sort(taste.note_ids)),
        }
        pool = pool.joined(personal.pool.take(np.unique(np.concatenate(list(theirs.values())))))
        for source, places in theirs.items():
            more = personal.pool.note_ids[places]
            ids[source] = np.concatenate([ids.get(source, NONE), more])
    order = ("following", "interest", "trending", "similar", "content", "newcomer", "popular",
             "fresh")  # fmt: skip
    return pool, {source: np.isin(pool.note_ids, ids.get(source, NONE)) for source in order}


def _of_topics(offered: Offered, slugs: Sequence[str], source: str, most: int) -> Ints:
    found = [offered.by_topic.get((slug, source), NONE)[:most] for slug in slugs]
    return np.unique(np.concatenate([NONE, *found]))
