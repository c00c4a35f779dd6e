"""What a request needs to know about its viewer, loaded for many viewers at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Subquery

from notes.discovery.interests import Deeds, Interests, histories_of, interests_of
from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Bools, Ints
from notes.discovery.types import Viewer
from notes.models import Hide
from redshop.accounts.models import Block, Consent, Dial, Follow, Purpose, User

#: Of people who follow more, the most recent so many count as sources of explore.
MOST_FOLLOWED = 500


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """A viewer's relations, and, only where they may be used, their interests and history."""

    viewer: Viewer
    is_personalised: bool = False
    may_be_remembered: bool = False
    followed: Sequence[int] = ()
    barred_authors: Sequence[int] = ()
    barred_notes: Sequence[int] = ()
    dials: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[Deeds] = ()
    interests: Interests | None = None

    def allows(self, *, author_ids: Ints, note_ids: Ints) -> Bools:
        """Return bool[n]: not by someone blocked in either direction, and not hidden."""
        return np.asarray(
            ~np.isin(author_ids, np.array(self.barred_authors, dtype=np.int64))
            & ~np.isin(note_ids, np.array(self.barred_notes, dtype=np.int64))
        )

    @property
    def reduced_topics(self) -> list[str]:
        return [topic for topic, dial in self.dials.items() if dial == Dial.REDUCE]


def load(*, viewers: Sequence[Viewer], at: datetime, policy: FeedPolicy) -> list[Profile]:
    """Return the viewers' profiles in their order: two queries, none for visitors only."""
    ids = [viewer.person_id for viewer in viewers if viewer.person_id is not None]
    rows = _people(ids) if ids else {}
    personal = [person_id for person_id, row in rows.items() if _may_be_personal(row)]
    histories = (
        histories_of(person_ids=personal, at=at, seen_days=policy.seen_days) if personal else {}
    )
    return [
        _profile(viewer, rows.get(viewer.person_id or 0), histories, at=at) for viewer in viewers
    ]


def load_relations(*, viewers: Sequence[Viewer]) -> list[Profile]:
    """Return the profiles without interests or history: one query."""
    ids = [viewer.person_id for viewer in viewers if viewer.person_id is not None]
    rows = _people(ids) if ids else {}
    return [_relations(viewer, rows.get(viewer.person_id or 0)) for viewer in viewers]


def _people(ids: Sequence[int]) -> dict[int, Row]:
    me = OuterRef("pk")
    rows: Any = (
        User.objects.filter(pk__in=ids)
        .annotate(
            followed=ArraySubquery(
                Follow.objects.filter(follower=me)
                .order_by("-created_at", "-pk")
                .values("followed_id")[:MOST_FOLLOWED]
            ),
            blocked=ArraySubquery(Block.objects.filter(blocker=me).values("blocked_id")),
            barring=ArraySubquery(Block.objects.filter(blocked=me).values("blocker_id")),
            hidden=ArraySubquery(Hide.objects.filter(person=me).values("note_id")),
            wants_personal=F("preference__is_personalised"),
            dials=F("preference__topics"),
            permits=Subquery(
                Consent.objects.filter(user=me, purpose=Purpose.PERSONALISATION).values(
                    "is_granted"
                )
            ),
        )
        .values(
            "id",
            "followed",
            "blocked",
            "barring",
            "hidden",
            "wants_personal",
            "dials",
            "permits",
        )
    )
    return {row["id"]: row for row in rows}


def _may_be_personal(row: Row) -> bool:
    """Both the consent and the preference must allow it; the deployment decides for the silent."""
    permits = row["permits"]
    if permits is None:
        permits = settings.CONSENT_DEFAULTS["personalisation"]
    return bool(permits) and row["wants_personal"] is not False


def _relations(viewer: Viewer, row: Row | None) -> Profile:
    if row is None:
        return Profile(viewer=viewer)
    return Profile(
        viewer=viewer,
        followed=row["followed"],
        barred_authors=[*row["blocked"], *row["barring"]],
        barred_notes=row["hidden"],
        may_be_remembered=_may_be_personal(row),
    )


def _profile(
    viewer: Viewer,
    row: Row | None,
    histories: Mapping[int, Sequence[Deeds]],
    *,
    at: datetime,
) -> Profile:
    relations = _relations(viewer, row)
    if row is None or row["id"] not in histories:
        return relations
    dials = row["dials"] or {}
    history = histories[row["id"]]
    return Profile(
        viewer=viewer,
        is_personalised=True,
        may_be_remembered=True,
        followed=relations.followed,
        barred_authors=relations.barred_authors,
        barred_notes=relations.barred_notes,
        dials=dials,
        history=history,
        interests=interests_of(history=history, dials=dials, at=at),
    )
