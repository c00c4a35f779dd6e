"""What people do with a note in one tap: like, save, hide, share.

Each writes its row, moves the counter and records the event in one transaction, and only where
something changed. Taking a reaction back records nothing: the log says what happened.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from notes import selectors
from notes.models import FollowFrom, Hide, Like, Note, Save, Share
from notes.services import counts
from redshop.accounts.models import User
from redshop.accounts.services import notifications
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound
from redshop.events.kinds import EventKind
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent

Tap = Like | Save | Hide


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Who does something with which note, when, and what had shown it to them."""

    note_id: int
    person_id: int
    at: datetime
    surface: str = ""
    request_id: UUID | None = None


@transaction.atomic(durable=True)
def like(
    *,
    note_id: int,
    person_id: int,
    at: datetime,
    surface: str = "",
    request_id: UUID | None = None,
) -> bool:
    """Like a note; tell whether that is new.

    Locks: the note's counts.

    Raises:
        NotFound: the person cannot read such a note.
    """
    deed = Deed(note_id=note_id, person_id=person_id, at=at, surface=surface, request_id=request_id)
    note = _readable(deed)
    is_new = _once(Like, deed, counter="likes", kind=EventKind.LIKE)
    if is_new:
        notifications.notify(
            recipient_id=note.author_id,
            actor_id=person_id,
            kind="like",
            subject={"note_id": note_id},
            at=at,
        )
    return is_new


@transaction.atomic(durable=True)
def unlike(*, note_id: int, person_id: int) -> bool:
    """Take a like back; tell whether there was one.

    Locks: the note's counts.

    Raises:
        NotFound: there never was such a note.
    """
    return _undo(Like, note_id=note_id, person_id=person_id, counter="likes")


@transaction.atomic(durable=True)
def save(
    *,
    note_id: int,
    person_id: int,
    at: datetime,
    surface: str = "",
    request_id: UUID | None = None,
) -> bool:
    """Keep a note for later; tell whether that is new.

    Locks: the note's counts.

    Raises:
        NotFound: the person cannot read such a note.
    """
    deed = Deed(note_id=note_id, person_id=person_id, at=at, surface=surface, request_id=request_id)
    _readable(deed)
    return _once(Save, deed, counter="saves", kind=EventKind.SAVE)


@transaction.atomic(durable=True)
def unsave(*, note_id: int, person_id: int) -> bool:
    """Keep a note no longer; tell whether it was kept.

    Locks: the note's counts.

    Raises:
        NotFound: there never was such a note.
    """
    return _undo(Save, note_id=note_id, person_id=person_id, counter="saves")


@transaction.atomic(durable=True)
def hide(
    *,
    note_id: int,
    person_id: int,
    at: datetime,
    surface: str = "",
    request_id: UUID | None = None,
) -> bool:
    """Never show a note to this person again; tell whether that is new.

    Raises:
        NotFound: the person cannot read such a note.
    """
    deed = Deed(note_id=note_id, person_id=person_id, at=at, surface=surface, request_id=request_id)
    _readable(deed)
    return _once(Hide, deed, counter=None, kind=EventKind.HIDE)


@transaction.atomic(durable=True)
def unhide(*, note_id: int, person_id: int) -> bool:
    """Let a note be shown to this person again; tell whether it was hidden.

    Raises:
        NotFound: there never was such a note.
    """
    return _undo(Hide, note_id=note_id, person_id=person_id, counter=None)


@transaction.atomic(durable=True)
def share(
    *,
    note_id: int,
    person_id: int,
    at: datetime,
    surface: str = "",
    request_id: UUID | None = None,
) -> Share:
    """Note that a person passed a note on; each time counts.

    Locks: the note's counts.

    Raises:
        NotFound: the person cannot read such a note.
    """
    deed = Deed(note_id=note_id, person_id=person_id, at=at, surface=surface, request_id=request_id)
    _readable(deed)
    shared = Share.objects.create(note_id=note_id, person_id=person_id, created_at=at)
    counts.add(note_id=note_id, name="shares", amount=1)
    record(deed, kind=EventKind.SHARE)
    return shared


@requires_transaction
def follow_from(*, note_id: int, person_id: int, at: datetime) -> bool:
    """Count that a person followed the author from this note; its event is recorded already.

    Locks: the note's counts.
    """
    if not Note.objects.filter(pk=note_id).exists():
        return False
    _, is_new = FollowFrom.objects.get_or_create(
        note_id=note_id, person_id=person_id, defaults={"created_at": at}
    )
    if is_new:
        counts.add(note_id=note_id, name="follows", amount=1)
    return is_new


@requires_transaction
def record(deed: Deed, *, kind: EventKind) -> None:
    """Append the event of a deed to the behaviour log."""
    population = User.objects.values_list("population", flat=True).get(pk=deed.person_id)
    recording.record(
        [
            ServerEvent(
                kind=kind,
                occurred_at=deed.at,
                person_id=deed.person_id,
                note_id=deed.note_id,
                surface=deed.surface,
                request_id=deed.request_id,
                population=population,
            )
        ]
    )


def _readable(deed: Deed) -> Note:
    note = selectors.readable_by(deed.person_id).filter(pk=deed.note_id).first()
    if note is None:
        raise NotFound
    return note


def _once(model: type[Tap], deed: Deed, *, counter: str | None, kind: EventKind) -> bool:
    _, is_new = model._default_manager.get_or_create(
        note_id=deed.note_id, person_id=deed.person_id, defaults={"created_at": deed.at}
    )
    if is_new and counter:
        counts.add(note_id=deed.note_id, name=counter, amount=1)
    if is_new:
        record(deed, kind=kind)
    return is_new


def _undo(model: type[Tap], *, note_id: int, person_id: int, counter: str | None) -> bool:
    if not Note.objects.existing().filter(pk=note_id).exists():
        raise NotFound
    row = model._default_manager.filter(note=note_id, person=person_id).first()
    if row is None or not model._default_manager.filter(pk=row.pk).delete()[0]:
        return False
    if counter and not getattr(row, "is_suspect", False):
        counts.add(note_id=note_id, name=counter, amount=-1)
    return True
