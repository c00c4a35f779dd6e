"""Whom a person wants to see more of, and whom not at all.

Who acts is locked, and a block locks both: nobody becomes a follower in the very moment in which
they are blocked.
"""

from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from redshop.accounts.errors import CannotRelateToSelf, PersonNotFound
from redshop.accounts.models import Block, Follow, Notification, User
from redshop.accounts.services.notifications import notify
from redshop.core import outbox
from redshop.core.copying import copy
from redshop.core.db import requires_transaction
from redshop.events.kinds import EventKind
from redshop.events.services.recording import ServerEvent, record

Ints = NDArray[np.int64]


@transaction.atomic(durable=True)
def follow(
    *,
    follower_id: int,
    followed_id: int,
    note_id: int | None = None,
    request_id: UUID | None = None,
    surface: str = "",
    at: datetime,
) -> bool:
    """Follow a person; tell whether that is new. The note named is the one that led there.

    Publishes ``person.followed`` where a note led there, for the note's counters.

    Locks: the follower.

    Raises:
        CannotRelateToSelf: the two are one.
        PersonNotFound: there is no such person, or one of the two blocked the other.
    """
    _refuse_oneself(follower_id, followed_id)
    follower = User.objects.locked().get(pk=follower_id)
    if not _may_meet(follower_id, followed_id):
        raise PersonNotFound
    row, is_new = Follow.objects.get_or_create(
        follower=follower, followed_id=followed_id, defaults={"created_at": at}
    )
    if not is_new:
        return False
    event = ServerEvent(
        kind=EventKind.FOLLOW,
        occurred_at=at,
        person_id=follower_id,
        population=follower.population,
        author_id=followed_id,
        note_id=note_id,
        request_id=request_id,
        surface=surface,
    )
    record([event])
    told = Notification.Kind.FOLLOW
    notify(recipient_id=followed_id, actor_id=follower_id, kind=told, at=at)
    payload = {"follower_id": follower_id, "followed_id": followed_id, "note_id": note_id}
    if note_id is not None:
        outbox.publish("person.followed", key=str(row.pk), payload=payload, at=at)
    return True


@requires_transaction
def import_follows(*, followers: Ints, followed: Ints, at: NDArray[np.datetime64]) -> None:
    """Write who followed whom elsewhere or earlier, many at once, with no event or fact for each.

    Args:
        followers: int64[n]; each pair once, and nobody follows themselves.
        followed: int64[n].
        at: datetime64[n], since when.
    """
    columns = {"follower_id": followers, "followed_id": followed, "created_at": at}
    copy("accounts_follow", columns)


@transaction.atomic(durable=True)
def unfollow(*, follower_id: int, followed_id: int) -> None:
    """Follow a person no longer."""
    Follow.objects.filter(follower_id=follower_id, followed_id=followed_id).delete()


@transaction.atomic(durable=True)
def block(*, blocker_id: int, blocked_id: int, at: datetime) -> None:
    """Have nothing to do with a person any more: neither follows the other from now on.

    Locks: both people, in primary-key order.

    Raises:
        CannotRelateToSelf: the two are one.
        PersonNotFound: there is no such person.
    """
    _refuse_oneself(blocker_id, blocked_id)
    both = [blocker_id, blocked_id]
    if len(User.objects.active().filter(pk__in=both).locked()) < len(both):
        raise PersonNotFound
    Block.objects.get_or_create(
        blocker_id=blocker_id, blocked_id=blocked_id, defaults={"created_at": at}
    )
    Follow.objects.filter(follower__in=both, followed__in=both).delete()


@transaction.atomic(durable=True)
def unblock(*, blocker_id: int, blocked_id: int) -> None:
    """Lift a block; follows that it ended stay ended."""
    Block.objects.filter(blocker_id=blocker_id, blocked_id=blocked_id).delete()


def _refuse_oneself(one_id: int, other_id: int) -> None:
    if one_id == other_id:
        raise CannotRelateToSelf


def _may_meet(one_id: int, other_id: int) -> bool:
    is_open = User.objects.active().filter(pk=other_id).exists()
    return is_open and not Block.objects.between(one_id, other_id).exists()
