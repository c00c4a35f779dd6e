"""What is learned from who went to which notes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class NeighbourRun(models.Model):
    """A time that neighbours were learned, what from, and whether they earned their place."""

    id = models.BigAutoField(primary_key=True)
    learned_at = models.DateTimeField()
    people = models.PositiveIntegerField()
    notes = models.PositiveIntegerField()
    visits = models.PositiveIntegerField()
    gain = models.FloatField(help_text="NDCG@10 on a fifth of the visits, held out.")
    gain_of_popularity = models.FloatField(help_text="The same, of showing what most went to.")
    is_used = models.BooleanField(help_text="Only where it finds more than popularity does.")

    class Meta:
        verbose_name = "learning of neighbours"
        verbose_name_plural = "learnings of neighbours"

    def __str__(self) -> str:
        return f"Neighbours of {self.learned_at:%Y-%m-%d %H:%M}"


class NoteNeighbours(models.Model):
    """The notes that having gone to one speaks for most, best first, and how much for each."""

    note_id = models.BigIntegerField(primary_key=True)
    neighbour_ids = ArrayField(models.BigIntegerField())
    weights = ArrayField(models.FloatField())

    class Meta:
        verbose_name_plural = "neighbours of notes"

    def __str__(self) -> str:
        return f"neighbours of {self.note_id}"
