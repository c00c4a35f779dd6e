"""SKUs with their stock, and every movement of it."""

from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import Exact

from redshop.core.db import LockableQuerySet
from redshop.core.money import Money

#: Where the stock service says, within the statement that moves stock, what moves it (ADR 7).
CAUSE = "redshop.stock_movement"

_OPEN = """
INSERT INTO catalog_stockmovement (sku_id, kind, on_hand, reserved, reason, at)
SELECT id, 'opening', on_hand, reserved, '', statement_timestamp()
FROM added WHERE (on_hand, reserved) <> (0, 0) ORDER BY id;
RETURN NULL;
"""
_MOVE = f"""
INSERT INTO catalog_stockmovement (sku_id, kind, on_hand, reserved, reference, reason, by_id, at)
SELECT id,
       coalesce(cause->>'kind', 'counted'),
       present.on_hand - past.on_hand,
       present.reserved - past.reserved,
       (cause->>'reference')::uuid,
       coalesce(cause->>'reason', ''),
       (cause->>'by_id')::bigint,
       coalesce((cause->>'at')::timestamptz, statement_timestamp())
FROM past JOIN present USING (id)
WHERE (present.on_hand, present.reserved) <> (past.on_hand, past.reserved)
ORDER BY id;
IF cause IS NOT NULL THEN
    PERFORM set_config('{CAUSE}', '', true);
END IF;
RETURN NULL;
"""  # noqa: S608 - a constant of ours


class SkuQuerySet(LockableQuerySet["Sku"]):
    def on_sale(self) -> Self:
        """Keep the variants that are sold."""
        return self.filter(is_active=True)


class Sku(models.Model):
    """One variant of a product: what is priced, stocked and sold."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey("Product", on_delete=models.PROTECT, related_name="skus")
    code = models.CharField(max_length=64, unique=True)
    options = models.JSONField(default=dict, blank=True, help_text='Such as {"size": "M"}.')
    price_minor = models.PositiveBigIntegerField(
        "price (minor units)", help_text="In the currency's smallest unit: 12900 is 129.00 CNY."
    )
    currency = models.CharField(max_length=3, default=settings.PLATFORM_CURRENCY)
    on_hand = models.PositiveIntegerField(default=0, help_text="Units in the warehouse.")
    reserved = models.PositiveIntegerField(
        default=0, editable=False, help_text="Units that placed orders hold."
    )
    is_active = models.BooleanField(default=True, help_text="Sold now.")

    objects: ClassVar[SkuQuerySet] = SkuQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "SKU"
        verbose_name_plural = "SKUs"
        indexes = [
            models.Index(
                fields=["product", "price_minor"],
                condition=Q(is_active=True),
                name="sku_cheapest_of_product",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")),
                name="sku_reserved_within_on_hand",
            ),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="sku_on_hand_not_negative"),
            models.CheckConstraint(condition=Q(price_minor__gte=0), name="sku_price_not_negative"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="sku_currency_is_iso"
            ),
            models.CheckConstraint(
                condition=Exact(
                    Func(F("options"), function="jsonb_typeof", output_field=models.TextField()),
                    "object",
                ),
                name="sku_options_are_named",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="sku_opens_with_a_movement",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=_OPEN,
            ),
            pgtrigger.Trigger(
                name="sku_moves_with_a_movement",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(  # type: ignore[no-untyped-call]
                    old="past", new="present"
                ),
                declare=[("cause", f"jsonb := nullif(current_setting('{CAUSE}', true), '')")],
                func=_MOVE,
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.currency)

    @property
    def available(self) -> int:
        """Units that can still be sold."""
        return self.on_hand - self.reserved


class StockMovement(models.Model):
    """One change of a SKU's units on hand or reserved; append-only, and written by PostgreSQL.

    The sum of a SKU's movements is what its counters say, whoever changed them, and how.
    """

    class Kind(models.TextChoices):
        OPENING = "opening"
        RECEIVED = "received"
        RESERVED = "reserved"
        RELEASED = "released"
        SHIPPED = "shipped"
        RESTOCKED = "restocked"
        WRITTEN_OFF = "written_off", "Written off"
        COUNTED = "counted"

    id = models.BigAutoField(primary_key=True)
    sku = models.ForeignKey(
        Sku,
        verbose_name="SKU",
        on_delete=models.PROTECT,
        related_name="movements",
        db_index=False,
    )
    kind = models.CharField(max_length=11, choices=Kind.choices)
    on_hand = models.IntegerField(help_text="Units that came into the warehouse; negative: left.")
    reserved = models.IntegerField(help_text="Units held in addition; negative: let go.")
    reference = models.UUIDField(
        null=True, blank=True, help_text="What caused it, such as an order."
    )
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Who moved it by hand.",
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name = "stock movement"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["received", "restocked"], on_hand__gt=0, reserved=0)
                | Q(kind="reserved", on_hand=0, reserved__gt=0)
                | Q(kind="released", on_hand=0, reserved__lt=0)
                | Q(kind__in=["shipped", "written_off"], on_hand__lt=0, reserved=F("on_hand"))
                | Q(kind="opening", on_hand__gt=0, reserved__gte=0)
                | Q(kind="counted") & ~Q(on_hand=0, reserved=0),
                name="stock_movement_follows_kind",
            )
        ]
        indexes = [
            models.Index(fields=["sku", "-id"], name="stock_movement_of_sku"),
            models.Index(
                fields=["reference"],
                condition=Q(reference__isnull=False),
                name="stock_movement_of_cause",
            ),
            models.Index(
                fields=["by"], condition=Q(by__isnull=False), name="stock_movement_by_person"
            ),
            BrinIndex(fields=["at"], name="stock_movement_at"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="stock_movement_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            pgtrigger.Trigger(
                name="stock_movement_follows_stock",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                condition=pgtrigger.Condition("pg_trigger_depth() = 0"),
                func="RAISE EXCEPTION 'a movement is written where the stock of a SKU changes';",
            ),
        ]

    def __str__(self) -> str:
        return f"movement {self.pk}, {self.get_kind_display().lower()}"
