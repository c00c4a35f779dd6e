"""What was computed or sealed and kept: insights, and the manifests of notes."""

import pgtrigger
from django.db import models

from notes.models import Note


class InsightReport(models.Model):
    """Which attributes moved what, by the notes of some time."""

    id = models.BigAutoField(primary_key=True)
    population = models.CharField(max_length=9)
    since = models.DateTimeField("published from")
    until = models.DateTimeField("published to", help_text="Excluded.")
    version = models.PositiveSmallIntegerField("version of the definition")
    notes = models.JSONField(default=dict, help_text="How many of each origin.")
    document = models.JSONField(help_text="Scope and findings, as they are exported.")
    computed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["population", "-computed_at"], name="insight_newest")]

    def __str__(self) -> str:
        return f"{self.population}, up to {self.until:%d %b %Y}"


class Manifest(models.Model):
    """Where a note comes from, sealed when it was published: shaped as C2PA shapes its claims."""

    note = models.OneToOneField(
        Note, on_delete=models.CASCADE, primary_key=True, related_name="manifest"
    )
    document = models.JSONField()
    seal = models.CharField(max_length=80)
    made_at = models.DateTimeField()

    class Meta:
        triggers = [pgtrigger.Protect(name="manifest_as_sealed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"manifest of note {self.note_id}"
