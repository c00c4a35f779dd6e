"""What belongs to an order, as its page in the admin shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import display

from orders.carriers import CARRIERS
from orders.models import (
    OrderLine,
    OrderPart,
    Payment,
    Refund,
    RefundLine,
    Repayment,
    Return,
    ReturnLine,
    ReturnStep,
    Shipment,
    ShipmentLine,
    Transition,
    WebhookDelivery,
)
from orders.models.base import in_words
from orders.states import OrderState, PaymentAttempt, PaymentState, ReturnState
from redshop.catalog.admin import thumbnail
from redshop.catalog.models import ProductMedia
from redshop.core.admin import ShownInline
from redshop.core.money import Money

STATE_COLOURS: Final = {
    OrderState.PLACED.value: "info",
    OrderState.PAID.value: "warning",
    OrderState.SHIPPED.value: "primary",
    OrderState.DELIVERED.value: "success",
    OrderState.COMPLETED.value: "success",
    OrderState.CANCELLED.value: "danger",
    OrderState.EXPIRED.value: "danger",
}
MONEY_COLOURS: Final = {
    PaymentState.NONE.value: "info",
    PaymentState.PENDING.value: "warning",
    PaymentState.PAID.value: "success",
    in_words(PaymentState.PARTIALLY_REFUNDED): "warning",
    PaymentState.REFUNDED.value: "danger",
}
ATTEMPT_COLOURS: Final = {
    PaymentAttempt.PENDING.value: "warning",
    in_words(PaymentAttempt.REQUIRES_ACTION): "warning",
    PaymentAttempt.SUCCEEDED.value: "success",
    PaymentAttempt.FAILED.value: "danger",
}
RETURN_COLOURS: Final = {
    ReturnState.REQUESTED.value: "warning",
    ReturnState.APPROVED.value: "info",
    ReturnState.RECEIVED.value: "primary",
    ReturnState.REFUNDED.value: "success",
    ReturnState.REFUSED.value: "danger",
}
PICTURES: Final = Prefetch(
    "product__pictures", ProductMedia.objects.select_related("media").order_by("position", "pk")
)


class LineInline(ShownInline):
    model = OrderLine
    verbose_name_plural = "lines"
    fields = [
        "picture",
        "product",
        "sku",
        "quantity",
        "price",
        "discount",
        "sum",
        "duty",
        "progress",
        "note_id",
    ]
    readonly_fields = ["picture", "price", "discount", "sum", "duty", "progress"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        lines = super().get_queryset(request).select_related("sku", "product", "order")
        return lines.prefetch_related(PICTURES).order_by("pk")

    @display(description="")
    def picture(self, line: OrderLine) -> SafeString | str:
        return thumbnail(line.product.picture, width=40)

    @display(description="price")
    def price(self, line: OrderLine) -> str:
        return str(Money(line.unit_price_minor, line.order.currency))

    @display(description="discount")
    def discount(self, line: OrderLine) -> str:
        taken_off = Money(-line.discount_minor, line.order.currency)
        return str(taken_off) if line.discount_minor else "–"

    @display(description="duty")
    def duty(self, line: OrderLine) -> str:
        return str(Money(line.duty_minor, line.order.currency)) if line.duty_minor else "–"

    @display(description="total")
    def sum(self, line: OrderLine) -> str:
        return str(Money(line.total_minor, line.order.currency))

    @display(description="shipped / refunded")
    def progress(self, line: OrderLine) -> str:
        return f"{line.shipped_quantity} / {line.refunded_quantity}"


class PartInline(ShownInline):
    model = OrderPart
    verbose_name_plural = "parts and their parcels"
    fields = ["merchant", "shown_state", "shipping", "promise", "parcels"]
    readonly_fields = ["shown_state", "shipping", "promise", "parcels"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderPart]:
        lines = ShipmentLine.objects.select_related("line__sku").order_by("pk")
        parcels = Shipment.objects.order_by("pk").prefetch_related(Prefetch("lines", lines))
        parts = super().get_queryset(request).select_related("merchant", "order")
        return parts.prefetch_related(Prefetch("shipments", parcels)).order_by("pk")

    @display(description="state", label=STATE_COLOURS)
    def shown_state(self, part: OrderPart) -> str:
        return part.state

    @display(description="shipping")
    def shipping(self, part: OrderPart) -> str:
        fee = str(part.shipping) if part.shipping_minor else "free"
        return f"{fee}, given back" if part.shipping_refunded_minor else fee

    @display(description="promised")
    def promise(self, part: OrderPart) -> str:
        days = part.delivery_days
        promised = f"{days.least}–{days.most} days" if days else "–"
        return f"{promised}, cross-border" if part.is_cross_border else promised

    @display(description="parcels")
    def parcels(self, part: OrderPart) -> SafeString | str:
        told = [(parcel_in_words(shipment),) for shipment in part.shipments.all()]
        return format_html_join("", "<div>{}</div>", told) or "–"


class TransitionInline(ShownInline):
    model = Transition
    verbose_name_plural = "timeline"
    fields = ["at", "whose", "step", "reason"]
    readonly_fields = ["whose", "step"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transition]:
        return super().get_queryset(request).select_related("part__merchant")

    @display(description="what")
    def whose(self, step: Transition) -> str:
        return f"part of {step.part.merchant}" if step.part else "order"

    @display(description="step")
    def step(self, step: Transition) -> str:
        return str(step)


class PaymentInline(ShownInline):
    model = Payment
    verbose_name_plural = "payments, what went back of them, and what companies told us"
    fields = ["created_at", "method", "shown_state", "shown_amount", "back", "told"]
    readonly_fields = ["shown_state", "shown_amount", "back", "told"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        payments = super().get_queryset(request).order_by("created_at", "pk")
        return payments.prefetch_related(
            Prefetch("repayments", Repayment.objects.order_by("created_at", "pk")),
            Prefetch("webhooks", WebhookDelivery.objects.order_by("received_at", "pk")),
        )

    @display(description="state")
    def shown_state(self, payment: Payment) -> str:
        """Tell how it stands, and why it failed."""
        state = payment.get_state_display()
        return f"{state}: {payment.failure_code}" if payment.failure_code else state

    @display(description="amount")
    def shown_amount(self, payment: Payment) -> str:
        return str(payment.amount)

    @display(description="went back")
    def back(self, payment: Payment) -> SafeString | str:
        return links(payment.repayments.all(), told=repayment_in_words) or "–"

    @display(description="webhooks")
    def told(self, payment: Payment) -> SafeString | str:
        return links(payment.webhooks.all(), told=webhook_in_words) or "–"


class RefundInline(ShownInline):
    model = Refund
    verbose_name_plural = "refunds"
    fields = ["refunded_at", "shown_amount", "makeup", "units", "is_restocked", "reason"]
    readonly_fields = ["shown_amount", "makeup", "units"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        lines = RefundLine.objects.select_related("line__sku").order_by("pk")
        return super().get_queryset(request).prefetch_related(Prefetch("lines", lines))

    @display(description="amount")
    def shown_amount(self, refund: Refund) -> str:
        return str(refund.amount)

    @display(description="of it duty, shipping")
    def makeup(self, refund: Refund) -> str:
        duty = sum(line.duty_minor for line in refund.lines.all())
        amounts = [Money(amount, refund.currency) for amount in (duty, refund.shipping_minor)]
        return ", ".join(str(amount) if amount.amount_minor else "–" for amount in amounts)

    @display(description="units")
    def units(self, refund: Refund) -> str:
        return units_in_words(refund.lines.all())


class ReturnInline(ShownInline):
    model = Return
    verbose_name_plural = "returns"
    fields = ["requested_at", "shown_state", "units", "reason", "page"]
    readonly_fields = ["shown_state", "units", "page"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Return]:
        lines = ReturnLine.objects.select_related("line__sku").order_by("pk")
        returns = super().get_queryset(request).prefetch_related(Prefetch("lines", lines))
        return returns.order_by("requested_at", "pk")

    @display(description="state", label=RETURN_COLOURS)
    def shown_state(self, asked: Return) -> str:
        return asked.state

    @display(description="units")
    def units(self, asked: Return) -> str:
        return units_in_words(asked.lines.all())

    @display(description="")
    def page(self, asked: Return) -> SafeString:
        return links([asked], told=lambda _: "Open")


class ReturnLineInline(ShownInline):
    model = ReturnLine
    verbose_name_plural = "units"
    fields = ["picture", "product", "sku", "quantity", "restocked_quantity", "written_off_quantity"]
    readonly_fields = ["picture", "product", "sku"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReturnLine]:
        pictures = Prefetch("line__product__pictures", PICTURES.queryset)
        lines = super().get_queryset(request).select_related("line__sku", "line__product")
        return lines.prefetch_related(pictures).order_by("pk")

    @display(description="")
    def picture(self, back: ReturnLine) -> SafeString | str:
        return thumbnail(back.line.product.picture, width=40)

    @display(description="product")
    def product(self, back: ReturnLine) -> str:
        return str(back.line.product)

    @display(description="sku")
    def sku(self, back: ReturnLine) -> str:
        return back.line.sku.code


class ReturnStepInline(ShownInline):
    model = ReturnStep
    verbose_name_plural = "timeline"
    fields = ["at", "step", "who", "reason"]
    readonly_fields = ["step", "who"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReturnStep]:
        return super().get_queryset(request).select_related("actor")

    @display(description="step")
    def step(self, step: ReturnStep) -> str:
        return str(step)

    @display(description="who")
    def who(self, step: ReturnStep) -> str:
        return str(step.actor) if step.actor else "the shop"


def links(rows: Iterable[Model], *, told: Callable[[Any], str]) -> SafeString:
    """Show rows, told in words, as links to their pages, one below the other."""
    pages = [f"admin:{row._meta.app_label}_{row._meta.model_name}_change" for row in rows]
    return format_html_join(
        "",
        '<div><a href="{}" class="text-primary-600">{}</a></div>',
        [(reverse(page, args=[row.pk]), told(row)) for page, row in zip(pages, rows, strict=True)],
    )


def repayment_in_words(back: Repayment) -> str:
    """Tell how much goes back, and how that stands."""
    return f"{back.amount} {back.get_state_display()} {back.failure_code}".strip()


def webhook_in_words(webhook: WebhookDelivery) -> str:
    """Tell what a company said, when, and what came of it."""
    at = localtime(webhook.received_at)
    return f"{at:%H:%M:%S} {webhook.kind}: {webhook.get_result_display()}"


def units_in_words(rows: Iterable[Any]) -> str:
    """Tell units of lines in words."""
    return ", ".join(f"{row.quantity} of {row.line.sku.code}" for row in rows)


def parcel_in_words(shipment: Shipment) -> str:
    """Tell what is in a parcel, who brings it and where it is."""
    units = units_in_words(shipment.lines.all())
    where = "delivered" if shipment.delivered_at else "under way"
    at = shipment.delivered_at or shipment.shipped_at
    return f"{parcel_name(shipment)}: {units}, {where} {at:%Y-%m-%d %H:%M}"


def parcel_name(shipment: Shipment) -> str:
    """Tell who brings a parcel, and its number."""
    carrier = CARRIERS.get(shipment.carrier)
    number = shipment.tracking or f"parcel {shipment.pk}"
    return f"{carrier.name} {number}" if carrier else number


class RefundLineInline(ShownInline):
    model = RefundLine
    verbose_name_plural = "units"
    fields = ["sku", "quantity", "goods", "duty"]
    readonly_fields = ["sku", "goods", "duty"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundLine]:
        return super().get_queryset(request).select_related("line__sku", "refund").order_by("pk")

    @display(description="SKU")
    def sku(self, back: RefundLine) -> str:
        return back.line.sku.code

    @display(description="of it goods")
    def goods(self, back: RefundLine) -> str:
        return str(Money(back.amount_minor, back.refund.currency))

    @display(description="of it duty")
    def duty(self, back: RefundLine) -> str:
        return str(Money(back.duty_minor, back.refund.currency)) if back.duty_minor else "–"
