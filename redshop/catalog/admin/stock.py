"""Stock in the admin: looked at as it moved, and moved by deliveries and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from redshop.catalog.admin.base import CatalogAdmin
from redshop.catalog.forms import CountForm, DeliveryForm, SkuForm
from redshop.catalog.models import Sku, StockMovement
from redshop.catalog.services import stock
from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin, ShownInline, back_to
from redshop.core.errors import DomainError

RESTOCK: Final = ActionDialog(
    title="Restock",
    description="Adds what a supplier delivered to the units in the warehouse.",
    form_class=DeliveryForm,
    form_submit_text="Restock",
)
COUNT: Final = ActionDialog(
    title="Count",
    description="Sets the units in the warehouse to what was counted there, held ones included.",
    form_class=CountForm,
    form_submit_text="Count",
)
KIND_COLOURS: Final = {
    StockMovement.Kind.RECEIVED.label: "success",
    StockMovement.Kind.RESERVED.label: "info",
    StockMovement.Kind.SHIPPED.label: "success",
    StockMovement.Kind.RESTOCKED.label: "success",
    StockMovement.Kind.WRITTEN_OFF.label: "danger",
    StockMovement.Kind.COUNTED.label: "warning",
}
LINK: Final = mark_safe('class="text-primary-600 dark:text-primary-500"')


class StockedAdmin(CatalogAdmin):
    """Has buttons that move stock: they call the services, and say what was refused."""

    def move(self, request: HttpRequest, object_id: Any, act: Callable[[], str]) -> HttpResponse:
        """Do what a button asks for, say how it went, and go back to where it was pressed."""
        try:
            messages.success(request, act())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        back = request.headers.get("HX-Current-URL") or reverse(
            f"admin:catalog_{self.opts.model_name}_change", args=[object_id]
        )
        return back_to(request, back)


class RestockingAdmin(StockedAdmin):
    """Has the action that adds a delivery to the stock of some SKUs."""

    actions_detail: Any = ["restock"]
    actions_row: Any = ["restock"]

    def skus_of(self, object_id: Any) -> QuerySet[Sku]:
        """Return what the action restocks."""
        return Sku.objects.filter(pk=object_id)

    @action(  # type: ignore[operator]
        description="Restock",
        url_path="restock",
        icon="add_shopping_cart",
        permissions=["change"],
        dialog=RESTOCK,
    )
    def restock(self, request: HttpRequest, form: DeliveryForm, object_id: Any) -> HttpResponse:
        """Put the units of the form into the warehouse."""
        units, reason = form.cleaned_data["quantity"], form.cleaned_data["reason"]
        ids = list(self.skus_of(object_id).values_list("pk", flat=True))

        def receive() -> str:
            stock.receive_delivery(
                dict.fromkeys(ids, units), by_id=request.user.pk, reason=reason, at=timezone.now()
            )
            where = f" to each of {len(ids)} SKUs" if len(ids) != 1 else ""
            return f"{units} units added{where}."

        return self.move(request, object_id, receive)


class MovementsShown:
    """How a movement is shown, in the list of all and on the page of its SKU."""

    @display(description="kind", ordering="kind", label=KIND_COLOURS)
    def shown_kind(self, movement: StockMovement) -> str:
        return movement.get_kind_display()

    @display(description="on hand", ordering="on_hand")
    def shown_on_hand(self, movement: StockMovement) -> str:
        return _signed(movement.on_hand)

    @display(description="reserved", ordering="reserved")
    def shown_reserved(self, movement: StockMovement) -> str:
        return _signed(movement.reserved)

    @display(description="cause")
    def cause(self, movement: StockMovement) -> SafeString | str:
        """What is known of why: a reference leads to all that it moved."""
        if movement.reference:
            page = reverse("admin:catalog_stockmovement_changelist")
            text, end = str(movement.reference), movement.reference.hex[-12:]
            return format_html(
                '<a href="{0}?q={1}" title="{1}" {2}>…{3}</a>', page, text, LINK, end
            )
        who = f"by {movement.by}" if movement.by else ""
        return ": ".join(filter(None, [who, movement.reason])) or "–"


class MovementInline(MovementsShown, ShownInline):  # type: ignore[misc]  # unfold and Django differ
    model = StockMovement
    verbose_name_plural = "movements, the newest first"
    fields = ["at", "shown_kind", "shown_on_hand", "shown_reserved", "cause"]
    readonly_fields = ["shown_kind", "shown_on_hand", "shown_reserved", "cause"]
    ordering = ["-pk"]
    per_page = 15  # type: ignore[assignment]  # unfold takes numbers too

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMovement]:
        return super().get_queryset(request).select_related("by")


@admin.register(Sku)
class SkuAdmin(RestockingAdmin):
    actions_detail = ["restock", "count"]
    actions_row = ["restock", "count"]
    form = SkuForm
    inlines = [MovementInline]
    list_display = ["code", "product", "shown_price", "on_hand", "reserved", "left", "is_active"]
    list_filter = ["is_active", "currency", ("product", AutocompleteSelectFilter)]
    list_select_related = ["product"]
    search_fields = ["code__istartswith", "product__name__istartswith"]
    autocomplete_fields = ["product"]
    readonly_fields = ["shown_price", "reserved"]
    fields = [
        "product",
        "code",
        "options",
        "price_minor",
        "currency",
        "shown_price",
        "on_hand",
        "reserved",
        "is_active",
    ]

    @action(  # type: ignore[operator]
        description="Count",
        url_path="count",
        icon="calculate",
        permissions=["change"],
        dialog=COUNT,
    )
    def count(self, request: HttpRequest, form: CountForm, object_id: Any) -> HttpResponse:
        """Have the units on hand be those of the form."""
        units, reason = form.cleaned_data["units"], form.cleaned_data["reason"]

        def count() -> str:
            difference = stock.count_stock(
                sku_id=int(object_id),
                units=units,
                by_id=request.user.pk,
                reason=reason,
                at=timezone.now(),
            )
            if not difference:
                return f"{units} counted, as was known."
            sign = "more" if difference > 0 else "fewer"
            return f"{units} counted, {abs(difference)} {sign} than was known."

        return self.move(request, object_id, count)

    @display(description="price", ordering="price_minor")
    def shown_price(self, sku: Sku) -> str:
        return str(sku.price) if sku.price_minor is not None else "–"

    @display(description="available")
    def left(self, sku: Sku) -> int:
        return sku.available


@admin.register(StockMovement)
class StockMovementAdmin(MovementsShown, ReadOnlyAdmin):  # type: ignore[misc]  # as above
    list_display = [
        "at",
        "sku",
        "product",
        "shown_kind",
        "shown_on_hand",
        "shown_reserved",
        "cause",
    ]
    list_filter = ["kind", ("at", MomentRangeFilter), ("sku", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["sku__product", "by"]
    search_fields = ["sku__code__istartswith", "sku__product__name__istartswith"]
    search_help_text = "Beginning of a SKU's code or a product's name, or all of a reference"
    ordering = ["-pk"]
    fields = [
        ("at", "shown_kind"),
        ("sku", "product"),
        ("shown_on_hand", "shown_reserved"),
        "reference",
        ("by", "reason"),
    ]
    readonly_fields = ["product", "shown_kind", "shown_on_hand", "shown_reserved"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for what a reference moved where the words are one; else as everywhere."""
        try:
            return queryset.filter(reference=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    @display(description="product", ordering="sku__product__name")
    def product(self, movement: StockMovement) -> str:
        return movement.sku.product.name


def _signed(units: int) -> str:
    return f"{units:+}" if units else "–"
