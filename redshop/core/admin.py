"""The outbox in the admin: what waits, what failed, what was set aside for a person."""

from datetime import datetime, time
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import make_aware
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateTimeFilter

from redshop.core import outbox
from redshop.core.models import Fact, IdempotencyKey


def back_to(request: HttpRequest, address: str) -> HttpResponse:
    """Go back to where a button was pressed, from a dialog too."""
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def linked(name: str, key: Any, text: str) -> SafeString:
    """Return a link to a page of the admin, by the name of its address."""
    address = reverse(name, args=[key])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, text
    )


class EditableAdmin(ModelAdmin):
    """A table that is searched by how things begin: cheap however long the table is."""

    show_full_result_count = False
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for the whole phrase; Django would want each of its words to begin the name."""
        phrase = search_term.replace('"', "").strip()
        found, may_repeat = super().get_search_results(
            request, queryset, f'"{phrase}"' if phrase else ""
        )
        return found, bool(may_repeat)


class ReadOnlyAdmin(EditableAdmin):
    """A table that is looked at here and changed only through actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


class ShownInline(TabularInline):
    """Rows that belong to what the page shows, and are only looked at: by whoever sees the page."""

    extra = 0
    can_delete = False
    hide_title = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        page = self.admin_site.get_model_admin(self.parent_model)
        return bool(page.has_view_permission(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MomentRangeFilter(RangeDateTimeFilter):
    """From and to, in the admin's time zone; a day without a time is all of that day."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        since = self._moment("from", default=time.min)
        until = self._moment("to", default=time.max)
        if since is not None:
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": since})
        if until is not None:
            queryset = queryset.filter(**{f"{self.parameter_name}__lte": until})
        return queryset

    def _moment(self, edge: str, *, default: time) -> datetime | None:
        given = (self.used_parameters.get(f"{self.parameter_name}_{edge}_{i}") for i in (0, 1))
        day, clock = (str(part or "") for part in given)
        try:
            on, at = parse_date(day), parse_time(clock) or default
            return make_aware(datetime.combine(on, at)) if on else None
        except (ValueError, OverflowError):
            return None


class StandingFilter(admin.SimpleListFilter):
    """Pending, done or set aside."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("pending", "Pending"), ("set_aside", "Set aside"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Fact]) -> QuerySet[Fact]:
        match self.value():
            case "pending":
                return queryset.filter(done_at=None, set_aside_at=None)
            case "set_aside":
                return queryset.filter(set_aside_at__isnull=False)
            case "done":
                return queryset.filter(done_at__isnull=False)
        return queryset


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    list_display = ["kind", "key", "consumer", "due_at", "attempts", "done_at", "set_aside_at"]
    list_filter = [StandingFilter, "kind"]
    search_fields = ["key__startswith"]
    actions = ["try_again"]

    @admin.action(description="Try the facts that were set aside again", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Fact]) -> None:
        count = outbox.retry_set_aside(
            fact_ids=list(queryset.values_list("pk", flat=True)), at=timezone.now()
        )
        messages.success(request, f"{count} facts will be tried again.")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ["call", "key", "person_id", "status", "created_at"]
    search_fields = ["key__startswith"]
