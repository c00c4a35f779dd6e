"""The explore and following feeds: finite, stable under paging, explained.

``explore_many`` ranks for many viewers over one load of candidates; the simulated world calls it
directly, the API calls ``explore``, which is the same for one viewer, with its answer kept.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from django.db.models import F

from notes.discovery import candidates, profiles, similar, snapshots
from notes.discovery.policies import EXPLORE, FOLLOWING, ChronologicalPolicy, FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking import (
    Bools,
    Ints,
    Lens,
    Pool,
    Scores,
    author_places,
    best,
    explore_scores,
    recency,
    spaced,
)
from notes.discovery.reasons import Kept
from notes.discovery.snapshots import Answer, Ledger
from notes.discovery.types import RankedPage, Viewer
from notes.models import Note
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

SURFACES: Final = (Surface.EXPLORE.value, Surface.FOLLOWING.value)
PAGE: Final = 20


def explore(*, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Rank what there is for one viewer, keep the answer and return its first page."""
    return explore_many(viewers=[viewer], at=at, limit=limit, keep=True)[0]


def following(*, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Collect the notes of followed people, keep the answer and return its first page."""
    return following_many(viewers=[viewer], at=at, limit=limit, keep=True)[0]


def next_page(*, cursor: str, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Return a further page of either feed.

    Raises:
        InvalidInput: the cursor was not given out here.
        FeedExpired: the feed is older than an hour, or not this viewer's.
    """
    return snapshots.next_page(cursor=cursor, viewer=viewer, at=at, size=limit, surfaces=SURFACES)


def explore_many(
    *,
    viewers: Sequence[Viewer],
    at: datetime,
    limit: int = PAGE,
    policy: FeedPolicy = EXPLORE,
    keep: bool = False,
    request_ids: Sequence[UUID] | None = None,
) -> list[RankedPage]:
    """Rank for each viewer, as ``explore`` would for that viewer alone, over shared candidates.

    Four queries, however many viewers. Without ``keep`` nothing is written: pages have no next,
    and only ``limit`` notes are ranked. ``request_ids`` name the answers where they must be
    the same at every run.
    """
    found = profiles.load(viewers=viewers, at=at, policy=policy)
    nearby = similar.load(profiles=found, policy=policy)
    pool = candidates.load(profiles=found, nearby=nearby, at=at, policy=policy)
    tie_break = recency(pool.published_at, pool.note_ids)
    impersonal = explore_scores(pool=pool, lens=None, policy=policy, at=at.timestamp())
    depth = policy.depth if keep else limit
    answers = []
    ids = _ids(request_ids, len(found), at)
    for profile, near, request_id in zip(found, nearby, ids, strict=True):
        lens = candidates.lens_of(profile, pool, near, policy)
        scores = impersonal
        if lens is not None:
            scores = explore_scores(pool=pool, lens=lens, policy=policy, at=at.timestamp())
        ledger = _explore_ledger(
            pool=pool,
            profile=profile,
            lens=lens,
            scores=scores,
            tie_break=tie_break,
            policy=policy,
            depth=depth,
        )
        answers.append(_answer(profile, request_id, Surface.EXPLORE, policy.label, ledger))
    return _serve(answers, at=at, limit=limit, keep=keep)


def following_many(
    *,
    viewers: Sequence[Viewer],
    at: datetime,
    limit: int = PAGE,
    policy: ChronologicalPolicy = FOLLOWING,
    keep: bool = False,
    request_ids: Sequence[UUID] | None = None,
) -> list[RankedPage]:
    """Collect, for each viewer, the newest notes of the people they follow: a query for each."""
    found = profiles.load_relations(viewers=viewers)
    depth = policy.depth if keep else limit
    answers = [
        _answer(
            profile,
            request_id,
            Surface.FOLLOWING,
            policy.label,
            _following_ledger(profile, at=at, policy=policy, depth=depth),
        )
        for profile, request_id in zip(found, _ids(request_ids, len(found), at), strict=True)
    ]
    return _serve(answers, at=at, limit=limit, keep=keep)


def _ids(given: Sequence[UUID] | None, count: int, at: datetime) -> Sequence[UUID]:
    return given if given is not None else [uuid7(at) for _ in range(count)]


def _answer(
    profile: Profile, request_id: UUID, surface: Surface, policy: str, ledger: Ledger
) -> Answer:
    return Answer(
        request_id=request_id,
        viewer=profile.viewer,
        surface=surface.value,
        policy=policy,
        is_personalised=profile.is_personalised and surface is Surface.EXPLORE,
        ledger=ledger,
    )


def _serve(answers: Sequence[Answer], *, at: datetime, limit: int, keep: bool) -> list[RankedPage]:
    if keep:
        snapshots.keep(answers, at=at)
    return [answer.page(size=limit, is_kept=keep) for answer in answers]


def _explore_ledger(
    *,
    pool: Pool,
    profile: Profile,
    lens: Lens | None,
    scores: Scores,
    tie_break: Ints,
    policy: FeedPolicy,
    depth: int,
) -> Ledger:
    """Choose and order the notes that some source offers this viewer."""
    offers = candidates.sources(profile, pool, lens, policy)
    offered = np.logical_or.reduce(list(offers.values()))
    allowed = profile.allows(author_ids=pool.author_ids, note_ids=pool.note_ids)
    is_others = pool.author_ids != (profile.viewer.person_id or 0)
    eligible = np.flatnonzero(offered & allowed & is_others)
    places = author_places(
        scores=scores.total[eligible],
        author_ids=pool.author_ids[eligible],
        tie_break=tie_break[eligible],
    )
    repeats = policy.author_repeat_factor**places
    total = scores.total[eligible] * repeats
    order = best(scores=total, tie_break=tie_break[eligible], limit=len(eligible))
    order = order[places[order] < policy.author_cap]
    is_paid = pool.is_sponsored[eligible[order]]
    order = order[spaced(is_paid, gap=policy.sponsored_gap, limit=depth)]
    chosen = eligible[order]
    sources = _first_source(offers, chosen)
    return Ledger(
        note_ids=pool.note_ids[chosen].tolist(),
        scores=total[order].round(6).tolist(),
        sources=sources,
        reasons=_reasons(pool, profile, offers, chosen),
        weights={name: policy.weights[name] for name in scores.features},
        features={name: v[chosen].round(6).tolist() for name, v in scores.features.items()},
        factors={
            **{name: v[chosen].round(6).tolist() for name, v in scores.factors.items()},
            "author_repeat": repeats[order].round(6).tolist(),
        },
    )


def _first_source(offers: dict[str, Bools], chosen: Ints) -> list[str]:
    names = np.array(list(offers))
    first = np.argmax([offer[chosen] for offer in offers.values()], axis=0)
    return names[first].tolist()  # type: ignore[no-any-return]


def _reasons(
    pool: Pool, profile: Profile, offers: dict[str, Bools], chosen: Ints
) -> list[list[Kept]]:
    """Return every source's sentence, the first being the source that the item names."""
    columns = {name: offer[chosen].tolist() for name, offer in offers.items()}
    topics = _strongest_topics(pool, profile, chosen)
    return [
        [
            (name, topics.get(note, "") if name == "interest" else "")
            for name, column in columns.items()
            if column[place]
        ]
        for place, note in enumerate(chosen.tolist())
    ]


def _strongest_topics(pool: Pool, profile: Profile, chosen: Ints) -> dict[int, str]:
    """Return, for each chosen note, the topic of it that interests the viewer most."""
    if profile.interests is None:
        return {}
    interest = profile.interests.of(pool.topics)
    pairs = np.flatnonzero(np.isin(pool.pair_note, chosen))
    weakest_first = pairs[np.lexsort((pool.pair_topic[pairs], interest[pool.pair_topic[pairs]]))]
    return {
        note: pool.topics[topic]
        for note, topic in zip(
            pool.pair_note[weakest_first].tolist(),
            pool.pair_topic[weakest_first].tolist(),
            strict=True,
        )
    }


def _following_ledger(
    profile: Profile, *, at: datetime, policy: ChronologicalPolicy, depth: int
) -> Ledger:
    rows = list(
        Note.objects.published()
        .filter(
            author__followers__follower=profile.viewer.person_id,
            author__is_active=True,
            published_at__gt=at - timedelta(days=policy.days),
            published_at__lte=at,
        )
        .exclude(author__in=list(profile.barred_authors))
        .exclude(pk__in=list(profile.barred_notes))
        .order_by(F("published_at").desc(), F("pk").desc())
        .values_list("pk", "published_at")[:depth]
    )
    moments = [moment.timestamp() for _, moment in rows if moment is not None]
    return Ledger(
        note_ids=[pk for pk, _ in rows],
        scores=moments,
        sources=["following"] * len(rows),
        reasons=[[("following", "")]] * len(rows),
        weights={"published_at": 1.0},
        features={"published_at": moments},
    )
