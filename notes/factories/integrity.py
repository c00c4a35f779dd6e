"""Reports, cases and decisions, for tests and for developers."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from notes.factories.notes import NoteFactory
from notes.integrity.types import USUAL, Action, CaseKind, Reason
from notes.models import (
    Appeal,
    AuditEntry,
    BlockedPicture,
    BrandStanding,
    BrandViolation,
    Case,
    Decision,
    NoteLikeness,
    Report,
)
from redshop.accounts.factories import UserFactory
from redshop.catalog.factories import BrandFactory


class NoteLikenessFactory(DjangoModelFactory[NoteLikeness]):
    """What a note is recognised by: one picture."""

    class Meta:
        model = NoteLikeness

    note = factory.SubFactory(NoteFactory, state="draft")
    pictures = factory.LazyFunction(lambda: [0x0F0F0F0F0F0F0F0F])


class BlockedPictureFactory(DjangoModelFactory[BlockedPicture]):
    """A picture that no note may show again."""

    class Meta:
        model = BlockedPicture

    fingerprint = factory.Sequence(lambda n: 0x3C3C3C3C3C3C0000 + n)
    why = "It was somebody else's."
    blocked_at = factory.LazyFunction(timezone.now)


class CaseFactory(DjangoModelFactory[Case]):
    """A note that waits for a person, a day from now at the latest."""

    class Meta:
        model = Case

    note = factory.SubFactory(NoteFactory)
    kind = CaseKind.REPORTS
    opened_at = factory.LazyFunction(timezone.now)
    due_at = factory.LazyAttribute(lambda case: case.opened_at + USUAL)


class ReportFactory(DjangoModelFactory[Report]):
    """Somebody says that a note is a covert advertisement."""

    class Meta:
        model = Report

    note = factory.SubFactory(NoteFactory)
    reporter = factory.SubFactory(UserFactory)
    case = factory.SubFactory(CaseFactory, note=factory.SelfAttribute("..note"))
    reason = Reason.COVERT_AD
    created_at = factory.LazyFunction(timezone.now)


class DecisionFactory(DjangoModelFactory[Decision]):
    """A note was taken down for what it claims."""

    class Meta:
        model = Decision

    note = factory.SubFactory(NoteFactory)
    author = factory.SelfAttribute("note.author")
    action = Action.TAKE_DOWN
    rule = "healing_claims"
    rule_version = 1
    grounds = "It says that it cures."
    decided_by = factory.SubFactory(UserFactory, is_moderator=True)
    decided_at = factory.LazyFunction(timezone.now)


class AppealFactory(DjangoModelFactory[Appeal]):
    """An author says that a decision is wrong."""

    class Meta:
        model = Appeal

    decision = factory.SubFactory(DecisionFactory)
    case = factory.SubFactory(CaseFactory, note=factory.SelfAttribute("..decision.note"))
    reason = "It is what the doctor said."
    created_at = factory.LazyFunction(timezone.now)


class BrandViolationFactory(DjangoModelFactory[BrandViolation]):
    """Two points of a brand."""

    class Meta:
        model = BrandViolation

    brand = factory.SubFactory(BrandFactory)
    decision = factory.SubFactory(DecisionFactory)
    points = 2
    at = factory.LazyFunction(timezone.now)


class BrandStandingFactory(DjangoModelFactory[BrandStanding]):
    """A brand that was warned."""

    class Meta:
        model = BrandStanding

    brand = factory.SubFactory(BrandFactory)
    points = 2
    counted_at = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1))


class AuditEntryFactory(DjangoModelFactory[AuditEntry]):
    """A case was opened."""

    class Meta:
        model = AuditEntry

    at = factory.LazyFunction(timezone.now)
    action = "case_opened"
    subject = "case 1"
