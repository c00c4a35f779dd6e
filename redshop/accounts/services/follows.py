"""Whom a person wants to see more of, and whom not at all."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from redshop.accounts import selectors
from redshop.accounts.errors import CannotRelateToSelf, PersonNotFound
from redshop.accounts.models import Block, Follow, User
from redshop.accounts.services import notifications
from redshop.core import outbox
from redshop.events.kinds import EventKind
from redshop.events.services import recording


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

    Raises:
        CannotRelateToSelf: the two are one.
        PersonNotFound: there is no such person, or one of the two blocked the other.
    """
    if follower_id == followed_id:
        raise CannotRelateToSelf
    follower = User.objects.get(pk=follower_id)
    if followed_id in selectors.blocked_ids(follower_id):
        raise PersonNotFound
    _, is_new = Follow.objects.get_or_create(
        follower=follower, followed_id=followed_id, defaults={"created_at": at}
    )
    if not is_new:
        return False
    recording.record(
        [
            recording.ServerEvent(
                kind=EventKind.FOLLOW,
                occurred_at=at,
                person_id=follower_id,
                population=follower.population,
                author_id=followed_id,
                note_id=note_id,
                request_id=request_id,
                surface=surface,
            )
        ]
    )
    notifications.notify(recipient_id=followed_id, actor_id=follower_id, kind="follow", at=at)
    if note_id is not None:
        outbox.publish(
            "person.followed",
            key=f"{follower_id}:{followed_id}:{at.isoformat()}",
            payload={"follower_id": follower_id, "followed_id": followed_id, "note_id": note_id},
            at=at,
        )
    return True


@transaction.atomic(durable=True)
def unfollow(*, follower_id: int, followed_id: int) -> None:
    """Follow a person no longer."""
    Follow.objects.filter(follower_id=follower_id, followed_id=followed_id).delete()


@transaction.atomic(durable=True)
def block(*, blocker_id: int, blocked_id: int, at: datetime) -> None:
    """Have nothing to do with a person any more: neither follows the other from now on.

    Raises:
        CannotRelateToSelf: the two are one.
    """
    if blocker_id == blocked_id:
        raise CannotRelateToSelf
    Block.objects.get_or_create(
        blocker_id=blocker_id, blocked_id=blocked_id, defaults={"created_at": at}
    )
    Follow.objects.filter(
        Q(follower_id=blocker_id, followed_id=blocked_id)
        | Q(follower_id=blocked_id, followed_id=blocker_id)
    ).delete()


@transaction.atomic(durable=True)
def unblock(*, blocker_id: int, blocked_id: int) -> None:
    """Lift a block; follows that it ended stay ended."""
    Block.objects.filter(blocker_id=blocker_id, blocked_id=blocked_id).delete()
