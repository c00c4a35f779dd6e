"""Simulated populations; scenarios and comparisons of their arms: written, watched, read."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from redshop.core.admin import EditableAdmin, ReadOnlyAdmin, back_to, linked
from redshop.simulation.forms import DesignForm, ScenarioForm
from redshop.simulation.models import (
    Cause,
    Comparison,
    ComparisonState,
    SimulationRun,
    WrittenScenario,
)
from redshop.simulation.progress import Progress
from redshop.simulation.results.beside import MOST_BESIDE, beside
from redshop.simulation.results.page import page
from redshop.simulation.scenario import renamed, restored
from redshop.simulation.services import comparisons, scenarios

_EXAMPLE: Final = """name = "louder_video"
question = "What if videos were liked as much as pictures?"
metric = "open_rate"

[population]
people = 2_000

[arms.as_assumed]

[arms.equal.trust]
video = 0.0
"""
_HOW_TO_WRITE: Final = (
    "A question, numbers by section, and arms that change some of them. What it does not say is as "
    "the calibration has it. docs/simulation.md tells what can be said; whatever cannot is refused."
)
_WRAPPED: Final = "white-space: pre-wrap; overflow-wrap: anywhere"
_DESIGN: Final = ActionDialog(
    title="Compare its arms",
    description="Each world is lived once in every arm, with the same random numbers, by "
    "simulators: as many as there are, on as many hosts.",
    form_class=DesignForm,
    form_submit_text="Begin",
)
_STOP: Final = ActionDialog(
    title="Stop",
    description="Worlds that are being lived are lived to their end; no more are begun. What is "
    "done is kept.",
    form_class=BaseDialogForm,
    form_submit_text="Stop",
)
_RESUME: Final = ActionDialog(
    title="Go on",
    description="It goes on where it ended.",
    form_class=BaseDialogForm,
    form_submit_text="Go on",
)


@admin.register(SimulationRun)
class SimulationRunAdmin(ReadOnlyAdmin):
    list_display = ["seed", "people", "days", "scenario", "arm", "state", "since_at", "until_at"]
    list_filter = ["state", "scenario"]
    fieldsets = [
        (None, {"fields": ["seed", "people", "days", "scenario", "declaration"]}),
        ("Planted from memory", {"fields": ["arm", "thinned"]}),
        ("Simulated time", {"fields": ["since_at", "until_at", "days_done"]}),
        ("Real time", {"fields": ["state", "started_at", "finished_at"]}),
        ("Outcome", {"fields": ["summary"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what only planted worlds have, of people who lived here."""
        lived_here = obj is not None and not obj.arm
        found = super().get_fieldsets(request, obj)
        return [each for each in found if not (lived_here and "arm" in each[1]["fields"])]


@admin.register(Cause)
class CauseAdmin(ReadOnlyAdmin):
    """The truth of planted worlds: what each order is owed to."""

    list_display = ["bought", "owed_to", "share_of_it", "run"]
    list_display_links = None
    list_filter = [("note", admin.EmptyFieldListFilter), "run"]
    list_select_related = ["order", "note", "run"]
    search_fields = ["order__number__startswith"]
    ordering = ["-pk"]

    @display(description="order", ordering="order__number")
    def bought(self, cause: Cause) -> SafeString:
        return linked("admin:orders_order_change", cause.order_id, cause.order.number)

    @display(description="owed to", ordering="note__title")
    def owed_to(self, cause: Cause) -> SafeString | str:
        if cause.note is None:
            return "nothing: it would have been bought anyway"
        return linked("admin:notes_note_change", cause.note_id, cause.note.title)

    @display(description="share", ordering="share")
    def share_of_it(self, cause: Cause) -> str:
        return f"{cause.share:.1%}"


