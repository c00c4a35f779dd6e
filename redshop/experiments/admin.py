"""Experiments in the admin: written as drafts, started and stopped by buttons."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from redshop.core.admin import EditableAdmin, ReadOnlyAdmin, back_to
from redshop.core.errors import DomainError
from redshop.experiments.models import Arm, Experiment, Exposure, State
from redshop.experiments.services import running

START = ActionDialog(
    title="Start",
    description="From now on neither its arms nor who sees which can change.",
    form_class=BaseDialogForm,
    form_submit_text="Start",
)
STOP = ActionDialog(
    title="Stop",
    description="Nobody is shown an arm any more; what people do from now on does not count.",
    form_class=BaseDialogForm,
    form_submit_text="Stop",
)


class ArmInline(TabularInline):
    model = Arm
    extra = 0
    min_num = 2
    fields = ["key", "weight", "is_control"]

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_draft(obj) and super().has_delete_permission(request, obj)


def _is_draft(experiment: Experiment | None) -> bool:
    return experiment is None or experiment.state == State.DRAFT


@admin.register(Experiment)
class ExperimentAdmin(EditableAdmin):
    list_display = ["key", "name", "state", "primary_metric", "started_at", "stopped_at"]
    list_filter = ["state"]
    ordering = ["-created_at"]
    search_fields = ["key__startswith", "name__startswith"]
    fields = [
        "key",
        "name",
        "hypothesis",
        "primary_metric",
        "share",
        "salt",
        "state",
        "started_at",
        "stopped_at",
    ]
    inlines = [ArmInline]
    actions_detail: Any = ["start", "stop"]

    def get_readonly_fields(self, request: HttpRequest, obj: Experiment | None = None) -> list[str]:
        kept = ["state", "started_at", "stopped_at"]
        return kept if _is_draft(obj) else [*kept, "key", "primary_metric", "share", "salt"]

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return _is_draft(obj) and super().has_delete_permission(request, obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer what can be done with the experiment as it stands."""
        experiment = self.get_object(request, str(object_id))
        state = experiment.state if experiment else None
        offered = {State.DRAFT: "start", State.RUNNING: "stop"}.get(State(state)) if state else None
        buttons = super().get_actions_detail(request, object_id)
        return [button for button in buttons if button.action_name.endswith(f"_{offered}")]

    @action(  # type: ignore[operator]
        description="Start",
        url_path="start",
        icon="play_arrow",
        permissions=["change"],
        dialog=START,
    )
    def start(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, running.start, "It runs: people are shown their arm.")

    @action(  # type: ignore[operator]
        description="Stop", url_path="stop", icon="stop", permissions=["change"], dialog=STOP
    )
    def stop(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, running.stop, "It is stopped.")

    def _do(
        self, request: HttpRequest, object_id: str, act: Callable[..., Any], said: str
    ) -> HttpResponse:
        try:
            act(experiment_id=int(object_id), at=timezone.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, said)
        back = reverse("admin:experiments_experiment_change", args=[object_id])
        return back_to(request, back)


@admin.register(Exposure)
class ExposureAdmin(ReadOnlyAdmin):
    list_display = ["exposed_at", "experiment", "arm", "person_id", "visitor_id", "population"]
    list_filter = ["experiment", "population"]
    list_select_related = ["experiment", "arm"]
    ordering = ["-exposed_at"]
    search_fields = ["=person_id", "=visitor_id"]
    search_help_text = "A person's number, or the id of a visitor."
