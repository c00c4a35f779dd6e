"""What was agreed, and where it is. Notes are known by id only."""

from datetime import datetime
from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q

from orders.models.base import APPEND_ONLY, choices_of, new_id
from orders.models.parcels import Shipment
from orders.prices import WHOLE
from orders.states import EDGES, OPEN_RETURNS, PAYMENT_EDGES, OrderState, PaymentState
from orders.types import Days, days_of
from redshop.catalog.models import Merchant, Product, Sku
from redshop.core.data_map import UNLESS_ERASING
from redshop.core.db import LockableQuerySet
from redshop.core.money import Money
from redshop.core.populations import Population


class OrderQuerySet(LockableQuerySet["Order"]):
    def of_buyer(self, buyer_id: int) -> Self:
        return self.filter(buyer_id=buyer_id)

    def with_story(self) -> Self:
        """Bring along what the API shows of an order: six queries, whatever their number."""
        parts = OrderPart.objects.select_related("merchant").order_by("pk")
        shipments = Shipment.objects.order_by("pk")
        return self.select_related("coupon").prefetch_related(
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
    coupon = models.ForeignKey(
        "orders.Coupon", on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    discount_minor = models.PositiveBigIntegerField(default=0)
    shipping_minor = models.PositiveBigIntegerField(default=0)
    duty_minor = models.PositiveBigIntegerField(default=0)
    payment_fee_bp = models.PositiveSmallIntegerField(
        default=0, help_text="Of what its merchants sell, in basis points."
    )
    total_minor = models.PositiveBigIntegerField(
        help_text="What is charged: the lines' goods after discount, shipping and duty."
    )
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
            models.CheckConstraint(
                condition=Q(shipping_minor__gte=0)
                & Q(duty_minor__gte=0)
                & Q(total_minor__gte=F("shipping_minor") + F("duty_minor")),
                name="order_total",
            ),
            models.CheckConstraint(
                condition=Q(discount_minor=0) | Q(discount_minor__gt=0, coupon__isnull=False),
                name="order_discount_has_coupon",
            ),
            models.CheckConstraint(
                condition=Q(payment_fee_bp__range=(0, WHOLE)), name="order_payment_fee"
            ),
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
    def discount(self) -> Money:
        return Money(self.discount_minor, self.currency)

    @property
    def shipping(self) -> Money:
        return Money(self.shipping_minor, self.currency)

    @property
    def duty(self) -> Money:
        return Money(self.duty_minor, self.currency)

    @property
    def coupon_code(self) -> str | None:
        """What the buyer typed; asks for ``with_story``."""
        return self.coupon.code if self.coupon else None

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


class OrderPartQuerySet(models.QuerySet["OrderPart"]):
    def past_returns(self, *, delivered_before: datetime) -> Self:
        """Keep the parts whose money is final: all that was sent arrived before that moment and
        no return of it is open, or nothing was sent."""
        arrived_later = Shipment.objects.filter(part=OuterRef("pk")).exclude(
            delivered_at__lte=delivered_before
        )
        coming_back = OrderLine.objects.filter(
            part=OuterRef("pk"), return_lines__of_return__state__in=OPEN_RETURNS
        )
        has_come = Q(state__in=["delivered", "completed"]) & ~Exists(arrived_later)
        return self.filter(Q(state="cancelled") | has_come & ~Exists(coming_back))


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
    is_cross_border = models.BooleanField(
        "cross-border",
        default=False,
        help_text="It comes from another country than it goes to.",
    )
    shipping_minor = models.PositiveBigIntegerField(default=0)
    shipping_refunded_minor = models.PositiveBigIntegerField(default=0)
    days_least = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Promised: so many days at least."
    )
    days_most = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Promised: so many days at most."
    )

    objects: ClassVar[OrderPartQuerySet] = OrderPartQuerySet.as_manager()  # type: ignore[assignment]

    story_lines: list["OrderLine"]  # set by ``Order.objects.with_story``
    story_shipments: list["Shipment"]  # as above

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "merchant"], name="order_part_once"),
            models.CheckConstraint(
                condition=Q(shipping_refunded_minor__gte=0)
                & Q(shipping_minor__gte=F("shipping_refunded_minor")),
                name="order_part_shipping_refunded_within",
            ),
            models.CheckConstraint(
                condition=Q(days_least=None, days_most=None)
                | Q(days_least__gte=0, days_most__gte=F("days_least")),
                name="order_part_days",
            ),
        ]
        triggers = [pgtrigger.FSM(name="order_part_state_edges", field="state", transitions=EDGES)]

    def __str__(self) -> str:
        return f"part {self.pk} of {self.order_id}"

    @property
    def shipping(self) -> Money:
        """What the part costs to ship; asks for ``Order.objects.with_story``."""
        return Money(self.shipping_minor, self.order.currency)

    @property
    def duty(self) -> Money:
        """What is taken on its lines; asks for ``Order.objects.with_story``."""
        return Money(sum(line.duty_minor for line in self.story_lines), self.order.currency)

    @property
    def delivery_days(self) -> Days | None:
        """How long it is promised to take."""
        return days_of(self.days_least, self.days_most)


