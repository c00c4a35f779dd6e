"""Coupons and the rules for shipping and duty: the one thing of the orders that is edited here."""

from __future__ import annotations

from typing import Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from orders.models import Coupon, CouponUse, DutyRate, ShippingRate
from redshop.catalog.models import Category
from redshop.core.admin import EditableAdmin, MomentRangeFilter, ReadOnlyAdmin
from redshop.core.money import Money

EVERYWHERE: Final = "Everywhere else"
STANDING_COLOURS: Final = {
    "taken": "success",
    "not yet": "info",
    "used up": "warning",
    "expired": "danger",
    "off": "danger",
}
PARCEL_COLOURS: Final = {"domestic": "info", "cross-border": "warning"}
SOURCE_COLOURS: Final = {"published": "success", "assumed": "warning"}


def standing_of(coupon: Coupon) -> str:
    """Tell in a word whether the coupon is taken now."""
    now = timezone.now()
    if not coupon.is_active:
        return "off"
    if now < coupon.valid_from:
        return "not yet"
    if coupon.valid_until is not None and now >= coupon.valid_until:
        return "expired"
    is_used_up = coupon.most_uses is not None and coupon.used >= coupon.most_uses
    return "used up" if is_used_up else "taken"


@admin.register(Coupon)
class CouponAdmin(EditableAdmin):
    list_display = [
        "code",
        "shown_standing",
        "takes_off",
        "minimum",
        "uses_so_far",
        "funder",
        "valid_until",
    ]
    list_filter = [
        "is_active",
        "funded_by",
        ("brand", AutocompleteSelectFilter),
        ("valid_until", MomentRangeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["brand"]
    search_fields = ["code__istartswith", "description__istartswith"]
    search_help_text = "Beginning of a code or of a description"
    ordering = ["-valid_from", "-pk"]
    autocomplete_fields = ["brand"]
    readonly_fields = ["uses_so_far", "shown_standing"]
    fieldsets = [
        (None, {"fields": [("code", "is_active"), "description"]}),
        (
            "What it takes off",
            {
                "fields": [("percent_basis_points", "amount_minor"), ("currency", "minimum_minor")],
                "description": "Off the goods only, never off shipping or duty; orders keep what "
                "they were given, whatever is changed here.",
            },
        ),
        (
            "How often, and when",
            {
                "fields": [
                    ("most_uses", "most_uses_per_person"),
                    "valid_from",
                    "valid_until",
                    ("uses_so_far", "shown_standing"),
                ],
                "description": "An order that is cancelled or expires unpaid gives its use back.",
            },
        ),
        ("Who bears it", {"fields": [("funded_by", "brand")]}),
    ]

    @display(description="now", label=STANDING_COLOURS)
    def shown_standing(self, coupon: Coupon) -> str:
        return standing_of(coupon) if coupon.pk else "–"

    @display(description="takes off")
    def takes_off(self, coupon: Coupon) -> str:
        return coupon.worth

    @display(description="minimum spend", ordering="minimum_minor")
    def minimum(self, coupon: Coupon) -> str:
        least = Money(coupon.minimum_minor, coupon.currency)
        return str(least) if coupon.minimum_minor else "–"

    @display(description="uses", ordering="used")
    def uses_so_far(self, coupon: Coupon) -> str:
        most = "" if coupon.most_uses is None else f" of {coupon.most_uses}"
        return f"{coupon.used}{most}"

    @display(description="funded by", ordering="funded_by")
    def funder(self, coupon: Coupon) -> str:
        return str(coupon.brand or "platform")


@admin.register(CouponUse)
class CouponUseAdmin(ReadOnlyAdmin):
    list_display = ["coupon", "order", "person", "shown_amount", "used_at", "released_at"]
    list_filter = [
        ("coupon", AutocompleteSelectFilter),
        ("used_at", MomentRangeFilter),
        ("released_at", admin.EmptyFieldListFilter),
    ]
    list_filter_submit = True
    list_select_related = ["coupon", "order", "person"]
    search_fields = [
        "coupon__code__istartswith",
        "order__number__istartswith",
        "person__handle__istartswith",
    ]
    search_help_text = "Beginning of a code, of an order number or of a buyer's handle"
    ordering = ["-used_at", "-pk"]

    @display(description="amount", ordering="amount_minor")
    def shown_amount(self, use: CouponUse) -> str:
        return str(use.amount)


@admin.register(ShippingRate)
class ShippingRateAdmin(EditableAdmin):
    list_display = ["whose", "destination", "parcels", "fee", "free_from", "days"]
    list_filter = ["is_cross_border", "currency", ("merchant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["merchant"]
    search_fields = ["merchant__name__istartswith", "country__istartswith"]
    search_help_text = "Beginning of a merchant's name or of a country's two letters"
    ordering = ["merchant__name", "country", "is_cross_border", "currency"]
    autocomplete_fields = ["merchant"]
    fieldsets = [
        (
            "What it is for",
            {
                "fields": [("merchant", "country"), ("is_cross_border", "currency")],
                "description": "Of the rules that fit a part of an order the most specific counts: "
                "by merchant, then by destination, then by currency. Where none fits, shipping is "
                "free and no days are promised.",
            },
        ),
        ("What it costs", {"fields": [("fee_minor", "free_from_minor")]}),
        ("What is promised", {"fields": [("days_least", "days_most")]}),
    ]

    @display(description="merchant", ordering="merchant__name")
    def whose(self, rate: ShippingRate) -> str:
        return str(rate.merchant or "Everybody")

    @display(description="destination", ordering="country")
    def destination(self, rate: ShippingRate) -> str:
        return rate.country or EVERYWHERE

    @display(description="parcels", ordering="is_cross_border", label=PARCEL_COLOURS)
    def parcels(self, rate: ShippingRate) -> str:
        return "cross-border" if rate.is_cross_border else "domestic"

    @display(description="fee", ordering="fee_minor")
    def fee(self, rate: ShippingRate) -> str:
        if not rate.fee_minor:
            return f"free ({rate.currency or 'any currency'})"
        return str(Money(rate.fee_minor, rate.currency))

    @display(description="free from", ordering="free_from_minor")
    def free_from(self, rate: ShippingRate) -> str:
        return (
            "–" if rate.free_from_minor is None else str(Money(rate.free_from_minor, rate.currency))
        )

    @display(description="days", ordering="days_least")
    def days(self, rate: ShippingRate) -> str:
        return f"{rate.days_least}–{rate.days_most}"


@admin.register(DutyRate)
class DutyRateAdmin(EditableAdmin):
    list_display = ["destination", "category", "rate", "shown_source", "citation"]
    list_filter = ["source"]
    search_fields = ["country__istartswith", "category_slug__istartswith"]
    search_help_text = "Beginning of a country's two letters or of a category's slug"
    ordering = ["country", "category_slug"]
    fieldsets = [
        (
            None,
            {
                "fields": [("country", "category_slug"), "basis_points", ("source", "citation")],
                "description": "Taken on what is paid for the goods of parcels from another "
                "country, rounded half up on each line. A destination's own rows count before "
                "those for everywhere else, then the nearest category with one.",
            },
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DutyRate]:
        self.known = dict(Category.objects.values_list("slug", "name"))
        return super().get_queryset(request)

    @display(description="destination", ordering="country")
    def destination(self, rate: DutyRate) -> str:
        return rate.country or EVERYWHERE

    @display(description="category", ordering="category_slug")
    def category(self, rate: DutyRate) -> str:
        if not rate.category_slug:
            return "Everything else"
        return self.known.get(rate.category_slug, f"{rate.category_slug} (not there)")

    @display(description="rate", ordering="basis_points")
    def rate(self, rate: DutyRate) -> str:
        return str(rate)

    @display(description="source", ordering="source", label=SOURCE_COLOURS)
    def shown_source(self, rate: DutyRate) -> str:
        return rate.source
