"""Decisions about notes: by a person, with reasons, told to the author, who may appeal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from notes.errors import AlreadyAppealed, DecidesAboutOneself, NotAppealable, NoteStateForbids
from notes.integrity import audit, brands, cases, labels
from notes.integrity.rules import rules
from notes.integrity.types import APPEAL_DAYS, APPEALABLE, OF_APPEALS, Action, CaseKind
from notes.models import Appeal, Case, Decision, Note
from notes.services import authoring, counts
from notes.states import NoteState
from redshop.accounts.models import Notification
from redshop.accounts.services import notifications
from redshop.core.errors import NotFound

#: What an action asks of the note's state.
_FROM: Final = {
    Action.PUBLISH: NoteState.IN_REVIEW,
    Action.REFUSE: NoteState.IN_REVIEW,
    Action.TAKE_DOWN: NoteState.PUBLISHED,
    Action.REINSTATE: NoteState.TAKEN_DOWN,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What is decided about a note, by whom, and the reasons that its author is given.

    ``rule`` is the key of one of the rules, or empty where none of them but the grounds say why.
    """

    action: Action
    grounds: str
    by_id: int | None
    rule: str = ""


def allowed(note: Note) -> frozenset[Action]:
    """Return the decisions that a note's state allows."""
    return frozenset(action for action in Action if _FROM.get(action, note.state) == note.state)


@transaction.atomic(durable=True)
def decide(*, note_id: int, statement: Statement, at: datetime) -> Decision:
    """Decide about a note, close its open case and its appeals, and tell its author.

    Reinstated, a note has its place and its counters again, and the brand its points.

    Locks: the note, then its open case.

    Raises:
        NotFound: there is no such note.
        NoteStateForbids: its state does not allow this.
        DecidesAboutOneself: whoever decides wrote it, or took the decision that is appealed.
        CaseTaken: somebody else is looking at it.
        DisclosureRequired: it would be shown without the label that it needs.
    """
    note = Note.objects.existing().filter(pk=note_id).locked().first()
    if note is None:
        raise NotFound
    wanted = _FROM.get(statement.action)
    if wanted is not None and note.state != wanted:
        said = note.state.replace("_", " ")
        raise NoteStateForbids(f"A note that is {said} cannot get this decision.")
    case = Case.objects.waiting().filter(note=note).locked().first()
    appeals = list(Appeal.objects.filter(case=case, outcome=None)) if case else []
    _check_by(note, case, appeals, by_id=statement.by_id, at=at)
    decided = _write(note, case, statement, at=at)
    _carry_out(note, decided, at=at)
    if case is not None:
        case.closed_at = at
        case.save(update_fields=["closed_at"])
    Appeal.objects.filter(pk__in=[appeal.pk for appeal in appeals]).update(outcome=decided)
    _tell(decided, appeals, at=at)
    return decided


def _check_by(
    note: Note, case: Case | None, appeals: list[Appeal], *, by_id: int | None, at: datetime
) -> None:
    if case is not None:
        cases.check_free(case, moderator_id=by_id, at=at)
    judged_before = {appeal.decision.decided_by_id for appeal in appeals} - {None}
    if by_id is not None and (by_id == note.author_id or by_id in judged_before):
        raise DecidesAboutOneself


def _write(note: Note, case: Case | None, statement: Statement, *, at: datetime) -> Decision:
    versions = {rule.key: rule.version for rule in rules()}
    decided = Decision.objects.create(
        note=note,
        author_id=note.author_id,
        case=case,
        action=statement.action,
        rule=statement.rule,
        rule_version=versions.get(statement.rule),
        grounds=statement.grounds,
        decided_by_id=statement.by_id,
        decided_at=at,
    )
    audit.note_down(
        f"decided_{statement.action}",
        subject=f"note {note.pk}",
        actor_id=statement.by_id,
        at=at,
        decision=decided.pk,
        rule=statement.rule,
    )
    return decided


def _carry_out(note: Note, decided: Decision, *, at: datetime) -> None:
    match decided.action:
        case Action.PUBLISH:
            authoring.let_out(note, at=at)
        case Action.REFUSE:
            authoring.move(note, NoteState.DRAFT)
        case Action.TAKE_DOWN:
            authoring.move(note, NoteState.TAKEN_DOWN)
            brands.charge(decided)
        case Action.REINSTATE:
            labels.check_disclosure(note)
            authoring.move(note, NoteState.PUBLISHED)
            counts.count([note.pk])
            for earlier in note.decisions.filter(action=Action.TAKE_DOWN):
                brands.take_back(earlier, at=at)


def _tell(decided: Decision, appeals: list[Appeal], *, at: datetime) -> None:
    """Tell the author; of a note that was left as it is, only whoever appealed."""
    if decided.action == Action.KEEP and not appeals:
        return
    notifications.notify(
        recipient_id=decided.author_id,
        kind=Notification.Kind.DECISION,
        subject={"decision_id": decided.pk, "note_id": decided.note_id, "action": decided.action},
        at=at,
    )


@transaction.atomic(durable=True)
def appeal(*, decision_id: int, author_id: int, reason: str, at: datetime) -> Appeal:
    """Say that a decision about one's own note is wrong; another person looks at it again.

    Locks: the note, then its open case.

    Raises:
        NotFound: there is no such decision about this person's notes.
        NotAppealable: it took nothing from them, or is older than half a year, or the note has
            been changed by a later decision.
        AlreadyAppealed: it was.
    """
    decided = Decision.objects.filter(pk=decision_id, author=author_id).first()
    if decided is None:
        raise NotFound
    note = Note.objects.filter(pk=decided.note_id).locked().get()
    latest = note.decisions.latest("pk")
    if Appeal.objects.filter(decision=decided).exists():
        raise AlreadyAppealed
    is_late = at > decided.decided_at + APPEAL_DAYS
    if decided.action not in APPEALABLE or is_late or latest != decided:
        raise NotAppealable
    case = cases.open_case(note, kind=CaseKind.APPEAL, at=at, due_at=at + OF_APPEALS)
    audit.note_down("appealed", subject=f"decision {decided.pk}", actor_id=author_id, at=at)
    return Appeal.objects.create(decision=decided, case=case, reason=reason, created_at=at)
