"""Questions about people."""

import re
from collections.abc import Callable, Mapping

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from redshop.accounts.errors import PersonNotFound
from redshop.accounts.models import (
    HANDLE_PATTERN,
    Block,
    Consent,
    Erasure,
    Follow,
    Preference,
    User,
    UserQuerySet,
)
from redshop.accounts.types import ConsentGiven, Counts, Preferences

NotesOf = Callable[[int], int]

_notes_of: NotesOf | None = None


def register_notes_count(count: NotesOf) -> None:
    """Let the notes, which live upstairs, say how many a person has published."""
    global _notes_of
    _notes_of = count


def counts_of(person_id: int) -> Counts:
    """Return the three figures of a profile; the first two from indexes, in one query."""
    person = User.objects.filter(pk=person_id)
    followers, following = person.values_list(_counted("followed"), _counted("follower")).get()
    notes = _notes_of(person_id) if _notes_of is not None else 0
    return Counts(followers=followers, following=following, notes=notes)


def followed_ids(person_id: int) -> frozenset[int]:
    """Return whom a person follows."""
    return frozenset(
        Follow.objects.filter(follower_id=person_id).values_list("followed_id", flat=True)
    )


def blocked_ids(person_id: int) -> frozenset[int]:
    """Return everybody with whom a person has a block, whoever set it."""
    pairs = Block.objects.filter(Q(blocker_id=person_id) | Q(blocked_id=person_id))
    return frozenset(
        blocked if blocker == person_id else blocker
        for blocker, blocked in pairs.values_list("blocker_id", "blocked_id")
    )


def followers_of(person_id: int, *, viewer_id: int | None) -> UserQuerySet:
    """Return who follows a person and may be seen by the viewer; ``since`` grows with each."""
    people = User.objects.visible_to(viewer_id).filter(following__followed=person_id)
    return people.annotate(since=F("following__id"))


def followed_by(person_id: int, *, viewer_id: int | None) -> UserQuerySet:
    """Return whom a person follows and the viewer may see; ``since`` grows with each."""
    people = User.objects.visible_to(viewer_id).filter(followers__follower=person_id)
    return people.annotate(since=F("followers__id"))


def preferences_of(person_id: int) -> Preferences:
    """Return how a person wants to be served; the defaults where they never said."""
    preference = Preference.objects.filter(user_id=person_id).first()
    if preference is None:
        return Preferences()
    return Preferences(is_personalised=preference.is_personalised, topics=preference.topics)


def consent_defaults() -> Mapping[str, bool]:
    """Return what this deployment takes for granted where nobody says otherwise, by purpose."""
    defaults: Mapping[str, bool] = settings.CONSENT_DEFAULTS
    return defaults


def consents_of(person_id: int) -> dict[str, bool]:
    """Return what a person consented to, by purpose."""
    said = Consent.objects.filter(user_id=person_id).values_list("purpose", "is_granted")
    return {**consent_defaults(), **dict(said)}


def consents_given(person: User) -> dict[str, ConsentGiven]:
    """Return what a person said about each purpose, and when.

    For what they never said, the deployment's default holds since they joined.
    """
    unsaid = {
        purpose: ConsentGiven(value, person.joined_at)
        for purpose, value in consent_defaults().items()
    }
    rows = Consent.objects.filter(user=person)
    said = {row.purpose: ConsentGiven(row.is_granted, row.changed_at) for row in rows}
    return {**unsaid, **said}


def erased_ids() -> QuerySet[Erasure, int]:
    """Return whoever was erased, for a question."""
    return Erasure.objects.filter(erased_at__isnull=False).values_list("person_id", flat=True)


def visible_person(*, handle: str, viewer_id: int | None) -> User:
    """Return a person by handle, as far as the viewer may know of them.

    Raises:
        PersonNotFound: there is no such person, or they blocked the viewer.
    """
    person = None
    if re.match(HANDLE_PATTERN, handle):
        person = User.objects.visible_to(viewer_id).with_handle(handle).first()
    if person is None:
        raise PersonNotFound
    return person


def relation(*, viewer_id: int | None, person_id: int) -> dict[str, bool] | None:
    """Return whether the viewer follows or has blocked a person; None for a visitor."""
    if viewer_id is None:
        return None
    follows = Follow.objects.filter(follower=OuterRef("pk"), followed=person_id)
    blocks = Block.objects.filter(blocker=OuterRef("pk"), blocked=person_id)
    viewer = User.objects.active().filter(pk=viewer_id)
    following, blocked = viewer.values_list(Exists(follows), Exists(blocks)).get()
    return {"following": following, "blocked": blocked}


def _counted(side: str) -> Coalesce:
    """Count the follows on one side of each person."""
    follows = Follow.objects.filter(**{side: OuterRef("pk")}).order_by().values(side)
    return Coalesce(Subquery(follows.annotate(count=Count("*")).values("count")), 0)
