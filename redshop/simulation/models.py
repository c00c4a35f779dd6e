"""The populations that were brought to life here."""

import json
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from notes.models import Note
from orders.models import Order
from redshop.core.db import LockableQuerySet


class RunState(models.TextChoices):
    RUNNING = "running"
    COMPLETE = "complete"


class SimulationRunQuerySet(LockableQuerySet["SimulationRun"]):
    pass


class SimulationRun(models.Model):
    """A simulated population: its seed, its window, and how far its days have been lived."""

    id = models.BigAutoField(primary_key=True)
    seed = models.PositiveBigIntegerField(unique=True, help_text="One seed, one population.")
    people = models.PositiveIntegerField()
    days = models.PositiveIntegerField()
    scenario = models.CharField(max_length=40)
    arm = models.CharField(
        max_length=80, blank=True, help_text="That was lived in memory and planted here."
    )
    thinned = models.PositiveIntegerField(
        default=0, help_text="One of so many exposures was planted; 0: it was lived here."
    )
    declaration = models.CharField(
        max_length=300, help_text="What this population deviates in from the calibration."
    )
    since_at = models.DateTimeField(help_text="Simulated midnight at which the first day begins.")
    until_at = models.DateTimeField(help_text="Simulated midnight at which the last day ends.")
    state = models.CharField(max_length=8, choices=RunState.choices, default=RunState.RUNNING)
    days_done = models.PositiveIntegerField(default=0)
    is_in_day = models.BooleanField(
        default=False, help_text="The day after the last whole one has begun."
    )
    agenda = models.JSONField(
        default=dict,
        blank=True,
        encoder=DjangoJSONEncoder,
        help_text="What was still to happen after the last whole day; empty once complete.",
    )
    summary = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[SimulationRunQuerySet] = SimulationRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(days_done__lte=F("days")), name="simulation_days_within_window"
            ),
            models.CheckConstraint(
                condition=Q(state=RunState.COMPLETE, finished_at__isnull=False)
                | Q(state=RunState.RUNNING, finished_at=None),
                name="simulation_complete_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(until_at__gt=F("since_at")), name="simulation_window_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.people} people, {self.days} days, seed {self.seed}"


class Cause(models.Model):
    """What a planted order is owed to: a note, or nothing but the buyer's own wish.

    The shares of an order add up to one: they are parts of the chance with which it was placed.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(SimulationRun, models.CASCADE, related_name="causes")
    order = models.ForeignKey(Order, models.CASCADE, related_name="+", db_index=False)
    note = models.ForeignKey(
        Note,
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="Empty: it would have been bought anyway.",
    )
    share = models.FloatField(help_text="Of the chance with which it was placed (Shapley value).")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "note"], nulls_distinct=False, name="cause_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.share:.3f} of order {self.order_id}"


class WrittenScenario(models.Model):
    """A scenario as TOML: one of the project's, or one that somebody wrote here."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80, unique=True)
    question = models.CharField(max_length=300, blank=True)
    text = models.TextField(verbose_name="as TOML", help_text="docs/simulation.md")
    is_ready = models.BooleanField(
        default=False, verbose_name="of the project", help_text="Such a one is changed in its file."
    )
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "scenario"

    def __str__(self) -> str:
        return self.name


class ComparisonState(models.TextChoices):
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    COMPLETE = "complete"


class ComparisonQuerySet(LockableQuerySet["Comparison"]):
    pass


class Comparison(models.Model):
    """A scenario whose arms are compared in memory: what was asked, and what it came to.

    Its replications are lived by whoever is there to, one at a time (``Replicate``).
    """

    id = models.BigAutoField(primary_key=True)
    scenario = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=16, help_text="Of all that the scenario says.")
    code = models.CharField(max_length=16, help_text="A digest of the code that lives it.")
    said = models.TextField(help_text="The scenario, as JSON, with its arms in their order.")
    seed = models.PositiveBigIntegerField(help_text="Same seed, same numbers.")
    people = models.PositiveIntegerField()
    days = models.PositiveIntegerField()
    metric = models.CharField(max_length=40, help_text="What decides.")
    planned = models.PositiveIntegerField(help_text="Worlds, each lived in every arm, at most.")
    half_width = models.FloatField(
        null=True, blank=True, help_text="Enough once every difference is known within this share."
    )
    swept = models.PositiveIntegerField(
        default=0, help_text="Replications at either end of every assumption."
    )
    state = models.CharField(
        max_length=8, choices=ComparisonState.choices, default=ComparisonState.RUNNING
    )
    trouble = models.TextField(blank=True, help_text="Why it failed.")
    begun_at = models.DateTimeField()
    compared_at = models.DateTimeField(null=True, blank=True)
    replications = models.PositiveIntegerField(default=0, help_text="How many worlds there were.")
    found = models.TextField(blank=True, help_text="A line an arm: its difference in the metric.")
    #: As text, so that arms and metrics keep their order.
    text = models.TextField(blank=True, help_text="All that is known of it, as JSON.")
    parquet = models.CharField(
        max_length=200, blank=True, help_text="Where the replications lie in the lake."
    )

    objects: ClassVar[ComparisonQuerySet] = ComparisonQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(state=ComparisonState.COMPLETE) & Q(compared_at__isnull=False))
                | (~Q(state=ComparisonState.COMPLETE) & Q(compared_at=None)),
                name="comparison_complete_has_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["-begun_at", "-id"], name="comparison_newest"),
            models.Index(
                fields=["id"],
                condition=Q(state=ComparisonState.RUNNING),
                name="comparison_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scenario}, seed {self.seed}"

    @property
    def document(self) -> dict[str, Any]:
        """All that is known of it, once it is complete."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class Replicate(models.Model):
    """One world of a comparison: to be lived, or what it came to."""

    id = models.BigAutoField(primary_key=True)
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="replicates")
    key = models.CharField(
        max_length=60, blank=True, help_text="The assumption that is swept; empty: none."
    )
    value = models.FloatField(default=0.0, help_text="What the assumption is instead.")
    number = models.PositiveIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    begun_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    host = models.CharField(max_length=120, blank=True, help_text="Who lived it last.")
    result = models.TextField(blank=True, help_text="What it came to, as JSON.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "key", "value", "number"], name="replicate_once"
            ),
            models.CheckConstraint(
                condition=Q(done_at=None) | ~Q(result=""), name="replicate_done_has_result"
            ),
        ]
        indexes = [
            models.Index(
                fields=["comparison", "id"], condition=Q(done_at=None), name="replicate_undone"
            )
        ]

    def __str__(self) -> str:
        changed = f", {self.key} {self.value:g}" if self.key else ""
        return f"replication {self.number}{changed}"
