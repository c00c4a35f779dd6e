"""The populations that were brought to life here."""

import json
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

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


class Comparison(models.Model):
    """What a scenario came to in memory: its arms, their differences, and what is true of them."""

    id = models.BigAutoField(primary_key=True)
    scenario = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=16, help_text="Of all that the scenario says.")
    seed = models.PositiveBigIntegerField()
    people = models.PositiveIntegerField()
    days = models.PositiveIntegerField()
    replications = models.PositiveIntegerField(help_text="Worlds, each lived in every arm.")
    metric = models.CharField(max_length=40, help_text="What decides.")
    found = models.TextField(blank=True, help_text="A line an arm: its difference in the metric.")
    #: As text, so that arms and metrics keep their order.
    text = models.TextField(help_text="All that is known of it, as JSON; docs/simulation.md.")
    compared_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["-compared_at", "-id"], name="comparison_newest")]

    def __str__(self) -> str:
        return f"{self.scenario}, seed {self.seed}, {self.replications} replications"

    @property
    def document(self) -> dict[str, Any]:
        """All that is known of it."""
        found: dict[str, Any] = json.loads(self.text)
        return found