@admin.register(WrittenScenario)
class ScenarioAdmin(EditableAdmin):
    """What scenarios there are: those of the project, and those that were written here."""

    list_display = ["name", "question", "is_ready", "changed_at"]
    list_filter = ["is_ready"]
    search_fields = ["name__startswith"]
    ordering = ["name"]
    form = ScenarioForm
    actions_detail: Any = ["compare", "write_another"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_ready = obj is not None and obj.is_ready
        return not is_ready and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_ready = obj is not None and obj.is_ready
        return not is_ready and super().has_delete_permission(request, obj)

    def has_compare_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may have worlds lived."""
        return request.user.has_perm("simulation.add_comparison")

    def has_write_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may write a scenario like this one."""
        return self.has_add_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return [(None, {"fields": ["text"], "description": _HOW_TO_WRITE})]
        return [(None, {"fields": ["question", "is_ready", "shown"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if self.has_change_permission(request, obj) else ["shown"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        like = WrittenScenario.objects.filter(pk=request.GET.get("like") or 0).first()
        return {"text": _EXAMPLE if like is None else renamed(like.text)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        scenarios.write(obj, text=form.cleaned_data["text"], at=timezone.now())

    @display(description="as TOML")
    def shown(self, written: WrittenScenario) -> SafeString:
        """Show the text as it is."""
        return format_html('<pre class="text-xs" style="{}">{}</pre>', _WRAPPED, written.text)

    @action(  # type: ignore[operator]
        description="Compare its arms",
        url_path="compare",
        icon="play_arrow",
        permissions=["compare"],
        dialog=_DESIGN,
    )
    def compare(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Have worlds of the scenario lived in every arm."""
        begun = comparisons.begin(form.design(), at=timezone.now())
        messages.success(request, f"{begun} was begun; simulators live it, and this page watches.")
        return back_to(request, reverse("admin:simulation_comparison_change", args=[begun.pk]))

    @action(  # type: ignore[operator]
        description="Write another like it", url_path="another", icon="add", permissions=["write"]
    )
    def write_another(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Open the form of a new scenario, filled in with this one."""
        return redirect(f"{reverse('admin:simulation_writtenscenario_add')}?like={object_id}")


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    """Scenarios whose arms are compared in memory: how far they are, and what they came to."""

    list_display = ["scenario", "state", "shown", "planned", "people", "days", "seed", "begun_at"]
    list_filter = ["state", "scenario"]
    search_fields = ["scenario__startswith"]
    ordering = ["-begun_at", "-pk"]
    actions = ["side_by_side"]
    actions_detail: Any = ["stop", "resume"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what there is by now."""
        told = {
            ComparisonState.COMPLETE: ["shown", "report", "parquet"],
            ComparisonState.FAILED: ["trouble"],
        }
        asked = ["scenario", "asked", "metric", "begun_at", "compared_at"]
        return [
            (None, {"fields": ["question", "progress", *told.get(obj.state, [])]}),
            ("What was asked", {"fields": asked}),
        ]

    def get_urls(self) -> Any:
        def ours(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"simulation_{name}")

        return [
            ours("<int:comparison_id>/page/", self.show_page, "comparison_page"),
            ours("<int:comparison_id>/progress/", self.show_progress, "comparison_progress"),
            ours("side-by-side/", self.show_side_by_side, "side_by_side"),
            *super().get_urls(),
        ]

    def has_steer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may stop a comparison, and let it go on."""
        return request.user.has_perm("simulation.add_comparison")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comparison]:
        """Leave out the documents, which are long."""
        return super().get_queryset(request).defer("text", "said")

    def show_page(self, request: HttpRequest, comparison_id: int) -> HttpResponse:
        """Return the page of a comparison, as `--html` writes it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        complete = Comparison.objects.filter(state=ComparisonState.COMPLETE)
        return HttpResponse(page(get_object_or_404(complete, pk=comparison_id).document))

    def show_progress(self, request: HttpRequest, comparison_id: int) -> HttpResponse:
        """Return how far a comparison is; once it runs no more, have the whole page read anew."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        comparison = get_object_or_404(Comparison, pk=comparison_id)
        is_over = comparison.state != ComparisonState.RUNNING
        headers = {"HX-Refresh": "true"} if is_over else {}
        return HttpResponse(self.progress(comparison), headers=headers)

    def show_side_by_side(self, request: HttpRequest) -> HttpResponse:
        """Return a page with what several comparisons came to, metric by metric."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = [int(each) for each in request.GET.getlist("id") if each.isdecimal()]
        context = {
            **self.admin_site.each_context(request),
            "title": "Side by side",
            "opts": self.model._meta,
            "table": beside(self._documents(chosen[:MOST_BESIDE])),
        }
        return TemplateResponse(request, "simulation/side_by_side.html", context)

    def _documents(self, ids: list[int]) -> dict[int, dict[str, Any]]:
        complete = Comparison.objects.filter(pk__in=ids, state=ComparisonState.COMPLETE)
        return {each.pk: each.document for each in complete.order_by("pk")}

    @admin.action(description="Show side by side", permissions=["view"])
    def side_by_side(self, request: HttpRequest, queryset: QuerySet[Comparison]) -> HttpResponse:
        """Open the page that shows the chosen ones beside each other."""
        ids = queryset.filter(state=ComparisonState.COMPLETE).values_list("pk", flat=True)
        query = urlencode({"id": list(ids)}, doseq=True)
        return redirect(f"{reverse('admin:simulation_side_by_side')}?{query}")

    @action(  # type: ignore[operator]
        description="Stop", url_path="stop", icon="stop", permissions=["steer"], dialog=_STOP
    )
    def stop(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Begin no more worlds of the comparison whose page is open."""
        return self._told(
            request, object_id, "stopped", done=comparisons.stop(comparison_id=int(object_id))
        )

    @action(  # type: ignore[operator]
        description="Go on", url_path="go-on", icon="play_arrow", permissions=["steer"],
        dialog=_RESUME,
    )  # fmt: skip
    def resume(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Let the comparison whose page is open go on where it ended."""
        return self._told(
            request, object_id, "goes on", done=comparisons.resume(comparison_id=int(object_id))
        )

    def _told(self, request: HttpRequest, object_id: Any, what: str, *, done: bool) -> HttpResponse:
        if done:
            messages.success(request, f"The comparison {what}.")
        else:
            messages.warning(request, "Nothing changed: it is not in a state for that.")
        return back_to(request, reverse("admin:simulation_comparison_change", args=[object_id]))

    @display(description="question")
    def question(self, comparison: Comparison) -> str:
        """Show what the scenario asks."""
        return restored(comparison.said).question or "–"

    @display(description="asked")
    def asked(self, comparison: Comparison) -> str:
        """Show how the scenario is put to the test."""
        share, ends = comparison.half_width, comparison.swept
        return (
            f"{comparison.planned:,} worlds of {comparison.people:,} people, {comparison.days} days"
            + ("" if share is None else f", fewer once differences are within {100 * share:g} %")
            + ("" if not ends else f", {ends} more at either end of every assumption")
            + f"; seed {comparison.seed}; version {comparison.version}, {comparison.digest}"
        )

    @display(description="progress")
    def progress(self, comparison: Comparison) -> SafeString:
        """Show how far it is; the page asks again while it runs."""
        return render_to_string(
            "simulation/progress.html",
            {"comparison": comparison, "progress": Progress.of(comparison)},
        )

    @display(description="found (simulated)", ordering="scenario")
    def shown(self, comparison: Comparison) -> SafeString | str:
        """Show by how much each arm differs in what decides, with the interval of 95 %."""
        lines = comparison.found.splitlines()
        return format_html_join("", "<div>{}</div>", ((line,) for line in lines)) or "–"

    @display(description="report")
    def report(self, comparison: Comparison) -> SafeString | str:
        """Link the page."""
        if comparison.state != ComparisonState.COMPLETE:
            return "–"
        address = reverse("admin:simulation_comparison_page", args=[comparison.pk])
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">Open the page</a>', address
        )
