"""Whether notes may be shown: reports, cases, decisions, appeals, and what they are judged by."""

from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from notes.integrity.types import Action, CaseKind, Reason
from notes.models.notes import Note
from redshop.catalog.models import Brand
from redshop.core.data_map import UNLESS_ERASING
from redshop.core.db import LockableQuerySet

APPEND_ONLY: Final = pgtrigger.Update | pgtrigger.Delete


class NoteLikeness(models.Model):
    """What a published note is recognised by when somebody else publishes it again."""

    note = models.OneToOneField(
        Note, on_delete=models.CASCADE, primary_key=True, related_name="likeness"
    )
    signature = ArrayField(models.BigIntegerField(), default=list)
    bands = ArrayField(models.IntegerField(), default=list)
    pictures = ArrayField(models.BigIntegerField(), default=list)
    picture_bands = ArrayField(models.IntegerField(), default=list)

    class Meta:
        verbose_name_plural = "likenesses"
        indexes = [
            GinIndex(fields=["bands"], name="note_likeness_bands"),
            GinIndex(fields=["picture_bands"], name="note_likeness_pictures"),
        ]

    def __str__(self) -> str:
        return f"likeness of {self.note_id}"


class BlockedPicture(models.Model):
    """A picture that no note may show again."""

    id = models.BigAutoField(primary_key=True)
    fingerprint = models.BigIntegerField(unique=True)
    why = models.CharField(max_length=200)
    blocked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.why


class CaseQuerySet(LockableQuerySet["Case"]):
    def waiting(self) -> "CaseQuerySet":
        """Keep what nobody has decided yet."""
        return self.filter(closed_at=None)


class Case(models.Model):
    """A note that a person must look at, and until when."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="cases")
    kind = models.CharField(max_length=7, choices=CaseKind.choices)
    findings = models.JSONField(
        default=list, help_text="Rules that it breaks: key, version, what says so."
    )
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="By the gravest reason given.")
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who is looking at it.",
    )
    taken_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[CaseQuerySet] = CaseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["note"], condition=Q(closed_at=None), name="case_one_open_a_note"
            ),
            models.CheckConstraint(
                condition=Q(taken_by=None, taken_until=None) | Q(taken_until__isnull=False),
                name="case_taken_for_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(closed_at=None), name="case_queue"),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


class Report(models.Model):
    """A person who says what is wrong with a note."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reports"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="reports")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    detail = models.CharField(max_length=1_000, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reporter"], name="report_once_a_case")
        ]

    def __str__(self) -> str:
        return f"{self.reason} of {self.note_id}"


class Decision(models.Model):
    """What was decided about a note, by whom, by which rule and why; append-only."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="decisions")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    case = models.ForeignKey(
        Case, on_delete=models.SET_NULL, null=True, blank=True, related_name="decisions"
    )
    action = models.CharField(max_length=9, choices=Action.choices)
    rule = models.CharField(max_length=40, blank=True, help_text="Key of the rule it rests on.")
    rule_version = models.PositiveIntegerField(null=True, blank=True)
    grounds = models.CharField(max_length=1_000, help_text="What the author is told.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where a rule decided alone.",
    )
    decided_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["author", "-id"], name="decision_of_author"),
            models.Index(fields=["-decided_at"], name="decision_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("author")),
                name="decision_by_another",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="decision_append_only", operation=APPEND_ONLY, condition=UNLESS_ERASING
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.note_id}"


class Appeal(models.Model):
    """An author who says that a decision is wrong; another person looks again."""

    id = models.BigAutoField(primary_key=True)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="appeals")
    reason = models.CharField(max_length=1_000)
    created_at = models.DateTimeField()
    outcome = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="of_appeal"
    )

    def __str__(self) -> str:
        return f"appeal against {self.decision_id}"


class BrandViolation(models.Model):
    """Points that a brand has for a note that was taken down; kept, also when taken back."""

    id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="violations")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="violation")
    points = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="When the note was reinstated."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(points__in=[2, 4, 6, 8, 10]), name="brand_violation_points"
            )
        ]
        triggers = [
            pgtrigger.Protect(name="brand_violation_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="brand_violation_as_given", exclude=["withdrawn_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.points} points for {self.brand_id}"


class BrandStanding(models.Model):
    """The points that a brand has now, and what follows from them."""

    brand = models.OneToOneField(
        Brand, on_delete=models.CASCADE, primary_key=True, related_name="standing"
    )
    points = models.PositiveSmallIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.points} points"


class AuditEntry(models.Model):
    """Something that was done about content, by whom and when; append-only."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where a rule acted alone.",
    )
    action = models.CharField(max_length=24)
    subject = models.CharField(max_length=40, help_text="What it was done to, such as note 7.")
    details = models.JSONField(default=dict, help_text="Numbers and keys; nobody's words.")

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at"], name="audit_newest"),
            models.Index(fields=["subject", "-id"], name="audit_of_subject"),
        ]
        triggers = [pgtrigger.Protect(name="audit_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
