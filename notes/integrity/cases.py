"""The queue: notes that a person must look at, by when, and who is looking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from notes.errors import AlreadyReported, CaseClosed, CaseTaken
from notes.integrity import audit
from notes.integrity.types import TAKEN_FOR, USUAL, CaseKind, service_level
from notes.models import Case, Note, Report
from notes.selectors import readable_by
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound


@requires_transaction
def open_case(
    note: Note,
    *,
    kind: CaseKind,
    at: datetime,
    due_at: datetime | None = None,
    findings: Sequence[dict[str, Any]] = (),
) -> Case:
    """Return the note's open case, or open one; it is due when the more urgent of both is.

    Locks: the note, which the caller holds; then the case.
    """
    due_at = due_at or at + USUAL
    case = Case.objects.waiting().filter(note=note).locked().first()
    if case is None:
        case = Case.objects.create(
            note=note, kind=kind, findings=list(findings), opened_at=at, due_at=due_at
        )
        audit.note_down(
            "case_opened", subject=f"case {case.pk}", actor_id=None, at=at, note=note.pk, kind=kind
        )
        return case
    case.due_at = min(case.due_at, due_at)
    case.findings = [*case.findings, *(each for each in findings if each not in case.findings)]
    case.save(update_fields=["due_at", "findings"])
    return case


@transaction.atomic(durable=True)
def report(
    *, note_id: int, reporter_id: int, reason: str, detail: str = "", at: datetime
) -> Report:
    """Say what is wrong with a note that one can read; a person will look at it.

    Locks: the note, then its open case.

    Raises:
        NotFound: the person cannot read such a note.
        AlreadyReported: they reported it, and nobody has decided yet.
    """
    note = readable_by(reporter_id).filter(pk=note_id).locked().first()
    if note is None:
        raise NotFound
    case = open_case(note, kind=CaseKind.REPORTS, at=at, due_at=at + service_level(reason))
    said, is_new = Report.objects.get_or_create(
        case=case,
        reporter_id=reporter_id,
        defaults={"note": note, "reason": reason, "detail": detail, "created_at": at},
    )
    if not is_new:
        raise AlreadyReported
    return said


@transaction.atomic(durable=True)
def take(*, case_id: int, moderator_id: int, at: datetime) -> Case:
    """Take a case for a quarter of an hour, so that no two people decide about it at once.

    Locks: the case.

    Raises:
        NotFound: there is no such case.
        CaseClosed: somebody decided already.
        CaseTaken: somebody else is looking at it.
    """
    case = Case.objects.filter(pk=case_id).locked().first()
    if case is None:
        raise NotFound
    check_free(case, moderator_id=moderator_id, at=at)
    case.taken_by_id, case.taken_until = moderator_id, at + TAKEN_FOR
    case.save(update_fields=["taken_by", "taken_until"])
    audit.note_down("case_taken", subject=f"case {case.pk}", actor_id=moderator_id, at=at)
    return case


def check_free(case: Case, *, moderator_id: int | None, at: datetime) -> None:
    """Refuse a case that is closed or that somebody else is looking at.

    Raises:
        CaseClosed, CaseTaken: that is so.
    """
    if case.closed_at is not None:
        raise CaseClosed
    is_others = case.taken_by_id not in {None, moderator_id}
    if is_others and case.taken_until is not None and case.taken_until > at:
        raise CaseTaken


@requires_transaction
def close_of(note: Note, *, at: datetime) -> None:
    """Close a note's case without a decision: it was deleted, or a person let it out."""
    Case.objects.waiting().filter(note=note).update(closed_at=at)
