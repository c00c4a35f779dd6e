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

from notes.discovery import candidates, cascade, choosing, profiles, similar, snapshots, tastes
from notes.discovery.cascade import Prediction
from notes.discovery.learning.outcomes import Heads
from notes.discovery.policies import FOLLOWING, ChronologicalPolicy, FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.snapshots import Answer, Ledger
from notes.discovery.types import RankedPage, Viewer
from notes.models import Note
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

SURFACES: Final = (Surface.EXPLORE.value, Surface.FOLLOWING.value)
PAGE: Final = 20


def explore(*, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Rank what there is for one viewer, keep the answer and return its first page."""
    policy = choosing.for_viewer(viewer, at=at)
    return explore_many(viewers=[viewer], at=at, limit=limit, policy=policy, keep=True)[0]


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
    policy: FeedPolicy | None = None,
    keep: bool = False,
    depth: int | None = None,
    request_ids: Sequence[UUID] | None = None,
) -> list[RankedPage]:
    """Rank for each viewer, as ``explore`` would for that viewer alone, over shared candidates.

    A handful of queries, however many viewers. Without ``keep`` nothing is written: pages have no
    next, and only ``limit`` notes are ranked; ``depth`` limits what is ranked and kept.
    ``request_ids`` name the answers where they must be the same at every run; chance goes by
    them. Without a ``policy`` it is the default.
    """
    answers = ranked(
        viewers=viewers,
        at=at,
        policy=policy or choosing.usable(choosing.in_use().default),
        depth=depth if keep else limit,
        request_ids=request_ids,
    )
    return _serve(answers, at=at, limit=limit, keep=keep)


def ranked(
    *,
    viewers: Sequence[Viewer],
    at: datetime,
    policy: FeedPolicy,
    depth: int | None = None,
    request_ids: Sequence[UUID] | None = None,
) -> list[Answer]:
    """Rank for each viewer by a policy, as deep as it goes unless told otherwise."""
    found = profiles.load(viewers=viewers, at=at, policy=policy)
    nearby = similar.load(profiles=found, policy=policy)
    tasted = tastes.load(profiles=found, policy=policy)
    there = candidates.load(profiles=found, nearby=nearby, tastes=tasted, at=at, policy=policy)
    predict = _prediction(policy)
    return [
        _answer(
            profile,
            request_id,
            Surface.EXPLORE,
            policy.label,
            cascade.ledger(
                profile=profile,
                offered=candidates.chosen_for(profile, there, near, taste, policy),
                nearby=near,
                taste=taste,
                at=at.timestamp(),
                policy=policy,
                predict=predict,
                depth=min(depth or policy.depth, policy.depth),
                request_id=request_id,
            ),
        )
        for profile, near, taste, request_id in zip(
            found, nearby, tasted, _ids(request_ids, len(found), at), strict=True
        )
    ]


def _prediction(policy: FeedPolicy) -> Prediction | None:
    """Return what predicts for a policy that goes by a learned model."""
    model = choosing.model() if policy.is_learned else None
    return Heads.from_json(model.heads).predict if model is not None else None


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
    moments = np.array([moment.timestamp() for _, moment in rows if moment is not None])
    age_hours = (at.timestamp() - moments) / 3_600.0
    return Ledger(
        note_ids=[pk for pk, _ in rows],
        scores=(-age_hours).round(6).tolist(),
        sources=["following"] * len(rows),
        reasons=[[("following", "")]] * len(rows),
        weights={"age_hours": -1.0},
        features={"age_hours": age_hours},
    )
