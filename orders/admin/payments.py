"""Payments, money on its way back and what companies told us, in the admin: looked at, asked about
again, and never changed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from orders.admin.inlines import ATTEMPT_COLOURS
from orders.models import Payment, Repayment, WebhookDelivery
from orders.services import repayment, watching, webhooks
from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin
from redshop.core.errors import DomainError
from redshop.core.money import Money

REPAYMENT_COLOURS = {
    "due": "info",
    "pending": "warning",
    "succeeded": "success",
    "failed": "danger",
}
RESULT_COLOURS = {
    WebhookDelivery.Result.NEWS.label: "success",
    WebhookDelivery.Result.KNOWN.label: "info",
    WebhookDelivery.Result.OPEN.label: "warning",
    WebhookDelivery.Result.UNMATCHED.label: "danger",
}


def do_with_each(request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], object]) -> None:
    """Do something with each row; say what was refused, and why, and how many were done."""
    done = 0
    for row in rows:
        try:
            act(row)
        except DomainError as refusal:
            messages.error(request, f"{row}: {refusal.detail}")
        else:
            done += 1
    messages.info(request, f"Done with {done}.")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = [
        "order",
        "method",
        "shown_state",
        "shown_amount",
        "failure_code",
        "is_late",
        "created_at",
    ]
    list_filter = [
        "state",
        "method",
        "is_late",
        ("settled_at", admin.EmptyFieldListFilter),
        ("look_at", admin.EmptyFieldListFilter),
        ("created_at", MomentRangeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["order"]
    search_fields = ["order__number__istartswith", "order__buyer__handle__istartswith"]
    search_help_text = "Beginning of an order number or of a buyer's handle"
    ordering = ["-created_at", "-pk"]
    actions = ["ask_again"]
    fields = [
        ("order", "method"),
        ("shown_state", "shown_amount"),
        ("failure_code", "is_late"),
        ("created_at", "settled_at"),
        ("look_at", "gone_back"),
        ("reference", "action_url"),
    ]
    readonly_fields = ["shown_state", "shown_amount", "gone_back"]

    @admin.action(description="Ask the company how they stand", permissions=["view"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Ask now, instead of waiting for the next look."""
        at = timezone.now()
        do_with_each(request, queryset, lambda payment: watching.look(payment, at=at))

    @display(description="state", ordering="state", label=ATTEMPT_COLOURS)
    def shown_state(self, payment: Payment) -> str:
        return payment.get_state_display()

    @display(description="amount", ordering="amount_minor")
    def shown_amount(self, payment: Payment) -> str:
        return str(payment.amount)

    @display(description="gone back")
    def gone_back(self, payment: Payment) -> str:
        """Tell what was sent back or is on its way."""
        gone = Money(payment.repaid_minor, payment.currency)
        return str(gone) if payment.repaid_minor else "–"


@admin.register(Repayment)
class RepaymentAdmin(ReadOnlyAdmin):
    list_display = [
        "shown_order",
        "why",
        "shown_state",
        "shown_amount",
        "failure_code",
        "created_at",
        "settled_at",
    ]
    list_filter = [
        "state",
        ("refund", admin.EmptyFieldListFilter),
        ("created_at", MomentRangeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["payment__order", "refund"]
    search_fields = ["payment__order__number__istartswith"]
    search_help_text = "Beginning of an order number"
    ordering = ["-created_at", "-pk"]
    actions = ["try_again"]
    fields = [
        ("shown_order", "payment"),
        ("why", "refund"),
        ("shown_state", "shown_amount"),
        ("failure_code", "look_at"),
        ("created_at", "settled_at"),
    ]
    readonly_fields = ["shown_order", "why", "shown_state", "shown_amount"]

    @admin.action(description="Try again what the company failed to send", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Repayment]) -> None:
        """Have the money sent once more."""
        at = timezone.now()
        do_with_each(
            request,
            queryset,
            lambda failed: repayment.try_repayment_again(repayment_id=failed.pk, at=at),
        )

    @display(description="order", ordering="payment__order__number")
    def shown_order(self, repayment: Repayment) -> str:
        return repayment.payment.order.number

    @display(description="for")
    def why(self, repayment: Repayment) -> str:
        return "a refund" if repayment.refund_id else "money that came too late"

    @display(description="state", ordering="state", label=REPAYMENT_COLOURS)
    def shown_state(self, repayment: Repayment) -> str:
        return repayment.get_state_display()

    @display(description="amount", ordering="amount_minor")
    def shown_amount(self, repayment: Repayment) -> str:
        return str(repayment.amount)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ["kind", "company", "shown_order", "shown_result", "event_id", "received_at"]
    list_filter = ["result", "company", "kind", ("received_at", MomentRangeFilter)]
    list_filter_submit = True
    list_select_related = ["payment__order"]
    search_fields = ["event_id__startswith", "payment__order__number__istartswith"]
    search_help_text = "Beginning of an event's id or of an order number"
    ordering = ["-received_at", "-pk"]
    actions = ["look_again"]
    fields = [
        ("company", "kind"),
        ("payment", "shown_order"),
        ("shown_result", "received_at"),
        "event_id",
        "shown_body",
    ]
    readonly_fields = ["shown_order", "shown_result", "shown_body"]

    @admin.action(description="Look for their payments again", permissions=["view"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Match them once more and ask the company about what they were about."""
        at = timezone.now()
        do_with_each(
            request, queryset, lambda told: webhooks.look_again(delivery_id=told.pk, at=at)
        )

    @display(description="order")
    def shown_order(self, delivery: WebhookDelivery) -> str:
        return delivery.payment.order.number if delivery.payment else "–"

    @display(description="body")
    def shown_body(self, delivery: WebhookDelivery) -> SafeString:
        """Show what came, in lines where it is JSON."""
        try:
            text = json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False)
        except ValueError:
            text = delivery.body
        return format_html(
            '<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text
        )

    @display(description="what came of it", ordering="result", label=RESULT_COLOURS)
    def shown_result(self, delivery: WebhookDelivery) -> str:
        return delivery.get_result_display()
