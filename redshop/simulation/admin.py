"""The simulated populations, to look at."""

from django.contrib import admin

from redshop.core.admin import ReadOnlyAdmin
from redshop.simulation.models import SimulationRun


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
