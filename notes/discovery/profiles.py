"""What a request needs to know about its viewer, loaded for many viewers at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from notes.discovery import alternatives
from notes.discovery.interests import Deeds, Interests, histories_of, interests_of
from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Bools, Ints
from notes.discovery.types import Viewer
from redshop.accounts.models import Dial
from redshop.events.kinds import EventKind

#: Of people who follow more, the most recent so many count as sources of explore.
MOST_FOLLOWED = 500
NOBODY: Final = np.zeros(1, dtype=np.int64)


class _Person(NamedTuple):
    """What is kept of a person that a ranking may go by."""

    id: int
    followed: Sequence[int]
    barred: Sequence[int]
    hidden: Sequence[int]
    wants_personal: bool | None
    dials: Any
    permits: bool | None


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

    def shown_of(self, author_ids: Ints) -> Ints:
        """Return int64[n]: how many notes of each author were on the screen in this session."""
        shown = [deeds.author_ids for deeds in self.history if deeds.kind == EventKind.IMPRESSION]
        authors, counts = np.unique(np.concatenate([NOBODY, *shown]), return_counts=True)
        counts[authors == 0] = 0
        places = np.minimum(np.searchsorted(authors, author_ids), len(authors) - 1)
        return np.where(authors[places] == author_ids, counts[places], 0)

    @property
    def reduced_topics(self) -> list[str]:
        return [topic for topic, dial in self.dials.items() if dial == Dial.REDUCE]


def load(*, viewers: Sequence[Viewer], at: datetime, policy: FeedPolicy) -> list[Profile]:
    """Return the viewers' profiles in their order: two queries, none for visitors only, and one
    for alternatives where they were not read lately."""
    ids = [viewer.person_id for viewer in viewers if viewer.person_id is not None]
    rows = _people(ids) if ids else {}
    personal = [person_id for person_id, row in rows.items() if _may_be_personal(row)]
    histories = (
        histories_of(
            person_ids=personal,
            at=at,
            seen_days=policy.seen_days,
            session_minutes=policy.session_minutes,
        )
        if personal
        else {}
    )
    return [
        _without_others(_profile(viewer, rows.get(viewer.person_id or 0), histories, at=at))
        for viewer in viewers
    ]


def _without_others(profile: Profile) -> Profile:
    """Bar the notes instead of which the viewer is offered an alternative."""
    others = alternatives.not_offered_to(profile.viewer)
    if not others:
        return profile
    return replace(profile, barred_notes=[*profile.barred_notes, *others])


def load_relations(*, viewers: Sequence[Viewer]) -> list[Profile]:
    """Return the profiles without interests or history: one query."""
    ids = [viewer.person_id for viewer in viewers if viewer.person_id is not None]
    rows = _people(ids) if ids else {}
    return [_relations(viewer, rows.get(viewer.person_id or 0)) for viewer in viewers]


_PEOPLE: Final = """
SELECT person.id,
       ARRAY(SELECT followed_id FROM accounts_follow WHERE follower_id = person.id
             ORDER BY created_at DESC, id DESC LIMIT %(most_followed)s),
       ARRAY(SELECT blocked_id FROM accounts_block WHERE blocker_id = person.id
             UNION ALL SELECT blocker_id FROM accounts_block WHERE blocked_id = person.id),
       ARRAY(SELECT note_id FROM notes_hide WHERE person_id = person.id),
       preference.is_personalised, preference.topics,
       (SELECT is_granted FROM accounts_consent
        WHERE user_id = person.id AND purpose = 'personalisation')
FROM accounts_user AS person LEFT JOIN accounts_preference AS preference
  ON preference.user_id = person.id
WHERE person.id = ANY(%(people)s)
"""


def _people(ids: list[int]) -> dict[int, _Person]:
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, {"people": ids, "most_followed": MOST_FOLLOWED})
        return {row[0]: _Person(*row) for row in cursor}


def _may_be_personal(row: _Person) -> bool:
    """Both the consent and the preference must allow it; the deployment decides for the silent."""
    permits = row.permits
    if permits is None:
        permits = settings.CONSENT_DEFAULTS["personalisation"]
    return bool(permits) and row.wants_personal is not False


def _relations(viewer: Viewer, row: _Person | None) -> Profile:
    if row is None:
        return Profile(viewer=viewer)
    return Profile(
        viewer=viewer,
        followed=row.followed,
        barred_authors=row.barred,
        barred_notes=row.hidden,
        may_be_remembered=_may_be_personal(row),
    )


def _profile(
    viewer: Viewer,
    row: _Person | None,
    histories: Mapping[int, Sequence[Deeds]],
    *,
    at: datetime,
) -> Profile:
    relations = _relations(viewer, row)
    if row is None or row.id not in histories:
        return relations
    dials = json.loads(row.dials) if isinstance(row.dials, str) else row.dials or {}
    history = histories[row.id]
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
