"""What Celery keeps summed, so that an answer costs the same however long the log is."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from redshop.core.populations import Population


class RollUp(models.Model):
    """How far sums have read what was written; those of funnels, by which lookbacks."""

    class Of(models.TextChoices):
        FUNNELS = "funnels"
        CREDITS = "credits"

    name = models.CharField("sums of", primary_key=True, max_length=20, choices=Of.choices)
    fresh_at = models.DateTimeField(
        "fresh as of",
        null=True,
        help_text="All that was committed by then is in them; empty while they are rebuilt.",
    )
    lookbacks = models.JSONField(default=dict, help_text="Days by category that it was made with.")
    dimensions = models.DateField(
        "notes and products compared on",
        null=True,
        help_text="Once a day it is looked for those that have another category, brand, topic or "
        "author than their ways say. Of funnels alone.",
    )

    class Meta:
        verbose_name = "sums"
        verbose_name_plural = "sums"

    def __str__(self) -> str:
        return f"Sums of {self.name}"


class FunnelWay(models.Model):
    """How far somebody got with a product from what they saw on a day at a note and a surface.

    What note and product were when it was written is kept with it, since it has been summed so.
    """

    pk = models.CompositePrimaryKey("actor", "product_id", "day", "note_id", "surface", "currency")
    actor = models.CharField(
        max_length=50, help_text="Population, a colon, and the id of a person or of a visitor."
    )
    population = models.CharField(max_length=9, choices=Population.choices)
    product_id = models.BigIntegerField()
    day = models.DateField(help_text="Of the start, on the platform.")
    note_id = models.BigIntegerField(help_text="0: of no note.")
    surface = models.CharField(max_length=12, blank=True)
    currency = models.CharField(max_length=3, blank=True, help_text="Empty: nothing was paid.")
    provenance = models.CharField(max_length=40, blank=True)
    note_type = models.CharField(max_length=10, blank=True)
    author_id = models.BigIntegerField(null=True)
    topic_ids = ArrayField(models.BigIntegerField(), default=list)
    category_id = models.BigIntegerField()
    brand_id = models.BigIntegerField()
    reached = models.BigIntegerField(help_text="A bit for each measure within each window.")
    net_minor = ArrayField(
        models.BigIntegerField(), help_text="What was paid and not given back, by window."
    )

    class Meta:
        verbose_name = "way through the funnel"
        verbose_name_plural = "ways through the funnel"
        indexes = [models.Index(fields=["author_id", "day"], name="way_of_author")]

    def __str__(self) -> str:
        return f"{self.actor} and product {self.product_id} since {self.day}"


class FunnelCell(models.Model):
    """People by the days of two starts of theirs in a row: a sum over cells counts each once.

    Somebody who starts on days d1 < d2 < .. is +1 in each (d, d), -1 in each (d, the next one) and
    +1 in (the last one, never). Of any stretch of days, the cells that lie within it add up to one
    for everybody who started there at all; where it reaches to the present, those that end never
    do so too.
    """

    pk = models.CompositePrimaryKey(
        "grain", "population", "window", "first", "last", "measure", "key"
    )
    grain = models.CharField(max_length=10, help_text="What the key is one of, or all.")
    population = models.CharField(max_length=9, choices=Population.choices)
    window = models.SmallIntegerField(help_text="In days; 0 is the lookback of each category.")
    first = models.DateField()
    last = models.DateField()
    measure = models.SmallIntegerField(
        help_text="0 to 5: reached that step; 6 to 10: it and the one before; 11: kept something."
    )
    key = models.CharField(max_length=40, blank=True)
    people = models.IntegerField()

    class Meta:
        verbose_name = "cell of the funnel"
        verbose_name_plural = "cells of the funnel"

    def __str__(self) -> str:
        return f"{self.people} of {self.grain} {self.key}, {self.first} to {self.last}"


class FunnelTaking(models.Model):
    """What was paid and not given back after starts of a day."""

    pk = models.CompositePrimaryKey("grain", "population", "window", "day", "currency", "key")
    grain = models.CharField(max_length=10)
    population = models.CharField(max_length=9, choices=Population.choices)
    window = models.SmallIntegerField()
    day = models.DateField()
    currency = models.CharField(max_length=3)
    key = models.CharField(max_length=40, blank=True)
    net_minor = models.BigIntegerField()

    class Meta:
        verbose_name = "taking of the funnel"
        verbose_name_plural = "takings of the funnel"
        constraints = [
            models.CheckConstraint(
                condition=Q(net_minor__gte=0), name="funnel_taking_net_minor_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.net_minor} {self.currency} of {self.grain} {self.key} on {self.day}"


class UnreadSale(models.Model):
    """A paid line whose credits were looked at since sums were last brought up to them.

    Written in the transaction that attributes; whoever has added the line up again deletes the
    marks that were there before.
    """

    id = models.BigAutoField(primary_key=True)
    line_id = models.BigIntegerField()

    class Meta:
        verbose_name = "unread sale"

    def __str__(self) -> str:
        return f"line {self.line_id}"


class SaleShare(models.Model):
    """What a model gives a note of a line, or of a refund of it, within some of the windows.

    What is paid as a whole is the share of the model "total", of no note.
    """

    id = models.BigAutoField(primary_key=True)
    line_id = models.BigIntegerField(db_index=True)
    model = models.CharField(max_length=12)
    windows = models.SmallIntegerField(help_text="A bit for each: lookbacks, 1, 7, 15, 30 days.")
    day = models.DateField(help_text="When the order was paid.")
    refunded_on = models.DateField(null=True, help_text="Empty: this is of the sale itself.")
    population = models.CharField(max_length=9, choices=Population.choices)
    currency = models.CharField(max_length=3)
    note_id = models.BigIntegerField()
    author_id = models.BigIntegerField()
    surface = models.CharField(max_length=12, blank=True)
    provenance = models.CharField(max_length=40, blank=True)
    weight = models.BigIntegerField(help_text="In billionths; 0 of a refund.")
    gross_minor = models.BigIntegerField()
    refunded_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(gross_minor__gte=0) & Q(refunded_minor__gte=0),
                name="sale_share_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} of line {self.line_id} to note {self.note_id}"


class SaleCell(models.Model):
    """What a model gave on a day to all that has a key, within some of the windows."""

    pk = models.CompositePrimaryKey(
        "grain", "model", "population", "currency", "day", "windows", "key"
    )
    grain = models.CharField(max_length=10)
    model = models.CharField(max_length=12)
    population = models.CharField(max_length=9, choices=Population.choices)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    windows = models.SmallIntegerField()
    key = models.CharField(max_length=40, blank=True)
    weight = models.BigIntegerField(help_text="In billionths of a sale.")
    gross_minor = models.BigIntegerField()
    refunded_minor = models.BigIntegerField(help_text="Of what was paid on the day.")
    refunded_then_minor = models.BigIntegerField(help_text="What was given back on the day.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(gross_minor__gte=0)
                & Q(refunded_minor__gte=0)
                & Q(refunded_then_minor__gte=0),
                name="sale_cell_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} to {self.grain} {self.key} on {self.day}"
