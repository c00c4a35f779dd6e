"""A person edits, approves and publishes; nothing publishes itself."""

from datetime import datetime
from difflib import SequenceMatcher
from typing import Final

from django.db import transaction

from notes.models import Note
from notes.services import authoring
from notes.states import NoteState
from redshop.catalog.services import lending
from redshop.core.db import requires_transaction
from redshop.core.errors import InvalidInput, NotFound
from redshop.studio.errors import DraftNotCompliant, DraftStateForbids
from redshop.studio.models import Draft, Revision
from redshop.studio.services import briefs, drafting, manifests
from redshop.studio.states import DraftState, may_become

#: A text that is so much like the writer's is still the writer's (assumed).
MOSTLY_THE_WRITERS: Final = 0.7


@transaction.atomic(durable=True)
def edit(*, draft_id: int, title: str, body: str, editor_id: int, at: datetime) -> Draft:
    """Change what a draft says; whoever approved it must do so again.

    Locks: the draft.

    Raises:
        NotFound: there is no such draft.
        DraftStateForbids: it was published, or its note waits for a moderator.
        InvalidInput: a title or a text is empty or too long.
    """
    return revise(draft_id=draft_id, title=title, body=body, editor_id=editor_id, at=at)


@requires_transaction
def revise(*, draft_id: int, title: str, body: str, editor_id: int, at: datetime) -> Draft:
    """Do what ``edit`` does, within a transaction of the caller's.

    Raises: as ``edit``.
    """
    draft = _locked(draft_id)
    if draft.state == DraftState.PUBLISHED:
        raise DraftStateForbids("What was published is changed as a note.")
    if draft.note is not None and draft.note.state != NoteState.DRAFT:
        raise DraftStateForbids("Its note waits for a moderator, or is published by now.")
    for name, text, most in (("title", title, 100), ("body", body, 5_000)):
        if not text.strip() or len(text) > most:
            raise InvalidInput(
                pointer=f"/{name}", code="invalid", message=f"From 1 to {most} characters."
            )
    if (draft.title, draft.body) == (title, body):
        return draft
    draft.title, draft.body = title, body
    if draft.state != DraftState.WRITTEN:
        draft.state = DraftState.WRITTEN
    draft.approved_by, draft.approved_at = None, None
    _keep_revision(draft, editor_id=editor_id, at=at)
    return draft


@transaction.atomic(durable=True)
def approve(*, draft_id: int, by_id: int, at: datetime) -> Draft:
    """Say that a draft may be published as it is.

    Locks: the draft.

    Raises:
        NotFound: there is no such draft.
        DraftStateForbids: it was approved, published or rejected.
        DraftNotCompliant: something refuses it.
    """
    draft = _locked(draft_id)
    _check_may_become(draft, DraftState.APPROVED)
    drafting.read(draft)  # the brief's claims, or rules, may have changed since
    refusing = [each for each in draft.objections if each["outcome"] == "refuse"]
    if refusing:
        raise DraftNotCompliant(f"{refusing[0]['says']} ({refusing[0]['because']})")
    draft.state, draft.approved_by_id, draft.approved_at = DraftState.APPROVED, by_id, at
    draft.save()
    return draft


@transaction.atomic(durable=True)
def reject(*, draft_id: int, at: datetime) -> Draft:
    """Let a draft go; it stays as a record, and editing brings it back.

    Locks: the draft.

    Raises:
        NotFound, DraftStateForbids: as for ``approve``.
    """
    draft = _locked(draft_id)
    _check_may_become(draft, DraftState.REJECTED)
    draft.state = DraftState.REJECTED
    draft.save(update_fields=["state"])
    return draft


def publish(*, draft_id: int, at: datetime) -> Note:
    """Publish an approved draft as a note of its brand, labelled as an ad and as made with AI.

    Begun again it goes on where it was: there is never a second note of a draft. A note that a rule
    keeps in review is the draft's once a moderator lets it out. An edit that comes meanwhile comes
    too late: what was approved is what is published.

    Raises:
        NotFound: there is no such draft.
        DraftStateForbids: nobody approved it.
        NotOfTheBrand: its author does not work for the brand any more.
        ContentRefused, BrandSuspended: as ``notes.services.authoring.publish``.
    """
    draft = _draft(draft_id)
    if draft.state not in {DraftState.APPROVED, DraftState.PUBLISHED}:
        raise DraftStateForbids("Somebody must approve it first.")
    note = draft.note or _note_for(draft, at=at)
    if note.state == NoteState.DRAFT:
        authoring.edit(
            note_id=note.pk,
            author_id=note.author_id,
            at=at,
            changes={"title": draft.title, "body": draft.body, "ai_use": ai_use_of(draft)},
        )
    note = authoring.publish(note_id=note.pk, author_id=note.author_id, at=at)
    if note.state == NoteState.PUBLISHED:
        with transaction.atomic():
            settle(note_id=note.pk, at=at, approved=(draft.approved_by_id, draft.approved_at))
    return note


