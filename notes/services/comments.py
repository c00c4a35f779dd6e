"""What people say under a note: comments, one level of replies, likes of comments."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from notes import selectors
from notes.models import Comment, CommentLike, Note
from notes.services import counts
from notes.services.reactions import Deed, record
from redshop.accounts.services import notifications
from redshop.core.errors import InvalidInput, NotFound
from redshop.events.kinds import EventKind


@transaction.atomic(durable=True)
def comment(
    *,
    note_id: int,
    author_id: int,
    body: str,
    at: datetime,
    reply_to: int | None = None,
    surface: str = "",
    request_id: UUID | None = None,
) -> Comment:
    """Say something under a note, or in reply to a comment there.

    Locks: the comment that is replied to, then the note's counts.

    Raises:
        NotFound: the person cannot read such a note.
        InvalidInput: the comment replied to is not there, or is itself a reply.
    """
    note = selectors.readable_by(author_id).filter(pk=note_id).first()
    if note is None:
        raise NotFound
    if reply_to is not None:
        _check_reply(note_id=note_id, reply_to=reply_to)
    said = Comment.objects.create(
        note_id=note_id, author_id=author_id, reply_to_id=reply_to, body=body, created_at=at
    )
    counts.add(note_id=note_id, name="comments", amount=1)
    deed = Deed(note_id=note_id, person_id=author_id, at=at, surface=surface, request_id=request_id)
    record(deed, kind=EventKind.COMMENT)
    _tell(note, said)
    return said


def _tell(note: Note, said: Comment) -> None:
    """Tell the note's author, and whoever is replied to, once each."""
    told = {note.author_id}
    if said.reply_to is not None:
        told.add(said.reply_to.author_id)
    for person_id in sorted(told):
        notifications.notify(
            recipient_id=person_id,
            actor_id=said.author_id,
            kind="comment",
            subject={"note_id": note.pk, "comment_id": said.pk},
            at=said.created_at,
        )


@transaction.atomic(durable=True)
def delete(*, comment_id: int, author_id: int, at: datetime) -> None:
    """Take back what one said, with the replies to it.

    Locks: the comment, then the note's counts.

    Raises:
        NotFound: there is no such comment of this person.
    """
    own = Comment.objects.living().filter(pk=comment_id, author=author_id).locked().first()
    if own is None:
        raise NotFound
    with_replies = Comment.objects.living().filter(Q(pk=comment_id) | Q(reply_to=comment_id))
    gone = with_replies.update(deleted_at=at)
    counts.add(note_id=own.note_id, name="comments", amount=-gone)


@transaction.atomic(durable=True)
def like(*, comment_id: int, person_id: int, at: datetime) -> bool:
    """Like a comment; tell whether that is new.

    Raises:
        NotFound: the person cannot read such a comment.
    """
    if not _readable(comment_id=comment_id, person_id=person_id):
        raise NotFound
    _, is_new = CommentLike.objects.get_or_create(
        comment_id=comment_id, person_id=person_id, defaults={"created_at": at}
    )
    return is_new


@transaction.atomic(durable=True)
def unlike(*, comment_id: int, person_id: int) -> bool:
    """Take the like of a comment back; tell whether there was one.

    Raises:
        NotFound: there is no such comment.
    """
    if not Comment.objects.living().filter(pk=comment_id).exists():
        raise NotFound
    return bool(CommentLike.objects.filter(comment=comment_id, person=person_id).delete()[0])


def _readable(*, comment_id: int, person_id: int) -> bool:
    return (
        Comment.objects.living()
        .filter(pk=comment_id, note__in=selectors.readable_by(person_id))
        .exists()
    )


def _check_reply(*, note_id: int, reply_to: int) -> None:
    target = Comment.objects.living().filter(pk=reply_to, note=note_id).locked().first()
    if target is None:
        raise InvalidInput(
            pointer="/reply_to", code="does_not_exist", message="There is no such comment here."
        )
    if target.reply_to_id is not None:
        raise InvalidInput(
            pointer="/reply_to", code="reply_to_a_reply", message="Replies have one level only."
        )
