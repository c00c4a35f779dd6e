"""Notes that stand in for one another: of each group explore offers a viewer one."""

from django.db import models
from django.db.models import Q

from notes.models.notes import Note


class Alternative(models.Model):
    """A note of a group, and the chance with which it is the one that somebody is offered.

    Who is offered which is a hash of the viewer, the group and the epoch, so that nothing is drawn
    twice and nothing need be kept of anybody.
    """

    note = models.OneToOneField(
        Note, on_delete=models.CASCADE, primary_key=True, related_name="alternative"
    )
    group = models.CharField(max_length=40, db_index=True)
    epoch = models.PositiveIntegerField(help_text="Chances hold for an epoch; then all draw anew.")
    propensity = models.FloatField(help_text="The chance with which it is offered.")
    since = models.DateTimeField(help_text="When the epoch began.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(propensity__gte=0) & Q(propensity__lte=1),
                name="alternative_propensity_is_a_chance",
            )
        ]

    def __str__(self) -> str:
        return f"{self.note_id} of {self.group}, {self.propensity:.0%}"
