"""Experiments: what is compared, and who saw what first."""

from typing import ClassVar, Final
from uuid import uuid4

import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from redshop.core.data_map import UNLESS_ERASING
from redshop.core.db import LockableQuerySet
from redshop.core.populations import Population
from redshop.experiments.assignment import WHOLE


class State(models.TextChoices):
    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class Metric(models.TextChoices):
    """What an experiment can be judged by."""

    CONVERSION = "conversion", "share of people who bought"
    ORDERS = "orders", "orders a person"
    NET_REVENUE = "net_revenue", "net revenue a person"
    OPEN_RATE = "open_rate", "opens an impression"
    NET_PER_ORDER = "net_per_order", "net revenue an order"


EDGES: Final = [
    (State.DRAFT.value, State.RUNNING.value),
    (State.RUNNING.value, State.STOPPED.value),
]
_ARMS_ARE_FIXED: Final = """
IF (SELECT state FROM experiments_experiment
    WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.experiment_id ELSE NEW.experiment_id END)
   <> 'draft' THEN
    RAISE EXCEPTION 'the arms of an experiment that has started cannot change';
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""


def new_salt() -> str:
    """Return a salt that no other experiment has."""
    return uuid4().hex


class ExperimentQuerySet(LockableQuerySet["Experiment"]):
    pass


class Experiment(models.Model):
    """A comparison of arms, each seen by people that a hash assigned to it."""

    id = models.BigAutoField(primary_key=True)
    key = models.SlugField(max_length=60, unique=True, help_text="By which code asks for the arm.")
    name = models.CharField(max_length=120)
    hypothesis = models.TextField(blank=True, help_text="What is expected, written before.")
    salt = models.CharField(
        max_length=40, default=new_salt, help_text="Two experiments with one salt share their arms."
    )
    share = models.PositiveIntegerField(
        default=WHOLE, help_text="How many of 10,000 people take part; the others see no arm."
    )
    primary_metric = models.CharField(
        max_length=16,
        choices=Metric.choices,
        default=Metric.CONVERSION,
        help_text="What decides; the others are corrected for being many.",
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ExperimentQuerySet] = ExperimentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(share__range=(1, WHOLE)), name="experiment_share"),
            models.CheckConstraint(
                condition=Q(state="draft", started_at=None, stopped_at=None)
                | Q(state="running", started_at__isnull=False, stopped_at=None)
                | Q(state="stopped", started_at__isnull=False, stopped_at__isnull=False),
                name="experiment_moments_follow_state",
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="experiment_edges", field="state", transitions=EDGES),
            pgtrigger.Protect(
                name="experiment_fixed_once_started",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="draft")
                & (
                    pgtrigger.Q(old__salt__df=pgtrigger.F("new__salt"))
                    | pgtrigger.Q(old__share__df=pgtrigger.F("new__share"))
                    | pgtrigger.Q(old__primary_metric__df=pgtrigger.F("new__primary_metric"))
                    | pgtrigger.Q(old__key__df=pgtrigger.F("new__key"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Arm(models.Model):
    """One of the things that are compared; the control is what there was before."""

    id = models.BigAutoField(primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    key = models.SlugField(max_length=40)
    weight = models.PositiveIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="How often, beside the others."
    )
    is_control = models.BooleanField("control", default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "key"], name="arm_once"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(is_control=True), name="arm_one_control"
            ),
            models.CheckConstraint(condition=Q(weight__gte=1), name="arm_weight"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="arms_are_fixed",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=_ARMS_ARE_FIXED,
            )
        ]

    def __str__(self) -> str:
        return self.key


class Exposure(models.Model):
    """When somebody was first shown an arm; append-only."""

    id = models.BigAutoField(primary_key=True)
    experiment = models.ForeignKey(
        Experiment, on_delete=models.PROTECT, related_name="exposures", db_index=False
    )
    arm = models.ForeignKey(Arm, on_delete=models.PROTECT, related_name="exposures")
    person_id = models.BigIntegerField(null=True, blank=True)
    visitor_id = models.UUIDField(null=True, blank=True)
    population = models.CharField(max_length=9, choices=Population.choices)
    exposed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "person_id"],
                condition=Q(person_id__isnull=False),
                name="exposure_once_a_person",
            ),
            models.UniqueConstraint(
                fields=["experiment", "visitor_id"],
                condition=Q(person_id=None),
                name="exposure_once_a_visitor",
            ),
            models.CheckConstraint(
                condition=Q(person_id__isnull=False) | Q(visitor_id__isnull=False),
                name="exposure_of_somebody",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="exposure_append_only",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=UNLESS_ERASING,
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id or self.visitor_id}: {self.arm_id}"
