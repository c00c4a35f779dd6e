"""Carts and orders: what was agreed, what was paid, where it is. Notes are known by id only."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Prefetch, Q

from orders.states import (
    ATTEMPT_EDGES,
    EDGES,
    PAYMENT_EDGES,
    OrderState,
    PaymentAttempt,
    PaymentState,
)
from redshop.catalog.models import Merchant, Product, Sku
from redshop.core.db import LockableQuerySet
from redshop.core.ids import uuid7
from redshop.core.money import Money
from redshop.core.populations import Population


def new_id() -> UUID:
    """Return a fresh primary key (a name that migrations can refer to)."""
    return uuid7()


def choices_of(states: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the choices of a field that holds one of these states."""
    return [(state.value, state.value.replace("_", " ")) for state in states]


APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


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


class OrderQuerySet(LockableQuerySet["Order"]):
    def of_buyer(self, buyer_id: int) -> Self:
        return self.filter(buyer_id=buyer_id)

    def with_story(self) -> Self:
        """Bring along what the API shows of an order: six queries, whatever their number."""
        parts = OrderPart.objects.select_related("merchant").order_by("pk")
        shipments = Shipment.objects.order_by("pk")
        return self.prefetch_related(
            Prefetch("parts", parts, "story_parts"),
            Prefetch("story_parts__lines", OrderLine.objects.order_by("pk"), "story_lines"),
            Prefetch("story_parts__shipments", shipments, "story_shipments"),
            Prefetch("story_parts__story_shipments__lines", to_attr="story_lines"),
            Prefetch("transitions", Transition.objects.filter(part=None), "story_history"),
        )


