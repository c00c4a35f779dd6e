"""Trials: published variants beside each other, the better shown more, with what it rests on."""

from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from redshop.core.db import LockableQuerySet
from redshop.studio.models.briefs import Brief, Draft
from redshop.studio.types import Reward

RUNNING: Final = Q(stopped_at=None)


class TrialQuerySet(LockableQuerySet["Trial"]):
    def running(self) -> "TrialQuerySet":
        """Keep those that go on."""
        return self.filter(RUNNING)


class Trial(models.Model):
    """Thompson sampling over the published variants of a brief, in epochs."""

    id = models.BigAutoField(primary_key=True)
    brief = models.ForeignKey(Brief, on_delete=models.PROTECT, related_name="trials")
    reward = models.CharField(
        max_length=12,
        choices=Reward.choices,
        default=Reward.OPEN,
        help_text="What somebody who saw a variant in explore did with it.",
    )
    epoch_hours = models.PositiveSmallIntegerField(
        default=6, help_text="How long chances hold before they are weighed anew."
    )
    epoch = models.PositiveIntegerField(default=0, editable=False)
    epoch_began_at = models.DateTimeField(editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    started_at = models.DateTimeField(editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[TrialQuerySet] = TrialQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["brief"], condition=RUNNING, name="trial_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(epoch_hours__range=(1, 168)), name="trial_epoch_within_a_week"
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.pk} of brief {self.brief_id}"

    @property
    def group(self) -> str:
        """What the notes know it by."""
        return f"trial {self.pk}"


class Allocation(models.Model):
    """A variant in an epoch: the chance it was offered with, and what came of it."""

    id = models.BigAutoField(primary_key=True)
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="allocations")
    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="allocations")
    epoch = models.PositiveIntegerField()
    propensity = models.FloatField(help_text="The chance with which somebody was offered it.")
    alpha = models.FloatField(help_text="Of the Beta distribution that it was drawn from.")
    beta = models.FloatField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="Empty: the epoch goes on.")
    people = models.PositiveIntegerField(default=0, help_text="Who saw it in explore.")
    successes = models.PositiveIntegerField(default=0, help_text="Who of them did it.")
    is_final = models.BooleanField(
        "final", default=False, help_text="Nothing of the epoch can be reported any more."
    )

    class Meta:
        ordering = ["epoch", "draft_id"]
        constraints = [
            models.UniqueConstraint(fields=["trial", "epoch", "draft"], name="allocation_once"),
            models.CheckConstraint(
                condition=Q(successes__lte=F("people")), name="allocation_successes_within_people"
            ),
            models.CheckConstraint(
                condition=Q(propensity__gt=0, propensity__lte=1),
                name="allocation_propensity_is_a_chance",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="allocation_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="allocation_as_drawn",
                fields=["trial", "draft", "epoch", "propensity", "alpha", "beta", "since"],
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.draft_id} in epoch {self.epoch}"
