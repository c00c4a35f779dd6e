"""Returns in the admin: what waits for a person, and only the decisions that are legal."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from orders.admin.buttons import Button, as_action
from orders.admin.inlines import RETURN_COLOURS, ReturnLineInline, ReturnStepInline, units_in_words
from orders.admin.unit_forms import ApproveForm, ReceiveForm, RefuseForm
from orders.models import Return, ReturnLine
from orders.services import returns
from orders.states import RETURN_ALLOWED, ReturnState
from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin


def _approve(request: HttpRequest, return_id: str, answers: dict[str, Any]) -> str:
    returns.approve_return(
        return_id=UUID(return_id),
        actor_id=request.user.pk,
        decision=answers["decision"],
        at=timezone.now(),
    )
    return "The return is approved; the buyer is told to send it."


def _refuse(request: HttpRequest, return_id: str, answers: dict[str, Any]) -> str:
    returns.refuse_return(
        return_id=UUID(return_id),
        actor_id=request.user.pk,
        decision=answers["decision"],
        at=timezone.now(),
    )
    return "The return is refused; the buyer is told why."


def _receive(request: HttpRequest, return_id: str, answers: dict[str, Any]) -> str:
    returns.receive_return(
        return_id=UUID(return_id),
        restocked=answers["restocked"],
        written_off=answers["written_off"],
        actor_id=request.user.pk,
        at=timezone.now(),
    )
    return f"{Return.objects.with_story().get(pk=return_id).refunded} given back."


#: Each with the state that it leads to first.
BUTTONS: Final = {
    ReturnState.APPROVED: Button(
        name="approve",
        label="Approve",
        question="The buyer may send the units; nothing is given back before they arrive.",
        icon="check_circle",
        form=ApproveForm,
        press=_approve,
    ),
    ReturnState.RECEIVED: Button(
        name="receive",
        label="Receive",
        question="Exactly the money of the units that arrived is given back.",
        icon="assignment_return",
        form=ReceiveForm,
        press=_receive,
    ),
    ReturnState.REFUSED: Button(
        name="refuse",
        label="Refuse",
        question="The return ends, and nothing is given back.",
        icon="block",
        form=RefuseForm,
        press=_refuse,
    ),
}


class WaitingFilter(admin.SimpleListFilter):
    """What waits for a person, and what has ended."""

    title = "waits for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [
            ("decision", "A decision"),
            ("parcel", "The parcel"),
            ("open", "Either"),
            ("nothing", "Nothing: it has ended"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Return]) -> QuerySet[Return]:
        match self.value():
            case "decision":
                return queryset.filter(state=ReturnState.REQUESTED)
            case "parcel":
                return queryset.filter(state=ReturnState.APPROVED)
            case "open":
                return queryset.filter(pk__in=Return.objects.still_open().values("pk"))
            case "nothing":
                return queryset.filter(state__in=[ReturnState.REFUNDED, ReturnState.REFUSED])
        return queryset


@admin.register(Return)
class ReturnAdmin(ReadOnlyAdmin):
    list_display = ["number", "buyer", "shown_state", "units", "refunded", "reason", "requested_at"]
    list_filter = [WaitingFilter, ("requested_at", MomentRangeFilter)]
    list_filter_submit = True
    search_fields = ["order__number__istartswith", "buyer__handle__istartswith"]
    search_help_text = "Beginning of an order number or of a buyer's handle"
    ordering = ["-requested_at", "-pk"]
    inlines = [ReturnLineInline, ReturnStepInline]
    fieldsets = [
        (None, {"fields": [("order_page", "buyer"), ("shown_state", "refunded")]}),
        ("In words", {"fields": ["reason", "decision"]}),
        (
            "Moments",
            {"fields": [("requested_at", "approved_at"), ("received_at", "refused_at")]},
        ),
    ]
    readonly_fields = ["order_page", "shown_state", "refunded"]
    actions_detail: Any = [button.attribute for button in BUTTONS.values()]

    def has_move_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether the person may decide on returns at all."""
        return request.user.has_perm("orders.change_return")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Return]:
        lines = ReturnLine.objects.select_related("line__sku").order_by("pk")
        refunds = ("restock_refund", "write_off_refund")
        returns_ = Return.objects.select_related("order", "buyer", *refunds)
        return returns_.prefetch_related(Prefetch("lines", lines))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer the buttons of what is legal now."""
        asked = self.get_object(request, object_id)
        if asked is None:
            return []
        legal = {
            f"orders_return_{BUTTONS[state].attribute}"
            for state in RETURN_ALLOWED[ReturnState(asked.state)]
            if state in BUTTONS
        }
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.action_name in legal]

    @display(description="order", ordering="order__number")
    def number(self, asked: Return) -> str:
        return asked.order.number

    @display(description="order")
    def order_page(self, asked: Return) -> SafeString:
        address = reverse("admin:orders_order_change", args=[asked.order_id])
        return format_html(
            '<a href="{}" class="text-primary-600">{}</a>', address, asked.order.number
        )

    @display(description="state", ordering="state", label=RETURN_COLOURS)
    def shown_state(self, asked: Return) -> str:
        return asked.state

    @display(description="units")
    def units(self, asked: Return) -> str:
        return units_in_words(asked.lines.all())

    @display(description="given back")
    def refunded(self, asked: Return) -> str:
        return str(asked.refunded) if asked.refunded_at else "–"


for _each in BUTTONS.values():
    setattr(ReturnAdmin, _each.attribute, as_action(_each))
