"""What was computed at some time and kept: removal effects, snapshots of notes, imported logs."""

from django.db import models
from django.db.models import F, Q

from notes.models import Note


class MarkovReport(models.Model):
    """What was lost without each group of notes, by paths of some time: a batch report."""

    id = models.BigAutoField(primary_key=True)
    version = models.PositiveSmallIntegerField("version of the definition")
    group_by = models.CharField(max_length=12)
    first = models.DateField("from")
    end = models.DateField("to", help_text="Excluded.")
    zone = models.CharField(max_length=40)
    population = models.CharField(max_length=9)
    currency = models.CharField(max_length=3)
    window_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: the lookback of each product's category."
    )
    brand_ids = models.JSONField(null=True, blank=True, help_text="Empty: the products of all.")
    paths = models.PositiveBigIntegerField(help_text="Journeys, also those that ended in nothing.")
    conversions = models.PositiveBigIntegerField(help_text="Journeys that ended in a sale.")
    effects = models.JSONField(
        help_text="Pairs of a group's key and the share of sales that is lost without it; null is "
        "everything beyond the thousand groups that are told apart."
    )
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "version",
                    "group_by",
                    "first",
                    "end",
                    "zone",
                    "population",
                    "currency",
                    "window_days",
                    "brand_ids",
                ],
                nulls_distinct=False,
                name="markov_report_once",
            ),
            models.CheckConstraint(
                condition=Q(conversions__lte=F("paths")), name="markov_conversions_within_paths"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_by}, {self.first} up to {self.end}"


class NoteSnapshot(models.Model):
    """What a note had done so many days of 24 hours after it was published."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, related_name="snapshots", db_index=False
    )
    days = models.PositiveSmallIntegerField(help_text="T+1, 7, 15, 30, 60 or 90.")
    until = models.DateTimeField("as of", help_text="So long after its publication.")
    figures = models.JSONField(help_text="Impressions, people, opens and so on, up to then.")
    credits = models.JSONField(
        help_text="By model and currency: billionths of sales, gross and refunded by then."
    )
    computed_at = models.DateTimeField()
    is_final = models.BooleanField(
        "final", help_text="Nothing that happened by then can be reported any more."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["note", "days"], name="note_snapshot_once"),
            models.CheckConstraint(
                condition=Q(days__in=[1, 7, 15, 30, 60, 90]), name="note_snapshot_days"
            ),
        ]
        indexes = [
            models.Index(fields=["until"], condition=Q(is_final=False), name="note_snapshot_open")
        ]

    def __str__(self) -> str:
        return f"{self.note_id} at T+{self.days}"


class ImportedLog(models.Model):
    """How far the log of a shop that existed before was imported, read in one way."""

    id = models.BigAutoField(primary_key=True)
    shop = models.CharField(max_length=16)
    name = models.CharField("file", max_length=120)
    digest = models.CharField(max_length=32, help_text="Of its size, beginning and end.")
    read_as = models.JSONField(help_text="Currency, time zone, and what was said of its words.")
    line = models.PositiveBigIntegerField("last line", default=0)
    counts = models.JSONField(default=dict, blank=True, help_text="What was done so far.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "imported log"
        constraints = [
            models.UniqueConstraint(fields=["shop", "digest", "read_as"], name="imported_log_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.shop}"
