"""The ways of ranking explore, what is learned for them, and what is popular."""

from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from redshop.core.db import LockableQuerySet


class RankingPolicyQuerySet(LockableQuerySet["RankingPolicy"]):
    pass


class RankingPolicy(models.Model):
    """A way of ranking explore: a name, a version and its numbers, which never change."""

    id = models.BigAutoField(primary_key=True)
    name = models.SlugField(
        max_length=36, help_text="Arms of the experiment `explore` are called name_vVERSION."
    )
    version = models.PositiveIntegerField()
    since = models.DateField(default=timezone.localdate)
    words = models.TextField(help_text="What it does, for everyone to read at /ranking/policies.")
    numbers = models.JSONField(
        default=dict, help_text="Those that differ from what a policy does unless told otherwise."
    )
    depth = models.PositiveIntegerField(default=200, help_text="So many notes end an answer.")
    is_default = models.BooleanField(
        "default", default=False, help_text="For whoever is in no experiment."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[RankingPolicyQuerySet] = RankingPolicyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "ranking policies"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="ranking_policy_once"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="ranking_policy_default"
            ),
            models.CheckConstraint(
                condition=Q(depth__range=(1, 1_000)), name="ranking_policy_ends"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="ranking_policy_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__name__df=pgtrigger.F("new__name"))
                | pgtrigger.Q(old__version__df=pgtrigger.F("new__version"))
                | pgtrigger.Q(old__numbers__df=pgtrigger.F("new__numbers"))
                | pgtrigger.Q(old__depth__df=pgtrigger.F("new__depth"))
                | pgtrigger.Q(old__words__df=pgtrigger.F("new__words")),
            ),
            pgtrigger.Protect(name="ranking_policy_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.name}_v{self.version}"


class LearnedModel(models.Model):
    """What was learned from shown notes about what people do with them, and how it fared."""

    id = models.BigAutoField(primary_key=True)
    learned_at = models.DateTimeField()
    impressions = models.PositiveIntegerField(help_text="That it was learned from.")
    held_out = models.PositiveIntegerField(help_text="That it was judged by.")
    heads = models.JSONField(help_text="Intercept and coefficients of each outcome, by signal.")
    judged = models.JSONField(
        help_text="Opens an impression, estimated from what was held out, less each formula's."
    )
    is_used = models.BooleanField(help_text="Only where it beats every formula beyond doubt.")

    def __str__(self) -> str:
        return f"Model of {self.learned_at:%Y-%m-%d %H:%M}"


class Chart(models.Model):
    """The notes that most people lately interacted with: over all, or of a topic; best first."""

    id = models.BigAutoField(primary_key=True)
    topic = models.OneToOneField(
        "notes.Topic", on_delete=models.CASCADE, null=True, related_name="chart"
    )
    note_ids = ArrayField(models.BigIntegerField())
    people = ArrayField(
        models.PositiveIntegerField(),
        help_text="How many people interacted with each lately; over all: how often they did.",
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic"], nulls_distinct=False, name="chart_once_a_topic"
            )
        ]

    def __str__(self) -> str:
        return f"Chart of {self.topic or 'all'}"


class PreparedPool(models.Model):
    """The newest and the trending notes of topics, as every process reads them: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    prepared_at = models.DateTimeField()
    content = models.BinaryField(help_text="Arrays; see notes.discovery.offers.")

    def __str__(self) -> str:
        return f"Pool of {self.prepared_at:%Y-%m-%d %H:%M:%S}"


class ExposureGrant(models.Model):
    """Places that a new note was given to be seen in, and why it went on or stopped."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "being shown"
        GOES_ON = "goes_on", "goes on: opened as often as others"
        STOPPED = "stopped", "stopped: opened less often than others"
        FOUND = "found", "has found its readers"
        EXPIRED = "expired", "too old before it was shown as often as granted"
        GONE = "gone", "no longer published"

    id = models.BigAutoField(primary_key=True)
    note_id = models.BigIntegerField(db_index=True)
    stage = models.PositiveSmallIntegerField(default=1)
    granted = models.PositiveIntegerField(help_text="Impressions.")
    is_small_creator = models.BooleanField(help_text="Fewer than 1,000 followed when granted.")
    granted_at = models.DateTimeField()
    impressions = models.PositiveIntegerField(default=0, help_text="Since it was granted.")
    opens = models.PositiveIntegerField(default=0, help_text="People who opened it since.")
    usual_rate = models.FloatField(
        null=True, help_text="Opens an impression of all notes, when it was decided."
    )
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.RUNNING)
    reason = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["note_id", "stage"], name="grant_once_a_stage"),
            models.CheckConstraint(
                condition=Q(outcome="running", decided_at=None)
                | (~Q(outcome="running") & Q(decided_at__isnull=False)),
                name="grant_decided",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["note_id"], condition=Q(outcome="running"), name="grant_running")
        ]

    def __str__(self) -> str:
        return f"note {self.note_id}, stage {self.stage}"


class LargeCreator(models.Model):
    """An author whom a thousand people or more follow; everybody else is a small creator."""

    author_id = models.BigIntegerField(primary_key=True)
    followers = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.author_id}: {self.followers}"