@requires_transaction
def settle(
    *, note_id: int, at: datetime, approved: tuple[int | None, datetime | None] | None = None
) -> None:
    """Record of a published note that its draft is published, and seal where it comes from.

    The draft says what the note says, whatever became of it meanwhile; ``approved`` is by whom and
    when that was approved, for a draft that is not any more. Safe to repeat: whoever publishes does
    it, and so does the fact that it was.

    Locks: the draft.
    """
    draft = Draft.objects.locked().filter(note=note_id).first()
    if draft is None or draft.note is None or draft.state == DraftState.PUBLISHED:
        return
    is_other = (draft.title, draft.body) != (draft.note.title, draft.note.body)
    if draft.state != DraftState.APPROVED and approved is None:
        return
    if approved is not None and (is_other or draft.state != DraftState.APPROVED):
        _move(draft, DraftState.WRITTEN)
        draft.approved_by_id, draft.approved_at = approved
        _move(draft, DraftState.APPROVED)
    if is_other:
        draft.title, draft.body = draft.note.title, draft.note.body
        _keep_revision(draft, editor_id=draft.note.author_id, at=at)
    draft.published_at = at
    _move(draft, DraftState.PUBLISHED)
    manifests.make(draft, at=at)


def _move(draft: Draft, target: DraftState) -> None:
    if draft.state != target:
        draft.state = target
        draft.save()


def _keep_revision(draft: Draft, *, editor_id: int, at: datetime) -> None:
    """Keep what a draft says now, with what it is like."""
    drafting.read(draft)
    draft.save()
    Revision.objects.create(
        draft=draft,
        number=draft.revisions.count(),
        title=draft.title,
        body=draft.body,
        editor_id=editor_id,
        at=at,
    )


def ai_use_of(draft: Draft) -> str:
    """Return the AI label of a draft: of what an editor wrote anew for the most part, assisted."""
    first = draft.revisions.get(number=0)
    before, now = f"{first.title}\n{first.body}", f"{draft.title}\n{draft.body}"
    alike = SequenceMatcher(None, before, now, autojunk=False).ratio()
    return Note.AiUse.GENERATED if alike > MOSTLY_THE_WRITERS else Note.AiUse.ASSISTED


def _note_for(draft: Draft, *, at: datetime) -> Note:
    """Return the note that a draft becomes, made now unless somebody just did."""
    brief = draft.brief
    briefs.check_member(brand_id=brief.brand_id, person_id=brief.author_id)
    pictures = lending.lend(
        media_ids=list(
            brief.product.pictures.filter(media__kind="image").values_list("media", flat=True)[:3]
        ),
        owner_id=brief.author_id,
        at=at,
    )
    note = authoring.create_draft(
        author_id=brief.author_id,
        type=Note.Type.IMAGE if pictures else Note.Type.TEXT,
        title=draft.title,
        body=draft.body,
        media_ids=pictures,
        topic_slugs=list(brief.topics.values_list("slug", flat=True)),
        product_ids=[brief.product_id],
        disclosure=Note.Disclosure.AD,
        ai_use=ai_use_of(draft),
        brand_id=brief.brand_id,
        origin=Note.Origin.BRAND,
        at=at,
    )
    return _claim(draft, note, at=at)


@transaction.atomic(durable=True)
def _claim(draft: Draft, note: Note, *, at: datetime) -> Note:
    """Let a draft have its note; of two that were made at once the second goes."""
    locked = _locked(draft.pk)
    if locked.note is not None:
        authoring.move(note, NoteState.DELETED)
        return locked.note
    locked.note = note
    locked.save(update_fields=["note"])
    return note


def _check_may_become(draft: Draft, target: DraftState) -> None:
    if not may_become(draft.state, target):
        raise DraftStateForbids(f"A draft that is {draft.state} cannot become {target}.")


def _draft(draft_id: int) -> Draft:
    found = Draft.objects.select_related("brief__product", "note").filter(pk=draft_id).first()
    if found is None:
        raise NotFound
    return found


def _locked(draft_id: int) -> Draft:
    draft = Draft.objects.locked().filter(pk=draft_id).first()
    if draft is None:
        raise NotFound
    return draft
