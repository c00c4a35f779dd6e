"""What was shipped."""

from django.db import models
from django.db.models import F, Q


class Shipment(models.Model):
    """A parcel of one part."""

    id = models.BigAutoField(primary_key=True)
    part = models.ForeignKey("orders.OrderPart", on_delete=models.PROTECT, related_name="shipments")
    carrier = models.CharField(max_length=16, blank=True, help_text="Who brings it, if known.")
    tracking = models.CharField(max_length=80, blank=True)
    shipped_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    story_lines: list["ShipmentLine"]  # set by ``Order.objects.with_story``

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_at=None) | Q(delivered_at__gte=F("shipped_at")),
                name="shipment_delivered_after_shipping",
            )
        ]

    def __str__(self) -> str:
        return f"shipment {self.pk}"


class ShipmentLine(models.Model):
    """So many units of a line in a parcel."""

    id = models.BigAutoField(primary_key=True)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(
        "orders.OrderLine", on_delete=models.PROTECT, related_name="shipment_lines"
    )
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "line"], name="shipment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="shipment_line_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"
