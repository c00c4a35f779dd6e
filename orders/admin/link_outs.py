"""Link-outs in the admin: what was clicked, and what shops elsewhere say came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from orders.models import LinkOut, LinkOutConversion, LinkOutReport
from orders.sampling import Estimate, total_count
from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin, ShownInline


class ConversionInline(ShownInline):
    model = LinkOutConversion
    verbose_name_plural = "sampled sales"
    fields = ["converted_at", "product", "reported_click_id", "quantity", "shown_amount"]
    readonly_fields = ["product", "shown_amount"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkOutConversion]:
        sales = super().get_queryset(request).select_related("click__product")
        return sales.order_by("converted_at", "pk")

    @display(description="product")
    def product(self, sale: LinkOutConversion) -> str:
        return sale.click.product.name if sale.click else "unmatched"

    @display(description="amount")
    def shown_amount(self, sale: LinkOutConversion) -> str:
        return str(sale.amount)


@admin.register(LinkOut)
class LinkOutAdmin(ReadOnlyAdmin):
    list_display = ["clicked_at", "product", "note_id", "sales", "population"]
    list_filter = [
        ("clicked_at", MomentRangeFilter),
        ("product", AutocompleteSelectFilter),
        "population",
    ]
    list_filter_submit = True
    list_select_related = ["product"]
    search_fields = ["product__name__istartswith"]
    search_help_text = "Beginning of a product's name"
    ordering = ["-clicked_at", "-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkOut]:
        return LinkOut.objects.annotate(sampled=Count("conversions"))

    @display(description="sampled sales")
    def sales(self, click: Any) -> int:
        return int(click.sampled)


@admin.register(LinkOutReport)
class LinkOutReportAdmin(ReadOnlyAdmin):
    list_display = [
        "received_at",
        "since_at",
        "until_at",
        "shown_share",
        "matched",
        "unmatched",
        "sales",
    ]
    list_filter = [("received_at", MomentRangeFilter), ("since_at", MomentRangeFilter)]
    list_filter_submit = True
    search_fields = ["id__startswith"]
    search_help_text = "Beginning of a report's id"
    ordering = ["-received_at", "-pk"]
    inlines = [ConversionInline]
    fields = [
        "id",
        ("since_at", "until_at"),
        ("received_at", "shown_share"),
        ("matched", "unmatched"),
        "sales",
    ]
    readonly_fields = ["shown_share", "matched", "unmatched", "sales"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkOutReport]:
        sales = Count("conversions")
        known = Count("conversions", filter=Q(conversions__click__isnull=False))
        return LinkOutReport.objects.annotate(known=known, unknown=sales - known)

    @display(description="share", ordering="sample_share")
    def shown_share(self, report: LinkOutReport) -> str:
        return f"{report.sample_share:.4g}"

    @display(description="sampled")
    def matched(self, report: Any) -> int:
        return int(report.known)

    @display(description="unmatched")
    def unmatched(self, report: Any) -> int:
        return int(report.unknown)

    @display(description="sales (95 %)")
    def sales(self, report: Any) -> str:
        return in_words(total_count(sampled=report.known, share=report.sample_share))


def in_words(estimate: Estimate) -> str:
    """Tell an estimate with its interval."""
    return f"{estimate.value:,.0f} ({estimate.low:,.0f} to {estimate.high:,.0f})"
