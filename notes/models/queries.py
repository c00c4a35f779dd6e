"""What people search for, and what else their words mean."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class Synonym(models.Model):
    """Words that mean the same: who searches for one finds the others too."""

    id = models.BigAutoField(primary_key=True)
    words = ArrayField(
        models.CharField(max_length=40),
        help_text="Separated by commas; one may be several words: sun cream, sunscreen, 防晒霜.",
    )
    is_active = models.BooleanField("active", default=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why; for those who edit this.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return ", ".join(self.words)

    def clean(self) -> None:
        """Refuse what says nothing: fewer than two different words."""
        self.words = list(dict.fromkeys(word.strip() for word in self.words if word.strip()))
        if len(self.words) < 2:
            raise ValidationError({"words": "Give at least two different words."})


class PastSearch(models.Model):
    """What a person searched for, for their own list; they may delete it."""

    class Source(models.TextChoices):
        TYPED = "typed"
        SUGGESTION = "suggestion"
        TRENDING = "trending"
        HISTORY = "history"
        CORRECTION = "correction"

    id = models.BigAutoField(primary_key=True)
    person_id = models.BigIntegerField()
    query = models.CharField(max_length=200)
    source = models.CharField(
        max_length=10, choices=Source.choices, default=Source.TYPED, help_text="How they got to it."
    )
    corrected_query = models.CharField(max_length=200, blank=True)
    results = models.PositiveIntegerField(help_text="Notes found, as many as are ranked.")
    searched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "past searches"
        indexes = [models.Index(fields=["person_id", "-searched_at"], name="past_search_newest")]

    def __str__(self) -> str:
        return self.query


class TrendingList(models.Model):
    """What was trending at a moment, with the numbers by which each entry got there."""

    id = models.BigAutoField(primary_key=True)
    computed_at = models.DateTimeField(db_index=True)
    definition = models.TextField(help_text="The rule by which it was counted.")
    entries = models.JSONField(help_text="Text, kind, number, the number before, since, until.")
    too_few_people = models.PositiveIntegerField(
        help_text="Queries left out because too few people searched for them."
    )

    class Meta:
        verbose_name = "trending list"

    def __str__(self) -> str:
        return f"Trending at {self.computed_at:%Y-%m-%d %H:%M}"
