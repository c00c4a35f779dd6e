"""What was credited to whom, and how far back touches count."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from redshop.catalog.models import Category
from redshop.conversion.models import (
    Attribution,
    Credit,
    ImportedLog,
    Lookback,
    MarkovReport,
    NoteSnapshot,
    RollUp,
    UnreadSale,
)
from redshop.conversion.rules import WHOLE
from redshop.conversion.selectors import labels
from redshop.conversion.services import attribution
from redshop.core.admin import EditableAdmin, ReadOnlyAdmin
from redshop.core.money import Money
from redshop.events.models import Unread

admin.site.index_template = "conversion/home.html"


@display(description="share", ordering="weight_billionths")
def share(credit: Credit) -> str:
    """Show a weight as a percentage."""
    return f"{credit.weight_billionths / WHOLE:.1%}"


@display(description="amount", ordering="amount_minor")
def amount(credit: Credit) -> Money:
    """Show the money with its currency."""
    return Money(credit.amount_minor, credit.currency)


@admin.register(Lookback)
class LookbackAdmin(EditableAdmin):
    list_display = ["category", "days", "is_in_use"]
    list_editable = ["days"]
    list_display_links = ["category"]
    ordering = ["category_slug"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lookback]:
        self.known = dict(Category.objects.values_list("slug", "name"))
        return super().get_queryset(request)

    @display(description="category", ordering="category_slug")
    def category(self, lookback: Lookback) -> str:
        """Show the name of the category."""
        if not lookback.category_slug:
            return "Everything else"
        return self.known.get(lookback.category_slug, lookback.category_slug)

    @display(description="category is there", boolean=True)
    def is_in_use(self, lookback: Lookback) -> bool:
        """Tell whether the catalogue has the category that the row names."""
        return not lookback.category_slug or lookback.category_slug in self.known


@admin.register(Attribution)
class AttributionAdmin(ReadOnlyAdmin):
    """Every conversion, attributed or not."""

    list_display = [
        "product",
        "order",
        "total",
        "converted_at",
        "is_attributed",
        "touches",
        "window_days",
        "population",
    ]
    fields = [
        "product",
        "order",
        "total",
        "converted_at",
        "is_attributed",
        "touches",
        "touches_cut",
        "window_days",
        "generation",
        "population",
        "version",
        "computed_at",
        "credits",
    ]
    list_select_related = ["line__order", "line__product"]
    list_filter = ["population", "is_attributed", ("converted_at", RangeDateTimeFilter)]
    list_filter_submit = True
    search_fields = ["line__order__number__startswith", "line__product__name__istartswith"]
    ordering = ["-converted_at", "-pk"]
    actions = ["attribute_again"]

    @display(description="product", ordering="line__product__name")
    def product(self, row: Attribution) -> str:
        """Show what was bought."""
        return f"{row.line.quantity} × {row.line.product.name}"

    @display(description="order", ordering="line__order__number")
    def order(self, row: Attribution) -> str:
        """Show the number of the order."""
        return row.line.order.number

    @display(description="total", ordering="line__total_minor")
    def total(self, row: Attribution) -> Money:
        """Show what was paid."""
        return Money(row.line.total_minor, row.line.order.currency)

    @display(description="credits")
    def credits(self, row: Attribution) -> str:
        """Link to the line's part of the ledger."""
        address = reverse("admin:conversion_credit_changelist")
        return format_html('<a class="text-link" href="{}?line={}">Show</a>', address, row.pk)

    @admin.action(description="Attribute again, with the lookbacks of today", permissions=["view"])
    def attribute_again(self, request: HttpRequest, queryset: QuerySet[Attribution]) -> None:
        """Bring credits in line with the events and the lookback table as they are now."""
        lines = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            changed = attribution.attribute(line_ids=lines, at=timezone.now(), has_new_windows=True)
        messages.success(request, f"{changed} of {len(lines)} lines changed.")


@admin.register(Credit)
class CreditAdmin(ReadOnlyAdmin):
    """The ledger of credits, newest first."""

    list_display = [
        "note_title",
        "author",
        "model",
        "kind",
        share,
        amount,
        "surface",
        "touched_at",
    ]
    list_select_related = ["note", "author"]
    list_filter = [
        "model",
        "kind",
        "population",
        "surface",
        ("note", AutocompleteSelectFilter),
        ("at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    search_fields = ["note__title__istartswith", "author__handle__istartswith"]
    ordering = ["-pk"]

    @display(description="note", ordering="note__title")
    def note_title(self, credit: Credit) -> str:
        """Show the note, cut to what a column holds."""
        title = credit.note.title
        return title if len(title) <= 40 else f"{title[:39]}…"


@admin.register(MarkovReport)
class MarkovReportAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "population", "currency", "paths", "conversions", "computed_at"]
    list_filter = ["group_by", "population"]
    ordering = ["-computed_at"]
    exclude = ["effects"]
    readonly_fields = ["removal_effects"]

    @display(description="removal effects")
    def removal_effects(self, row: MarkovReport) -> str:
        """List what is lost without each group, the most first."""
        effects = sorted(row.effects, key=lambda pair: -pair[1])[:50]
        named = labels.named(row.group_by, keys=[key or None for key, _ in effects])
        return format_html_join(
            "", "{} {}<br>", ((f"{effect:.2%}", named[key or None][1]) for key, effect in effects)
        )


@admin.register(NoteSnapshot)
class NoteSnapshotAdmin(ReadOnlyAdmin):
    list_display = ["note", "days", "until", "is_final", "impressions", "openers", "computed_at"]
    list_filter = ["days", "is_final"]
    list_select_related = ["note"]
    ordering = ["-until"]
    search_fields = ["=note__id"]
    search_help_text = "A note's number."

    @display(description="impressions")
    def impressions(self, row: NoteSnapshot) -> int:
        return int(row.figures.get("impressions", 0))

    @display(description="people who opened")
    def openers(self, row: NoteSnapshot) -> int:
        return int(row.figures.get("openers", 0))


@admin.register(ImportedLog)
class ImportedLogAdmin(ReadOnlyAdmin):
    list_display = ["name", "shop", "line", "started_at", "finished_at"]
    ordering = ["-started_at"]


@admin.register(RollUp)
class RollUpAdmin(ReadOnlyAdmin):
    """The sums that statistics are answered from, and how far behind they are."""

    list_display = ["name", "fresh_at", "waiting"]
    fields = ["name", "fresh_at", "waiting", "dimensions"]
    ordering = ["name"]

    @display(description="marks to be read")
    def waiting(self, row: RollUp) -> int:
        """Count the people or lines whose events or credits have changed since."""
        return (UnreadSale if row.name == RollUp.Of.CREDITS else Unread).objects.count()