class Order(models.Model):
    """What one checkout agreed: lines, prices, an address, one payment."""

    id = models.UUIDField(primary_key=True, default=new_id)
    number = models.CharField(max_length=20, unique=True, help_text="What people call it by.")
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders"
    )
    state = models.CharField(
        max_length=9,
        choices=choices_of(OrderState),
        default=OrderState.PLACED.value,
    )
    payment_state = models.CharField(
        max_length=18,
        choices=choices_of(PaymentState),
        default=PaymentState.NONE.value,
    )
    address = models.JSONField()
    currency = models.CharField(max_length=3)
    total_minor = models.PositiveBigIntegerField()
    refunded_minor = models.PositiveBigIntegerField(default=0)
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Until when an unpaid order holds its stock.")
    paid_at = models.DateTimeField(null=True, blank=True)
    population = models.CharField(max_length=9, choices=Population.choices)

    objects: ClassVar[OrderQuerySet] = OrderQuerySet.as_manager()  # type: ignore[assignment]

    story_parts: list["OrderPart"]  # set by ``with_story``
    story_history: list["Transition"]  # as above

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(refunded_minor__gte=0) & Q(refunded_minor__lte=F("total_minor")),
                name="order_refunded_within_total",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor=0) | Q(paid_at__isnull=False),
                name="order_refunded_was_paid",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["paid", "shipped", "delivered", "completed"])
                | Q(paid_at__isnull=False),
                name="order_paid_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(payment_state__in=["none", "pending"], paid_at=None)
                | Q(payment_state__in=["paid", "partially_refunded", "refunded"])
                & Q(paid_at__isnull=False),
                name="order_money_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(payment_state="refunded") | Q(refunded_minor=F("total_minor")),
                name="order_refunded_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["cancelled", "expired"]) | ~Q(payment_state="pending"),
                name="order_ended_awaits_no_payment",
            ),
            models.CheckConstraint(condition=Q(total_minor__gte=0), name="order_total"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("placed_at")), name="order_expires_after_placing"
            ),
        ]
        indexes = [
            models.Index(fields=["buyer", "-placed_at"], name="order_of_buyer"),
            models.Index(fields=["paid_at"], name="order_paid_at"),
            models.Index(fields=["-placed_at"], name="order_newest"),
        ]
        triggers = [
            pgtrigger.FSM(name="order_state_edges", field="state", transitions=EDGES),
            pgtrigger.FSM(
                name="order_payment_edges", field="payment_state", transitions=PAYMENT_EDGES
            ),
            pgtrigger.Protect(name="order_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_minor, self.currency)

    @property
    def held_until(self) -> datetime | None:
        """When the stock of an unpaid order is given back; None once that is settled."""
        return self.expires_at if self.state == OrderState.PLACED else None

    @property
    def story_lines(self) -> list["OrderLine"]:
        """All lines; asks for ``with_story``."""
        return [line for part in self.story_parts for line in part.story_lines]


class OrderPart(models.Model):
    """What one merchant ships of an order."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="parts")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="order_parts")
    state = models.CharField(
        max_length=9,
        choices=choices_of(OrderState),
        default=OrderState.PLACED.value,
    )

    story_lines: list["OrderLine"]  # set by ``Order.objects.with_story``
    story_shipments: list["Shipment"]  # as above

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "merchant"], name="order_part_once")
        ]
        triggers = [pgtrigger.FSM(name="order_part_state_edges", field="state", transitions=EDGES)]

    def __str__(self) -> str:
        return f"part {self.pk} of {self.order_id}"


class OrderLine(models.Model):
    """So many units of one SKU at the agreed price: a conversion, once it is paid."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    part = models.ForeignKey(OrderPart, on_delete=models.PROTECT, related_name="lines")
    sku = models.ForeignKey(Sku, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_lines")
    quantity = models.PositiveIntegerField()
    unit_price_minor = models.PositiveBigIntegerField()
    total_minor = models.PositiveBigIntegerField()
    shipped_quantity = models.PositiveIntegerField(default=0)
    withdrawn_quantity = models.PositiveIntegerField(
        default=0, help_text="Units refunded before they were shipped; they never will be."
    )
    refunded_quantity = models.PositiveIntegerField(default=0)
    refunded_minor = models.PositiveBigIntegerField(default=0)
    note_id = models.BigIntegerField(null=True, blank=True, help_text="The note named in the cart.")
    request_id = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="order_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity"),
            models.CheckConstraint(
                condition=Q(total_minor=F("quantity") * F("unit_price_minor")),
                name="order_line_total",
            ),
            models.CheckConstraint(
                condition=Q(unit_price_minor__gte=0), name="order_line_unit_price"
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__gte=0)
                & Q(refunded_quantity__lte=F("quantity"))
                & Q(refunded_minor__gte=0)
                & Q(refunded_minor__lte=F("total_minor")),
                name="order_line_refunded_within",
            ),
            models.CheckConstraint(
                condition=Q(shipped_quantity__gte=0)
                & Q(withdrawn_quantity__gte=0)
                & Q(withdrawn_quantity__lte=F("refunded_quantity"))
                & Q(quantity__gte=F("shipped_quantity") + F("withdrawn_quantity")),
                name="order_line_shipped_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.sku_id}"

    @property
    def unit_price(self) -> Money:
        """The agreed price; asks for ``Order.objects.with_story``."""
        return Money(self.unit_price_minor, self.part.order.currency)

    @property
    def total(self) -> Money:
        """What the line costs; asks for ``Order.objects.with_story``."""
        return Money(self.total_minor, self.part.order.currency)

    @property
    def open_quantity(self) -> int:
        """Units that are still to be shipped."""
        return self.quantity - self.shipped_quantity - self.withdrawn_quantity

    @property
    def is_going(self) -> bool:
        """Tell whether any of it was shipped or is still to be."""
        return self.withdrawn_quantity < self.quantity

    @property
    def refundable_quantity(self) -> int:
        """Units whose money has not been given back."""
        return self.quantity - self.refunded_quantity


class Transition(models.Model):
    """One step in the life of an order, or of one part of it; append-only."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transitions")
    part = models.ForeignKey(
        OrderPart,
        on_delete=models.PROTECT,
        related_name="transitions",
        null=True,
        blank=True,
        help_text="Empty where the order as a whole took the step.",
    )
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9)
    at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        triggers = [pgtrigger.Protect(name="transition_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state}"


class Payment(models.Model):
    """One attempt to pay an order."""

    id = models.UUIDField(primary_key=True, default=new_id)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    method = models.CharField(max_length=16)
    state = models.CharField(max_length=15, choices=choices_of(PaymentAttempt))
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    failure_code = models.CharField(max_length=64, blank=True)
    action_url = models.URLField(
        blank=True, help_text="Where the buyer confirms the payment, if the provider asks for it."
    )
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(state="succeeded"), name="order_paid_once"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["pending", "requires_action"]),
                name="payment_one_under_way",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="payment_amount"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "requires_action"], settled_at=None)
                | Q(state__in=["succeeded", "failed"]) & Q(settled_at__isnull=False),
                name="payment_settled_has_moment",
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="payment_newest")]
        triggers = [
            pgtrigger.FSM(name="payment_edges", field="state", transitions=ATTEMPT_EDGES),
            pgtrigger.Protect(name="payment_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Refund(models.Model):
    """Money given back for lines of a paid order; append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    is_restocked = models.BooleanField(
        default=False, help_text="Its units went back on sale; otherwise they were written off."
    )
    refunded_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="refund_amount")
        ]
        triggers = [pgtrigger.Protect(name="refund_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return str(self.amount)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class RefundLine(models.Model):
    """How much of a refund belongs to one line; append-only."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refund_lines")
    quantity = models.PositiveIntegerField()
    amount_minor = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "line"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="refund_line_quantity"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="refund_line_amount"),
        ]
        triggers = [pgtrigger.Protect(name="refund_line_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"


class Shipment(models.Model):
    """A parcel of one part."""

    id = models.BigAutoField(primary_key=True)
    part = models.ForeignKey(OrderPart, on_delete=models.PROTECT, related_name="shipments")
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
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="shipment_lines")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "line"], name="shipment_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="shipment_line_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"
