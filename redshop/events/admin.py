"""The behaviour log in the admin: looked at, never touched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.paginator import InfinitePaginator

from redshop.core.admin import MomentRangeFilter, ReadOnlyAdmin
from redshop.events import selectors
from redshop.events.models import ArchivedMonth, Event, Identity, OptOut, RejectedEvent
from redshop.events.services.validation import CODES

#: What the list shows where neither a time nor a person is asked for.
LATELY: Final = timedelta(days=1)
_LARGEST: Final = 2**63 - 1


class _LogAdmin(ReadOnlyAdmin):
    """A table that grows without end: nothing counts its rows."""

    paginator = InfinitePaginator
    list_per_page = 50


@admin.register(Event)
class EventAdmin(_LogAdmin):
    list_display = [
        "occurred_at",
        "kind",
        "surface",
        "person_id",
        "visitor_id",
        "note_id",
        "product_id",
        "position",
        "query",
        "population",
        "source",
        "suspicion",
    ]
    list_filter = [
        ("occurred_at", MomentRangeFilter),
        "kind",
        "surface",
        "population",
        "source",
        "suspicion",
    ]
    list_filter_submit = True
    ordering = ["-occurred_at"]
    search_fields = ["id"]
    search_help_text = "A person's number, an event's id, or the id of a visitor nobody knew."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isascii() and term.isdigit() and int(term[:20]) <= _LARGEST:
            person_id = int(term)
            visitors = selectors.visitors_of(person_id)
            return queryset.of_person(person_id, visitors=visitors), False  # type: ignore[attr-defined]
        try:
            sought = UUID(term)
        except ValueError:
            return queryset.none(), False
        return queryset.filter(Q(pk=sought) | Q(visitor_id=sought, person_id=None)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        title = "Events of the last 24 hours" if _is_unasked(request) else "Events"
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows: QuerySet[Event] = super().get_queryset(request)
        if _is_the_list(request) and _is_unasked(request):
            return rows.filter(occurred_at__gte=timezone.now() - LATELY)
        return rows


def _is_the_list(request: HttpRequest) -> bool:
    return bool(
        request.resolver_match and request.resolver_match.url_name == "events_event_changelist"
    )


def _is_unasked(request: HttpRequest) -> bool:
    """Tell whether the list would be of everything that ever happened."""
    asked = ("q", "occurred_at_from_0", "occurred_at_to_0")
    return not any(request.GET.get(name) for name in asked)


class ReasonFilter(admin.SimpleListFilter):
    """Why a row was set aside."""

    title = "reason"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(code, code.replace("_", " ")) for code in CODES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RejectedEvent]
    ) -> QuerySet[RejectedEvent]:
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(RejectedEvent)
class RejectedEventAdmin(_LogAdmin):
    list_display = ["received_at", "code", "message", "event_id"]
    list_filter = [("received_at", MomentRangeFilter), ReasonFilter]
    list_filter_submit = True
    ordering = ["-received_at"]
    search_fields = ["event_id__exact", "code__exact"]
    search_help_text = "The id of an event, or a reason as it is written."


@admin.register(Identity)
class IdentityAdmin(_LogAdmin):
    list_display = ["visitor_id", "person_id", "joined_at"]
    ordering = ["visitor_id"]
    search_fields = ["=visitor_id", "=person_id"]
    search_help_text = "A visitor's id or a person's number."


@admin.register(OptOut)
class OptOutAdmin(_LogAdmin):
    list_display = ["person_id", "since"]
    ordering = ["person_id"]
    search_fields = ["=person_id"]
    search_help_text = "A person's number."


@admin.register(ArchivedMonth)
class ArchivedMonthAdmin(ReadOnlyAdmin):
    """What `manage.py lake` did."""

    list_display = ["__str__", "rows", "megabytes", "exported_at", "verified_at", "detached_at"]
    ordering = ["-month"]
    show_full_result_count = False

    @admin.display(description="MB")
    def megabytes(self, row: ArchivedMonth) -> str:
        return f"{sum(file['bytes'] for file in row.files) / 1_000_000:,.1f}"
