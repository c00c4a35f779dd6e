"""Orders in the admin: looked at here, and moved only by what the services allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from orders.admin.buttons import as_action, back_to_page
from orders.admin.forms import FORMS
from orders.admin.inlines import (
    MONEY_COLOURS,
    PICTURES,
    STATE_COLOURS,
    LineInline,
    PartInline,
    PaymentInline,
    RefundInline,
    RefundLineInline,
    ReturnInline,
    TransitionInline,
    units_in_words,
)
from orders.admin.ledger import PostingInline
from orders.admin.parcel_buttons import PARCEL_BUTTONS, open_parcel_buttons
from orders.models import (
    CartItem,
    Order,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
)
from orders.moves import MOVES, Move, open_moves
from orders.types import Address
from redshop.catalog.admin import thumbnail
from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin
from redshop.core.errors import DomainError
from redshop.core.money import Money


def _move_all(request: HttpRequest, orders: Iterable[Order], move: Move, words: str = "") -> None:
    """Do the same with each order; say what was refused, and why."""
    moved = 0
    for order in orders:
        try:
            move.do(order.pk, timezone.now(), words)
        except DomainError as refusal:
            messages.error(request, f"{order.number}: {refusal.detail}")
        else:
            moved += 1
    if moved:
        messages.success(request, f"{moved} {'order' if moved == 1 else 'orders'} {move.done}.")


def _button(move: Move) -> Callable[..., HttpResponse]:
    """Make the button of a move on the order's page; it asks, and acts on the answer (a POST)."""

    def press(self: Any, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        words = form.cleaned_data.get("words", "")
        _move_all(request, Order.objects.filter(pk=object_id), move, words)
        return back_to_page(self, request, object_id)

    press.__name__ = press.__qualname__ = _button_name(move)
    dialog = ActionDialog(
        title=move.label,
        description=move.question,
        form_class=FORMS[move.takes],
        form_submit_text=move.label,
    )
    button: Callable[..., HttpResponse] = action(  # type: ignore[operator]
        description=move.label,
        url_path=move.name.replace("_", "-"),
        icon=move.icon,
        permissions=["move"],
        dialog=dialog,
    )(press)
    return button


def _button_name(move: Move) -> str:
    return f"{move.name}_this"


def _list_action(move: Move) -> Callable[[Any, HttpRequest, QuerySet[Order]], None]:
    def act(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        _move_all(request, queryset, move)

    return act


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = [
        "number",
        "buyer",
        "shown_state",
        "shown_payment_state",
        "shown_total",
        "shown_refunded",
        "placed_at",
        "population",
    ]
    list_filter = [
        "state",
        "payment_state",
        "population",
        ("placed_at", MomentRangeFilter),
        ("parts__merchant", AutocompleteSelectFilter),
    ]
    list_filter_submit = True
    list_select_related = ["buyer"]
    search_fields = ["number__istartswith", "buyer__handle__istartswith"]
    search_help_text = "Beginning of an order number or of a buyer's handle"
    ordering = ["-placed_at", "-pk"]
    inlines = [
        LineInline,
        PartInline,
        PaymentInline,
        ReturnInline,
        RefundInline,
        PostingInline,
        TransitionInline,
    ]
    fieldsets = [
        (None, {"fields": [("number", "buyer"), ("shown_state", "shown_payment_state")]}),
        (
            "Money",
            {
                "fields": [
                    ("shown_goods", "shown_discount"),
                    ("shown_shipping", "shown_duty"),
                    ("shown_total", "shown_refunded"),
                ]
            },
        ),
        ("Moments", {"fields": [("placed_at", "paid_at"), "stock_held_until"]}),
        ("Where it goes", {"fields": ["shown_address", "population"]}),
    ]
    readonly_fields = [
        "shown_state",
        "shown_payment_state",
        "shown_goods",
        "shown_discount",
        "shown_shipping",
        "shown_duty",
        "shown_total",
        "shown_refunded",
        "stock_held_until",
        "shown_address",
    ]
    actions_detail: Any = [
        *(_button_name(move) for move in MOVES.values()),
        *(button.attribute for button in PARCEL_BUTTONS),
    ]

    def has_move_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether the person may move orders at all."""
        return request.user.has_perm("orders.change_order")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer each move for many orders at once; what is refused is said order by order."""
        if not self.has_move_permission(request):
            return {}
        return {move.name: (_list_action(move), move.name, move.label) for move in MOVES.values()}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer the buttons of what is legal now."""
        order = self.get_object(request, object_id)
        if order is None:
            return []
        names = {_button_name(MOVES[name]) for name in open_moves(order)}
        legal = {f"orders_order_{name}" for name in names | open_parcel_buttons(order)}
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.action_name in legal]

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def shown_state(self, order: Order) -> str:
        return order.state

    @display(description="money", ordering="payment_state", label=MONEY_COLOURS)
    def shown_payment_state(self, order: Order) -> str:
        return order.get_payment_state_display()

    @display(description="goods before discount")
    def shown_goods(self, order: Order) -> str:
        return str(order.total - order.shipping - order.duty + order.discount)

    @display(description="discount")
    def shown_discount(self, order: Order) -> str:
        return f"{-order.discount} by {order.coupon}" if order.coupon else "–"

    @display(description="shipping")
    def shown_shipping(self, order: Order) -> str:
        return str(order.shipping) if order.shipping_minor else "free"

    @display(description="duty")
    def shown_duty(self, order: Order) -> str:
        return str(order.duty) if order.duty_minor else "–"

    @display(description="total", ordering="total_minor")
    def shown_total(self, order: Order) -> str:
        return str(order.total)

    @display(description="refunded", ordering="refunded_minor")
    def shown_refunded(self, order: Order) -> str:
        return str(order.refunded) if order.refunded_minor else "–"

    @display(description="stock held until", empty_value="–")
    def stock_held_until(self, order: Order) -> datetime | None:
        return order.held_until

    @display(description="address")
    def shown_address(self, order: Order) -> SafeString | str:
        lines = [order.address.get(name) for name in Address.__annotations__]
        return format_html_join("", "<div>{}</div>", [(line,) for line in lines if line]) or "–"


for _move in MOVES.values():
    setattr(OrderAdmin, _button_name(_move), _button(_move))
for _parcel_button in PARCEL_BUTTONS:
    setattr(OrderAdmin, _parcel_button.attribute, as_action(_parcel_button))


@admin.register(CartItem)
class CartItemAdmin(ReadOnlyAdmin):
    list_display = ["picture", "sku", "person", "quantity", "note_id", "added_at"]
    list_display_links = ["sku"]
    list_filter = [("added_at", MomentRangeFilter), ("sku__product", AutocompleteSelectFilter)]
    list_filter_submit = True
    search_fields = ["person__handle__istartswith", "sku__code__istartswith"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CartItem]:
        pictures = Prefetch("sku__product__pictures", PICTURES.queryset)
        items = CartItem.objects.select_related("person", "sku__product")
        return items.prefetch_related(pictures)

    @display(description="")
    def picture(self, item: CartItem) -> SafeString | str:
        return thumbnail(item.sku.product.picture, width=40)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["order", "shown_amount", "units", "is_restocked", "reason", "refunded_at"]
    list_filter = ["is_restocked", ("refunded_at", MomentRangeFilter)]
    list_filter_submit = True
    search_fields = ["order__number__istartswith", "order__buyer__handle__istartswith"]
    search_help_text = "Beginning of an order number or of a buyer's handle"
    ordering = ["-refunded_at", "-pk"]
    inlines = [RefundLineInline]
    fields = [("order", "refunded_at"), ("shown_amount", "shipping"), ("is_restocked", "reason")]
    readonly_fields = ["shown_amount", "shipping"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        lines = RefundLine.objects.select_related("line__sku").order_by("pk")
        refunds = Refund.objects.select_related("order")
        return refunds.prefetch_related(Prefetch("lines", lines))

    @display(description="amount", ordering="amount_minor")
    def shown_amount(self, refund: Refund) -> str:
        return str(refund.amount)

    @display(description="of it shipping")
    def shipping(self, refund: Refund) -> str:
        return str(Money(refund.shipping_minor, refund.currency)) if refund.shipping_minor else "–"

    @display(description="units")
    def units(self, refund: Refund) -> str:
        return units_in_words(refund.lines.all())


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = ["tracking_or_id", "order", "merchant", "units", "shipped_at", "delivered_at"]
    list_filter = [("shipped_at", MomentRangeFilter), ("delivered_at", admin.EmptyFieldListFilter)]
    list_filter_submit = True
    search_fields = ["tracking__istartswith", "part__order__number__istartswith"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shipment]:
        lines = ShipmentLine.objects.select_related("line__sku").order_by("pk")
        parcels = Shipment.objects.select_related("part__order", "part__merchant")
        return parcels.prefetch_related(Prefetch("lines", lines))

    @display(description="parcel", ordering="tracking")
    def tracking_or_id(self, shipment: Shipment) -> str:
        return shipment.tracking or str(shipment)

    @display(description="order")
    def order(self, shipment: Shipment) -> str:
        return shipment.part.order.number

    @display(description="merchant")
    def merchant(self, shipment: Shipment) -> str:
        return shipment.part.merchant.name

    @display(description="units")
    def units(self, shipment: Shipment) -> str:
        return units_in_words(shipment.lines.all())
