"""What was paid, what was given back, and what payment companies told us."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from orders.models.base import APPEND_ONLY, choices_of, new_id
from orders.models.orders import Order, OrderLine
from orders.states import ATTEMPT_EDGES, REPAYMENT_EDGES, PaymentAttempt, RepaymentState
from redshop.core.data_map import UNLESS_ERASING
from redshop.core.db import LockableQuerySet
from redshop.core.money import Money


class PaymentQuerySet(LockableQuerySet["Payment"]):
    """Attempts to pay."""


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
    reference = models.CharField(
        max_length=120, blank=True, help_text="What the company calls it, where not by our id."
    )
    idempotency_key = models.UUIDField(
        null=True, blank=True, editable=False, help_text="Of the call that began it."
    )
    request_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(
        "ask again at",
        null=True,
        blank=True,
        help_text="When the company is asked about it next, while its end is unknown.",
    )
    is_late = models.BooleanField(
        "late",
        default=False,
        help_text="Succeeded when the order had ended or was paid: its money went back at once.",
    )
    repaid_minor = models.PositiveBigIntegerField(
        default=0, help_text="What went back through the company, or is on its way."
    )

    objects: ClassVar[PaymentQuerySet] = PaymentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state="succeeded", is_late=False),
                name="order_paid_once",
            ),
            models.UniqueConstraint(
                fields=["idempotency_key", "order"], name="payment_once_for_a_key"
            ),
            models.CheckConstraint(
                condition=Q(repaid_minor__gte=0)
                & Q(repaid_minor__lte=F("amount_minor"))
                & (Q(repaid_minor=0) | Q(state="succeeded")),
                name="payment_repaid_within",
            ),
            models.CheckConstraint(
                condition=Q(is_late=False) | Q(state="succeeded"), name="payment_late_succeeded"
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
        indexes = [
            models.Index(fields=["-created_at"], name="payment_newest"),
            models.Index(
                fields=["look_at"], condition=Q(look_at__isnull=False), name="payment_to_look_at"
            ),
        ]
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
        triggers = [
            pgtrigger.Protect(
                name="refund_append_only", operation=APPEND_ONLY, condition=UNLESS_ERASING
            )
        ]

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


class RepaymentQuerySet(LockableQuerySet["Repayment"]):
    """Money on its way back."""


class Repayment(models.Model):
    """Money of a payment on its way back through the company that took it."""

    id = models.UUIDField(primary_key=True, default=new_id)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="repayments")
    refund = models.ForeignKey(
        Refund,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="repayments",
        help_text="What it is for; empty: the payment succeeded too late.",
    )
    state = models.CharField(max_length=9, choices=choices_of(RepaymentState))
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    failure_code = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(
        "ask again at", null=True, blank=True, help_text="When the company is asked next."
    )

    objects: ClassVar[RepaymentQuerySet] = RepaymentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="repayment_amount"),
            models.CheckConstraint(
                condition=Q(state__in=["due", "pending"], settled_at=None)
                | Q(state__in=["succeeded", "failed"], settled_at__isnull=False, look_at=None),
                name="repayment_settled_has_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["look_at"], condition=Q(look_at__isnull=False), name="repayment_to_look_at"
            ),
            models.Index(fields=["-created_at"], name="repayment_newest"),
        ]
        triggers = [
            pgtrigger.FSM(name="repayment_edges", field="state", transitions=REPAYMENT_EDGES),
            pgtrigger.Protect(name="repayment_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="repayment_as_agreed",
                fields=["payment", "refund", "amount_minor", "currency", "created_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class WebhookDelivery(models.Model):
    """What a payment company told us, as it came; a hint, never the truth."""

    class Result(models.TextChoices):
        NEWS = "news", "asked, and settled"
        KNOWN = "known", "known before"
        OPEN = "open", "to be asked"
        UNMATCHED = "unmatched", "of a payment that we do not know"

    id = models.BigAutoField(primary_key=True)
    company = models.CharField(max_length=16)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=60)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks"
    )
    body = models.TextField(help_text="Word for word.")
    result = models.CharField(max_length=9, choices=Result.choices)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["company", "event_id"], name="webhook_once"),
            models.CheckConstraint(
                condition=Q(result="unmatched", payment=None)
                | ~Q(result="unmatched") & Q(payment__isnull=False),
                name="webhook_unmatched_has_no_payment",
            ),
        ]
        indexes = [
            models.Index(fields=["-received_at"], name="webhook_newest"),
            models.Index(
                fields=["result"], condition=Q(result="unmatched"), name="webhook_unmatched"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="webhook_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="webhook_body_as_it_came",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.body IS DISTINCT FROM NEW.body AND {UNLESS_ERASING.sql}"
                ),
            ),
            pgtrigger.ReadOnly(
                name="webhook_as_it_came",
                fields=["company", "event_id", "kind", "received_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.company}"
