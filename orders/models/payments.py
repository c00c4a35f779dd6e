"""What was paid, and what was given back."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from orders.models.base import APPEND_ONLY, choices_of, new_id
from orders.models.orders import Order, OrderLine
from orders.states import ATTEMPT_EDGES, PaymentAttempt
from redshop.core.money import Money


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
    amount_minor = models.PositiveBigIntegerField(
        help_text="All of it: the lines' goods and duty, and shipping."
    )
    shipping_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    is_restocked = models.BooleanField(
        default=False, help_text="Its units went back on sale; otherwise they were written off."
    )
    refunded_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(shipping_minor__gte=0) & Q(amount_minor__gte=F("shipping_minor")),
                name="refund_amount",
            )
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
    amount_minor = models.PositiveBigIntegerField(help_text="Of the goods.")
    duty_minor = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "line"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="refund_line_quantity"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0) & Q(duty_minor__gte=0), name="refund_line_amount"
            ),
        ]
        triggers = [pgtrigger.Protect(name="refund_line_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"
