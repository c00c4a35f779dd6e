"""The simulated populations, and what scenarios came to in memory, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from redshop.core.admin import ReadOnlyAdmin
from redshop.simulation.models import Comparison, SimulationRun
from redshop.simulation.results.page import page


@admin.register(SimulationRun)
class SimulationRunAdmin(ReadOnlyAdmin):
    list_display = ["seed", "people", "days", "scenario", "state", "since_at", "until_at"]
    list_filter = ["state", "scenario"]
    fieldsets = [
        (None, {"fields": ["seed", "people", "days", "scenario", "declaration"]}),
        ("Simulated time", {"fields": ["since_at", "until_at", "days_done"]}),
        ("Real time", {"fields": ["state", "started_at", "finished_at"]}),
        ("Outcome", {"fields": ["summary"]}),
    ]


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    """What scenarios came to in memory: `manage.py simulate NAME --world arrays`."""

    list_display = ["scenario", "shown", "replications", "people", "days", "seed", "compared_at"]
    list_filter = ["scenario"]
    search_fields = ["scenario__startswith"]
    ordering = ["-compared_at", "-pk"]
    fields = [
        "question", "shown", "report", "scenario", "version", "digest", "seed", "people", "days",
        "replications", "metric", "compared_at",
    ]  # fmt: skip

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.show_page)
        ours = path("<int:comparison_id>/page/", view, name="simulation_comparison_page")
        return [ours, *super().get_urls()]

    def show_page(self, request: HttpRequest, comparison_id: int) -> HttpResponse:
        """Return the page of a comparison, as `--html` writes it."""
        return HttpResponse(page(get_object_or_404(Comparison, pk=comparison_id).document))

    @display(description="question")
    def question(self, comparison: Comparison) -> str:
        """Show what the scenario asks."""
        return str(comparison.document["question"]) or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comparison]:
        """Leave out the documents, which are long."""
        return super().get_queryset(request).defer("text")

    @display(description="found (simulated)", ordering="scenario")
    def shown(self, comparison: Comparison) -> SafeString | str:
        """Show by how much each arm differs in what decides, with the interval of 95 %."""
        lines = comparison.found.splitlines()
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines)) or "–"

    @display(description="report")
    def report(self, comparison: Comparison) -> SafeString:
        """Link the page."""
        address = reverse("admin:simulation_comparison_page", args=[comparison.pk])
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">Open the page</a>', address
        )
