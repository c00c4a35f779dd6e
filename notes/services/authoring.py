"""Writing notes: drafted, published, changed, taken down, reinstated, deleted."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final

from django.db import transaction

from notes.errors import (
    BrandSuspended,
    ContentRefused,
    NotABrandMember,
    NoteStateForbids,
)
from notes.integrity import audit, brands, cases, checking, labels
from notes.integrity.points import Limit
from notes.integrity.rules import Outcome
from notes.integrity.types import CaseKind
from notes.models import Note, NoteCounts, NoteMedia
from notes.services import indexing, tagging
from notes.states import EDITABLE, NoteState, may_become
from notes.types import NoteChanges
from redshop.accounts.models import User
from redshop.catalog.models import Brand, BrandMember
from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.core.errors import InvalidInput, NotFound

_PLAIN_FIELDS: Final = ("type", "title", "body", "earns_commission", "disclosure", "ai_use")


@transaction.atomic(durable=True)
def create_draft(
    *,
    author_id: int,
    type: str,  # noqa: A002 - the API's own word
    title: str,
    at: datetime,
    body: str = "",
    media_ids: Sequence[int] = (),
    topic_slugs: Sequence[str] = (),
    product_ids: Sequence[int] = (),
    earns_commission: bool = False,
    disclosure: str = "",
    ai_use: str = Note.AiUse.NONE,
    brand_id: int | None = None,
    origin: str = Note.Origin.USER,
    is_sponsored: bool = False,
    population: str | None = None,
) -> Note:
    """Write a note that nobody else sees yet; its population is the author's unless given.

    Raises:
        InvalidInput: a topic, product or upload is not there, or a brand is not named.
        NotABrandMember: the author does not work for the brand in whose name this is.
    """
    author = User.objects.get(pk=author_id)
    _check_brand(author_id=author_id, brand_id=brand_id, origin=origin, is_sponsored=is_sponsored)
    note = Note.objects.create(
        author=author,
        brand_id=brand_id,
        type=type,
        title=title,
        body=body,
        origin=origin,
        earns_commission=earns_commission,
        is_sponsored=is_sponsored,
        disclosure=disclosure,
        ai_use=ai_use,
        population=population or author.population,
        created_at=at,
    )
    NoteCounts.objects.create(note=note)
    tagging.show_topics(note=note, slugs=topic_slugs)
    tagging.show_media(note=note, media_ids=media_ids)
    tagging.show_products(note=note, product_ids=product_ids, at=at)
    indexing.index(note)
    return note


@transaction.atomic(durable=True)
def edit(*, note_id: int, author_id: int, at: datetime, changes: NoteChanges) -> Note:
    """Change what the author's own note says; what ``changes`` leaves out stays.

    A published note stays bound by the rules of publishing.

    Locks: the note.

    Raises:
        NotFound: there is no such note of this author.
        NoteStateForbids: the note was taken down.
        InvalidInput: a topic, product or upload is not there.
        DisclosureRequired: as changed it could not be published.
        AiLabelRequired: a published note's AI label would be weakened.
        ContentRefused: it is published and as changed breaks a rule.
    """
    note = _own(note_id=note_id, author_id=author_id)
    if note.state not in EDITABLE:
        raise NoteStateForbids("A note that was taken down cannot be changed.")
    labels.check_ai_label(note, ai_use=changes.get("ai_use", note.ai_use))
    for name in _PLAIN_FIELDS:
        setattr(note, name, changes.get(name, getattr(note, name)))
    if "topic_slugs" in changes:
        tagging.show_topics(note=note, slugs=changes["topic_slugs"])
    if "media_ids" in changes:
        tagging.show_media(note=note, media_ids=changes["media_ids"])
    if "product_ids" in changes:
        tagging.show_products(note=note, product_ids=changes["product_ids"], at=at)
    settle(note, at=at)
    return note


@requires_transaction
def settle(note: Note, *, at: datetime) -> None:
    """Save a note whose texts or tags changed, with what follows from them.

    Raises:
        DisclosureRequired, ContentRefused: it is published and as changed could not be.
    """
    if note.state == NoteState.PUBLISHED:
        labels.check_disclosure(note)
        labels.check_marks(note)
        _check_again(note, at=at)
        _have_labelled(note, at=at)
    tagging.verify_purchase(note)
    note.save(update_fields=[*_PLAIN_FIELDS, "has_verified_purchase"])
    checking.remember(note)
    indexing.index(note)


def _check_again(note: Note, *, at: datetime) -> None:
    """Hold a published note to the rules as it is changed; it stays where a person must look."""
    findings = findings_of(note, at=at)
    if findings and findings[0].outcome == Outcome.REFUSE:
        raise ContentRefused(rule=findings[0].as_json())
    if findings:
        _ask_a_person(note, findings, at=at)


def _ask_a_person(note: Note, findings: Sequence[checking.Finding], *, at: datetime) -> None:
    told = [finding.as_json() for finding in findings]
    cases.open_case(note, kind=CaseKind.RULE, at=at, findings=told)


def publish(*, note_id: int, author_id: int, at: datetime) -> Note:
    """Let everyone read the author's own draft; a note that is published stays as it is.

    Where a rule asks for a person to look first, it waits in review instead.

    Locks: the note.

    Raises:
        NotFound: there is no such note of this author.
        NoteStateForbids: it was taken down.
        DisclosureRequired: it earns, is paid for or speaks for a brand and does not say so.
        AiLabelRequired: a picture of it says that AI made it, and the note does not.
        ContentRefused: it breaks a rule; that it was refused is written down.
        BrandSuspended: the brand can publish nothing for now.
    """
    note, refused = _try_to_publish(note_id=note_id, author_id=author_id, at=at)
    if refused is not None:
        raise ContentRefused(rule=refused.as_json())
    return note


@transaction.atomic(durable=True)
def _try_to_publish(
    *, note_id: int, author_id: int, at: datetime
) -> tuple[Note, checking.Finding | None]:
    note = _own(note_id=note_id, author_id=author_id)
    if note.state == NoteState.TAKEN_DOWN:
        raise NoteStateForbids("A note that was taken down is reinstated by a moderator only.")
    if note.state in {NoteState.PUBLISHED, NoteState.IN_REVIEW}:
        return note, None
    labels.check_disclosure(note)
    labels.check_marks(note)
    findings = findings_of(note, at=at)
    if findings and findings[0].outcome == Outcome.REFUSE:
        return note, _refuse(note, findings[0], at=at)
    if findings:
        move(note, NoteState.IN_REVIEW)
        _ask_a_person(note, findings, at=at)
    else:
        let_out(note, at=at)
    return note, None


def _refuse(note: Note, finding: checking.Finding, *, at: datetime) -> checking.Finding:
    audit.note_down(
        "publish_refused",
        subject=f"note {note.pk}",
        actor_id=None,
        at=at,
        rule=finding.rule,
        version=finding.version,
    )
    return finding


def findings_of(note: Note, *, at: datetime) -> list[checking.Finding]:
    """Return the rules that a note breaks as it is, those that refuse it first.

    Raises:
        BrandSuspended: it speaks for a brand that can publish nothing for now.
    """
    speaks_for_brand = note.is_sponsored or note.origin == Note.Origin.BRAND
    points = brands.standing_of(note.brand_id) if note.brand_id and speaks_for_brand else 0
    if points >= Limit.SUSPENDED:
        raise BrandSuspended
    return checking.check(
        note, is_commercial=labels.is_commercial(note) or bool(note.disclosure), at=at
    )


@requires_transaction
def let_out(note: Note, *, at: datetime) -> None:
    """Let everyone read a note that was found good.

    Raises:
        DisclosureRequired: it needs a label and bears none.
    """
    labels.check_disclosure(note)
    labels.check_marks(note)
    tagging.verify_purchase(note)
    note.state, note.published_at = NoteState.PUBLISHED, at
    note.save(update_fields=["state", "published_at", "has_verified_purchase"])
    checking.remember(note)
    indexing.index(note)
    _have_labelled(note, at=at)
    outbox.publish(
        "note.published",
        key=str(note.pk),
        payload={
            "note_id": note.pk,
            "author_id": note.author_id,
            "published_at": at.isoformat(),
        },
        at=at,
    )


@transaction.atomic(durable=True)
def publish_by_hand(*, note_id: int, at: datetime) -> Note:
    """Publish anyone's draft, as developers do in the admin; same labels, same fact.

    Whoever does so is the person whom a rule may ask for: its case is closed.

    Locks: the note.

    Raises:
        NotFound: there is no such note.
        NoteStateForbids: its state does not lead to published.
        DisclosureRequired: it earns, is paid for or speaks for a brand and does not say so.
        AiLabelRequired: a picture of it says that AI made it, and the note does not.
    """
    note = _existing(note_id=note_id)
    if note.state == NoteState.TAKEN_DOWN or not may_become(note.state, NoteState.PUBLISHED):
        raise NoteStateForbids(f"A note that is {_said(note.state)} cannot be published.")
    let_out(note, at=at)
    cases.close_of(note, at=at)
    return note


@transaction.atomic(durable=True)
def delete(*, note_id: int, author_id: int, at: datetime) -> None:
    """Delete the author's own note for good; its tags end now.

    Locks: the note.

    Raises:
        NotFound: there is no such note of this author.
    """
    note = _own(note_id=note_id, author_id=author_id)
    tagging.show_products(note=note, product_ids=(), at=at)
    cases.close_of(note, at=at)
    move(note, NoteState.DELETED)


@requires_transaction
def _have_labelled(note: Note, *, at: datetime) -> None:
    """Have the pictures of a note that AI made or helped say so in their files."""
    if note.ai_use == Note.AiUse.NONE:
        return
    shown = NoteMedia.objects.filter(note=note).order_by("media").values_list("media", flat=True)
    media_ids = list(shown)
    what = blake2b(repr(media_ids).encode(), digest_size=16).hexdigest()
    outbox.publish(
        "note.made_by_ai",
        key=f"{note.pk}:{note.ai_use}:{what}",
        payload={
            "note_id": note.pk,
            "author_id": note.author_id,
            "ai_use": note.ai_use,
            "media_ids": media_ids,
        },
        at=at,
    )


def _check_brand(*, author_id: int, brand_id: int | None, origin: str, is_sponsored: bool) -> None:
    if brand_id is None:
        if origin == Note.Origin.BRAND or is_sponsored:
            raise InvalidInput(
                pointer="/brand_id", code="required", message="Say which brand this is for."
            )
        return
    if not Brand.objects.filter(pk=brand_id).exists():
        raise InvalidInput(
            pointer="/brand_id", code="does_not_exist", message=f"There is no brand {brand_id}."
        )
    if origin == Note.Origin.BRAND:
        check_membership(author_id=author_id, brand_id=brand_id)


def check_membership(*, author_id: int, brand_id: int) -> None:
    """Refuse to write in the name of a brand that one does not work for.

    Raises:
        NotABrandMember: that is so.
    """
    if not BrandMember.objects.filter(brand=brand_id, user=author_id).exists():
        raise NotABrandMember


def _own(*, note_id: int, author_id: int) -> Note:
    note = Note.objects.existing().filter(pk=note_id, author=author_id).locked().first()
    if note is None:
        raise NotFound
    return note


def _existing(*, note_id: int) -> Note:
    note = Note.objects.existing().filter(pk=note_id).locked().first()
    if note is None:
        raise NotFound
    return note


@requires_transaction
def move(note: Note, target: NoteState) -> Note:
    """Take a locked note to another state.

    Raises:
        NoteStateForbids: no way leads there.
    """
    if not may_become(note.state, target):
        raise NoteStateForbids(f"A note that is {_said(note.state)} cannot become {_said(target)}.")
    note.state = target
    note.save(update_fields=["state"])
    return note


def _said(state: str) -> str:
    return state.replace("_", " ")
