"""What people mean to buy. Notes are known by id only."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from redshop.catalog.models import Sku


class CartItem(models.Model):
    """So many units of a SKU that a person means to buy, and the note that led them to it."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="cart_items"
    )
    sku = models.ForeignKey(Sku, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()
    note_id = models.BigIntegerField(null=True, blank=True)
    request_id = models.UUIDField(null=True, blank=True)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "sku"], name="cart_item_once"),
            models.CheckConstraint(
                condition=Q(quantity__range=(1, 999)), name="cart_item_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.sku_id} for {self.person_id}"