class OrderLineQuerySet(LockableQuerySet["OrderLine"]):
    """Lines of orders."""


class OrderLine(models.Model):
    """So many units of one SKU at the agreed price: a conversion, once it is paid."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    part = models.ForeignKey(OrderPart, on_delete=models.PROTECT, related_name="lines")
    sku = models.ForeignKey(Sku, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_lines")
    quantity = models.PositiveIntegerField()
    unit_price_minor = models.PositiveBigIntegerField()
    discount_minor = models.PositiveBigIntegerField(default=0)
    total_minor = models.PositiveBigIntegerField(
        help_text="What is paid for the goods: without shipping and duty."
    )
    duty_minor = models.PositiveBigIntegerField(default=0)
    subsidy_minor = models.PositiveBigIntegerField(
        default=0, help_text="What of the discount the platform pays the merchant."
    )
    marketplace_bp = models.PositiveSmallIntegerField(
        default=0, help_text="What the platform keeps, in basis points."
    )
    commission_bp = models.PositiveSmallIntegerField(
        default=0, help_text="What creators credited with it earn, in basis points."
    )
    credited_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="Of the credits that its creators' shares are from."
    )
    shipped_quantity = models.PositiveIntegerField(default=0)
    withdrawn_quantity = models.PositiveIntegerField(
        default=0, help_text="Units refunded before they were shipped; they never will be."
    )
    refunded_quantity = models.PositiveIntegerField(default=0)
    refunded_minor = models.PositiveBigIntegerField(default=0, help_text="Of the goods.")
    duty_refunded_minor = models.PositiveBigIntegerField(default=0)
    returning_quantity = models.PositiveIntegerField(
        default=0, help_text="Units that an open return claims."
    )
    note_id = models.BigIntegerField(null=True, blank=True, help_text="The note named in the cart.")
    request_id = models.UUIDField(null=True, blank=True)

    objects: ClassVar[OrderLineQuerySet] = OrderLineQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="order_line_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity"),
            models.CheckConstraint(
                condition=Q(discount_minor__gte=0)
                & Q(total_minor__gte=0)
                & Q(total_minor=F("quantity") * F("unit_price_minor") - F("discount_minor")),
                name="order_line_total",
            ),
            models.CheckConstraint(
                condition=Q(subsidy_minor__gte=0) & Q(subsidy_minor__lte=F("discount_minor")),
                name="order_line_subsidy",
            ),
            models.CheckConstraint(
                condition=Q(marketplace_bp__range=(0, WHOLE)) & Q(commission_bp__range=(0, WHOLE)),
                name="order_line_rates",
            ),
            models.CheckConstraint(
                condition=Q(unit_price_minor__gte=0), name="order_line_unit_price"
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__gte=0)
                & Q(refunded_quantity__lte=F("quantity"))
                & Q(refunded_minor__gte=0)
                & Q(refunded_minor__lte=F("total_minor"))
                & Q(duty_refunded_minor__gte=0)
                & Q(duty_refunded_minor__lte=F("duty_minor")),
                name="order_line_refunded_within",
            ),
            models.CheckConstraint(
                condition=Q(refunded_quantity__lt=F("quantity"))
                | Q(refunded_minor=F("total_minor"), duty_refunded_minor=F("duty_minor")),
                name="order_line_refunded_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(shipped_quantity__gte=0)
                & Q(withdrawn_quantity__gte=0)
                & Q(withdrawn_quantity__lte=F("refunded_quantity"))
                & Q(quantity__gte=F("shipped_quantity") + F("withdrawn_quantity")),
                name="order_line_shipped_within",
            ),
            models.CheckConstraint(  # what comes back was shipped, and is not paid back twice
                condition=Q(returning_quantity__gte=0)
                & Q(
                    shipped_quantity__gte=F("returning_quantity")
                    + F("refunded_quantity")
                    - F("withdrawn_quantity")
                ),
                name="order_line_returning_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.sku_id}"

    @property
    def unit_price(self) -> Money:
        """The agreed price; asks for ``Order.objects.with_story``."""
        return Money(self.unit_price_minor, self.part.order.currency)

    @property
    def discount(self) -> Money:
        """What the coupon took off; asks for ``Order.objects.with_story``."""
        return Money(self.discount_minor, self.part.order.currency)

    @property
    def total(self) -> Money:
        """What is paid for the goods; asks for ``Order.objects.with_story``."""
        return Money(self.total_minor, self.part.order.currency)

    @property
    def duty(self) -> Money:
        """What the destination takes; asks for ``Order.objects.with_story``."""
        return Money(self.duty_minor, self.part.order.currency)

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

    @property
    def claimed_quantity(self) -> int:
        """Shipped units that were refunded, or that an open return claims."""
        return self.refunded_quantity - self.withdrawn_quantity + self.returning_quantity

    @property
    def unclaimed_quantity(self) -> int:
        """Units whose money has not been given back and which no open return claims."""
        return self.refundable_quantity - self.returning_quantity


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
        triggers = [
            pgtrigger.Protect(
                name="transition_append_only", operation=APPEND_ONLY, condition=UNLESS_ERASING
            )
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state}"
