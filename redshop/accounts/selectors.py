"""Questions about people."""

from collections.abc import Callable

from django.conf import settings
from django.db.models import Q

from redshop.accounts.errors import PersonNotFound
from redshop.accounts.models import Block, Consent, Follow, Preference, User
from redshop.accounts.types import ConsentGiven, Counts, Preferences

NotesOf = Callable[[int], int]

_notes_of: NotesOf | None = None


def register_notes_count(count: NotesOf) -> None:
    """Let the notes, which live upstairs, say how many a person has published."""
    global _notes_of
    _notes_of = count


def counts_of(person_id: int) -> Counts:
    """Return the three figures of a profile."""
    return Counts(
        followers=Follow.objects.filter(followed_id=person_id).count(),
        following=Follow.objects.filter(follower_id=person_id).count(),
        notes=_notes_of(person_id) if _notes_of is not None else 0,
    )


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


def preferences_of(person_id: int) -> Preferences:
    """Return how a person wants to be served; the defaults where they never said."""
    preference = Preference.objects.filter(user_id=person_id).first()
    if preference is None:
        return Preferences()
    return Preferences(is_personalised=preference.is_personalised, topics=preference.topics)


def consents_of(person_id: int) -> dict[str, bool]:
    """Return what a person consented to, by purpose."""
    return settings.CONSENT_DEFAULTS | dict(
        Consent.objects.filter(user_id=person_id).values_list("purpose", "is_granted")
    )


def consents_given(person: User) -> dict[str, ConsentGiven]:
    """Return what a person said about each purpose, and when.

    For what they never said, the deployment's default holds since they joined.
    """
    unsaid = {
        purpose: ConsentGiven(value, person.joined_at)
        for purpose, value in settings.CONSENT_DEFAULTS.items()
    }
    rows = Consent.objects.filter(user=person)
    said = {row.purpose: ConsentGiven(row.is_granted, row.changed_at) for row in rows}
    return {**unsaid, **said}


def visible_person(*, handle: str, viewer_id: int | None) -> User:
    """Return a person by handle, as far as the viewer may know of them.

    Raises:
        PersonNotFound: there is no such person, or they blocked the viewer.
    """
    people = User.objects.filter(handle__iexact=handle, is_active=True)
    if viewer_id is not None:
        people = people.exclude(blocking__blocked_id=viewer_id)
    person = people.first()
    if person is None:
        raise PersonNotFound
    return person


def relation(*, viewer_id: int | None, person_id: int) -> dict[str, bool] | None:
    """Return whether the viewer follows or has blocked a person; None for a visitor."""
    if viewer_id is None:
        return None
    return {
        "following": Follow.objects.filter(follower_id=viewer_id, followed_id=person_id).exists(),
        "blocked": Block.objects.filter(blocker_id=viewer_id, blocked_id=person_id).exists(),
    }
