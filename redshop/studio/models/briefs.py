"""Briefs, and what writers and editors made of them."""

from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from notes.models import Note, Topic
from redshop.catalog.models import Brand, Product
from redshop.core.db import LockableQuerySet
from redshop.studio.states import EDGES, WRITING_EDGES, DraftState, Writing
from redshop.studio.types import Language, Segment, Tone

MOST_VARIANTS: Final = 6
APPEND_ONLY: Final = pgtrigger.Update | pgtrigger.Delete


class Brief(models.Model):
    """What is to be written: about which product, for whom, how, and what may be claimed."""

    id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="briefs")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="briefs")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="briefs",
        help_text="Who works for the brand and in whose name the notes appear.",
    )
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.ZH)
    audience = models.CharField(
        max_length=200, blank=True, help_text="Whom it is for, in a sentence; never one person."
    )
    segments = ArrayField(
        models.CharField(max_length=9, choices=Segment.choices),
        default=list,
        help_text="Each gets variants of its own.",
    )
    tone = models.CharField(max_length=7, choices=Tone.choices, default=Tone.PLAIN)
    claims = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="What may be said of the product, and can be proven: one claim a line. Numbers "
        "that are not among them are objected to.",
    )
    variants = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_VARIANTS)],
        help_text="How many for each segment.",
    )
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")
    lessons = models.JSONField(
        default=list,
        editable=False,
        help_text="What insight and earlier trials taught, as it was when the brief was opened.",
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    opened_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(variants__range=(1, MOST_VARIANTS)), name="brief_variants_within"
            )
        ]

    def __str__(self) -> str:
        return f"brief {self.pk}"


class WritingJobQuerySet(LockableQuerySet["WritingJob"]):
    pass


class WritingJob(models.Model):
    """One request to a writer for the variants of a brief, and how it went."""

    id = models.BigAutoField(primary_key=True)
    brief = models.ForeignKey(Brief, on_delete=models.CASCADE, related_name="jobs")
    writer = models.CharField(max_length=20, help_text="grammar: offline patterns, no model.")
    model = models.CharField(max_length=120, blank=True)
    prompt = models.TextField(blank=True)
    prompt_hash = models.CharField("SHA-256 of the prompt", max_length=64, blank=True)
    state = models.CharField(
        max_length=7,
        choices=[(state.value, state.value) for state in Writing],
        default=Writing.WAITING.value,
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Not tried before; while it runs, when it is lost.")
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[WritingJobQuerySet] = WritingJobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], ended_at__isnull=False)
                | Q(state__in=["waiting", "running"], ended_at=None),
                name="writing_job_end_has_moment",
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["waiting", "running"]),
                name="writing_job_due",
            )
        ]
        triggers = [
            pgtrigger.FSM(name="writing_job_edges", field="state", transitions=WRITING_EDGES)
        ]

    def __str__(self) -> str:
        return f"{self.writer} for brief {self.brief_id}"


class DraftQuerySet(LockableQuerySet["Draft"]):
    pass


class Draft(models.Model):
    """A variant: what it says now, what it is like, and who let it out."""

    id = models.BigAutoField(primary_key=True)
    brief = models.ForeignKey(Brief, on_delete=models.PROTECT, related_name="drafts")
    job = models.ForeignKey(WritingJob, on_delete=models.PROTECT, related_name="drafts")
    segment = models.CharField(max_length=9, choices=Segment.choices)
    title = models.CharField(max_length=100)
    body = models.TextField(max_length=5_000)
    attributes = models.JSONField(default=dict, editable=False)
    objections = models.JSONField(default=list, editable=False)
    state = models.CharField(
        max_length=9,
        choices=[(state.value, state.value) for state in DraftState],
        default=DraftState.WRITTEN.value,
        editable=False,
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        editable=False,
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    note = models.OneToOneField(
        Note, on_delete=models.PROTECT, null=True, related_name="studio_draft", editable=False
    )
    published_at = models.DateTimeField(null=True, editable=False)
    written_at = models.DateTimeField(editable=False)

    objects: ClassVar[DraftQuerySet] = DraftQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "published"])
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="draft_approved_by_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="published") | Q(note__isnull=False, published_at__isnull=False),
                name="draft_published_has_note",
            ),
        ]
        triggers = [pgtrigger.FSM(name="draft_state_edges", field="state", transitions=EDGES)]

    def __str__(self) -> str:
        return self.title


class Revision(models.Model):
    """What a draft said at some time: the first is the writer's, the others are editors'."""

    id = models.BigAutoField(primary_key=True)
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=100)
    body = models.TextField(max_length=5_000)
    editor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        help_text="Empty: the writer.",
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="revision_once"),
            models.CheckConstraint(
                condition=Q(number=0, editor=None) | Q(number__gt=0, editor__isnull=False),
                name="revision_first_is_the_writers",
            ),
        ]
        triggers = [pgtrigger.Protect(name="revision_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"revision {self.number} of draft {self.draft_id}"
