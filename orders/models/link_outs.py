"""Ways that lead to shops elsewhere, and what those shops report of them, in part and late."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from orders.models.base import APPEND_ONLY, new_id
from redshop.catalog.models import Product
from redshop.core.money import Money
from redshop.core.populations import Population


class LinkOut(models.Model):
    """A click that led from a note to a product's shop elsewhere; append-only.

    Who clicked, and in answer to which request, is told by the behaviour log alone, whose event
    has the same id: there it follows the person's consent.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="link_outs")
    note_id = models.BigIntegerField()
    url = models.URLField(max_length=400, help_text="Where it led, the click's id included.")
    clicked_at = models.DateTimeField()
    population = models.CharField(max_length=9, choices=Population.choices)

    class Meta:
        indexes = [
            models.Index(fields=["-clicked_at"], name="link_out_newest"),
            models.Index(fields=["product", "-clicked_at"], name="link_out_of_product"),
        ]
        triggers = [pgtrigger.Protect(name="link_out_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"link-out {self.pk}"


class LinkOutReport(models.Model):
    """What a shop elsewhere reports of a time: a known share of its conversions; append-only."""

    id = models.UUIDField(primary_key=True, help_text="The report's own id: it counts once.")
    sample_share = models.FloatField(
        help_text="The chance of each conversion to be in the report, above 0 and at most 1."
    )
    since_at = models.DateTimeField()
    until_at = models.DateTimeField(help_text="Excluded.")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sample_share__gt=0) & Q(sample_share__lte=1),
                name="link_out_report_share",
            ),
            models.CheckConstraint(
                condition=Q(until_at__gt=F("since_at")), name="link_out_report_time"
            ),
        ]
        indexes = [models.Index(fields=["-received_at"], name="link_out_report_newest")]
        triggers = [pgtrigger.Protect(name="link_out_report_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"report {self.pk}"


class LinkOutConversion(models.Model):
    """One sale in a report, and its click where that is known; never an order; append-only."""

    id = models.BigAutoField(primary_key=True)
    report = models.ForeignKey(LinkOutReport, on_delete=models.PROTECT, related_name="conversions")
    reported_click_id = models.UUIDField()
    click = models.ForeignKey(
        LinkOut,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="conversions",
        help_text="Empty where no such click is known: it is counted as unmatched.",
    )
    quantity = models.PositiveIntegerField()
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    converted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gte=1), name="link_out_conversion_quantity"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0), name="link_out_conversion_amount"
            ),
            models.CheckConstraint(
                condition=Q(click=None) | Q(click=F("reported_click_id")),
                name="link_out_conversion_click",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="link_out_conversion_append_only", operation=APPEND_ONLY)
        ]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.amount}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
