"""Trials: what each variant came to, and the chances it was offered with."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from redshop.core.admin import ShownInline
from redshop.studio.admin.base import ForBrands
from redshop.studio.models import Allocation, Trial
from redshop.studio.selectors import trials as found
from redshop.studio.services import trials

STOP: Final = ActionDialog(
    title="Stop",
    description="All variants are offered to everybody again; what was found stays.",
    form_class=BaseDialogForm,
    form_submit_text="Stop",
)
PAGE: Final = "admin:studio_trial_change"


class AllocationInline(ShownInline):
    model = Allocation
    readonly_fields: ClassVar[Any] = [
        "epoch", "draft", "chance", "people", "successes", "since", "until", "is_final",
    ]  # fmt: skip
    fields = readonly_fields
    verbose_name_plural = "chances and what came of them, epoch by epoch"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allocation]:
        rows = super().get_queryset(request)
        return rows.select_related("draft").order_by("-epoch", "draft_id")

    @display(description="chance")
    def chance(self, row: Allocation) -> str:
        return f"{row.propensity:.1%} by Beta({row.alpha:g}, {row.beta:g})"


@admin.register(Trial)
class TrialAdmin(ForBrands):
    """Published variants beside each other; the better are offered more."""

    brand = "brief__brand"
    list_display = ["brief", "reward", "epoch", "started_at", "stopped_at"]
    list_select_related = ["brief", "started_by"]
    list_filter = ["reward"]
    ordering = ["-pk"]
    search_fields = ["brief__product__name__istartswith"]
    readonly_fields: ClassVar[Any] = [
        "brief", "reward", "shown_estimates", "epoch", "epoch_hours", "epoch_began_at",
        "started_by", "started_at", "stopped_at",
    ]  # fmt: skip
    fields = readonly_fields
    inlines = [AllocationInline]
    actions_detail: Any = ["stop"]

    @display(description="found so far")
    def shown_estimates(self, trial: Trial) -> SafeString | str:
        """Show each variant's rate with its interval, of epochs that are over."""
        rows = [
            (each.title, f"{each.value:.1%}", f"{each.low:.1%}", f"{each.high:.1%}",
             f"{each.people:,}", f"{each.propensity:.0%}")
            for each in found.estimates(trial)
        ]  # fmt: skip
        told = format_html_join(
            "",
            "<div><b>{}</b>: {} ({} to {}, 95 %) of {} people; offered to {} now</div>",
            rows,
        )
        return told or "Nothing yet: no epoch is over, or nobody saw a variant."

    def has_stop_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        is_theirs = self.is_theirs(request, object_id)
        return is_theirs and Trial.objects.running().filter(pk=object_id).exists()

    @action(  # type: ignore[operator]
        description="Stop", url_path="stop", icon="stop", permissions=["stop"], dialog=STOP
    )
    def stop(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        def act() -> None:
            trials.stop(trial_id=int(object_id), at=timezone.now())

        return self.done(request, act, said="It is stopped.", back=(PAGE, object_id))
