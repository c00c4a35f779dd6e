"""What buyers send back."""

from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from orders.models.base import APPEND_ONLY, choices_of, new_id
from orders.models.orders import Order, OrderLine
from orders.models.payments import Refund
from orders.states import OPEN_RETURNS, RETURN_EDGES, ReturnState
from redshop.core.data_map import UNLESS_ERASING
from redshop.core.db import LockableQuerySet
from redshop.core.money import Money


class ReturnQuerySet(LockableQuerySet["Return"]):
    def of_buyer(self, buyer_id: int) -> Self:
        return self.filter(buyer_id=buyer_id)

    def still_open(self) -> Self:
        """Keep those that still claim units of their order."""
        return self.filter(state__in=[state.value for state in OPEN_RETURNS])

    def with_story(self) -> Self:
        """Bring along what the API shows of a return: three queries, whatever their number."""
        refunds = self.select_related("order", "restock_refund", "write_off_refund")
        return refunds.prefetch_related(
            models.Prefetch("lines", ReturnLine.objects.order_by("pk"), "story_lines"),
            models.Prefetch("steps", ReturnStep.objects.order_by("pk"), "story_history"),
        )


class Return(models.Model):
    """Delivered units of an order that its buyer sends back."""

    id = models.UUIDField(primary_key=True, default=new_id)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns")
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="returns"
    )
    state = models.CharField(
        max_length=9, choices=choices_of(ReturnState), default=ReturnState.REQUESTED.value
    )
    reason = models.CharField(max_length=500, blank=True, help_text="In the buyer's words.")
    decision = models.CharField(
        max_length=500, blank=True, help_text="What the buyer is told of the decision."
    )
    requested_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)
    restock_refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="restocked_return"
    )
    write_off_refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="written_off_return"
    )

    objects: ClassVar[ReturnQuerySet] = ReturnQuerySet.as_manager()  # type: ignore[assignment]

    story_lines: list["ReturnLine"]  # set by ``with_story``
    story_history: list["ReturnStep"]  # as above

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "received", "refunded"])
                | Q(approved_at__isnull=False),
                name="return_approved_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(state="refused", refused_at__isnull=False)
                | ~Q(state="refused") & Q(refused_at=None),
                name="return_refused_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "refunded"], received_at__isnull=False)
                | ~Q(state__in=["received", "refunded"]) & Q(received_at=None),
                name="return_received_has_moment",
            ),
            models.CheckConstraint(
                condition=Q(state="refunded", refunded_at__isnull=False)
                & (Q(restock_refund__isnull=False) | Q(write_off_refund__isnull=False))
                | ~Q(state="refunded")
                & Q(refunded_at=None, restock_refund=None, write_off_refund=None),
                name="return_refunded_has_money",
            ),
        ]
        indexes = [
            models.Index(fields=["buyer", "-requested_at"], name="return_of_buyer"),
            models.Index(fields=["-requested_at"], name="return_newest"),
        ]
        triggers = [
            pgtrigger.FSM(name="return_edges", field="state", transitions=RETURN_EDGES),
            pgtrigger.Protect(name="return_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"return {self.pk}"

    @property
    def refunded(self) -> Money:
        """What was given back for it; asks for ``Return.objects.with_story``."""
        refunds = (self.restock_refund, self.write_off_refund)
        amount_minor = sum(refund.amount_minor for refund in refunds if refund)
        return Money(amount_minor, self.order.currency)


class ReturnLine(models.Model):
    """So many units of a line that come back, and what became of them at receipt."""

    id = models.BigAutoField(primary_key=True)
    of_return = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="return_lines")
    quantity = models.PositiveIntegerField(help_text="Units that the buyer sends back.")
    restocked_quantity = models.PositiveIntegerField(
        default=0, help_text="Units received that went back on sale."
    )
    written_off_quantity = models.PositiveIntegerField(
        default=0, help_text="Units received that did not."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of_return", "line"], name="return_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="return_line_quantity"),
            models.CheckConstraint(
                condition=Q(restocked_quantity__gte=0)
                & Q(written_off_quantity__gte=0)
                & Q(quantity__gte=F("restocked_quantity") + F("written_off_quantity")),
                name="return_line_received_within",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="return_line_agreed", fields=["of_return", "line", "quantity"]),
            pgtrigger.Protect(name="return_line_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"

    @property
    def received_quantity(self) -> int:
        """Units that arrived."""
        return self.restocked_quantity + self.written_off_quantity


class ReturnStep(models.Model):
    """One step in the life of a return: who took it, when and why; append-only."""

    id = models.BigAutoField(primary_key=True)
    of_return = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="steps")
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text="Empty where the shop itself took the step.",
    )
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["id"]
        triggers = [
            pgtrigger.Protect(
                name="return_step_append_only", operation=APPEND_ONLY, condition=UNLESS_ERASING
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state}"
