"""Insight: which attributes of content go with more or less of what, and what is not known."""

import json
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.decorators import action, display

from redshop.conversion import access
from redshop.conversion.selectors import populations
from redshop.core.admin import ReadOnlyAdmin
from redshop.studio import access as studio
from redshop.studio.admin.base import who
from redshop.studio.insight.judging import FALSE_DISCOVERIES, OUTCOMES
from redshop.studio.insight.rows import STRATA
from redshop.studio.models import InsightReport
from redshop.studio.selectors.insights import usual_scope
from redshop.studio.services import learning

STRATA_IN_WORDS: Final = {
    "organic": "Organic: nobody pays, no AI",
    "paid": "Paid: labelled as advertising",
    "ai": "Made with AI, paid or not",
}


@admin.register(InsightReport)
class InsightReportAdmin(ReadOnlyAdmin):
    """What moved what, by notes of some months at the same age; each is computed once and kept."""

    list_display = ["__str__", "population", "shown_effects", "computed_at"]
    list_filter = ["population"]
    ordering = ["-computed_at"]
    actions_list: Any = ["compute"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = who(request)
        is_staff = user.is_active and user.is_staff
        return bool(is_staff and (access.is_analyst(user) or studio.may_enter(user)))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_compute_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_view_permission(request)

    @display(description="effects")
    def shown_effects(self, report: InsightReport) -> str:
        findings = report.document["findings"]
        return f"{sum(each['is_effect'] for each in findings)} of {len(findings)}"

    @action(  # type: ignore[operator]
        description="Compute anew", url_path="compute", icon="refresh", permissions=["compute"]
    )
    def compute(self, request: HttpRequest) -> HttpResponse:
        """Compute what moved what in the last months, of real notes where there are any."""
        now = timezone.now()
        scope = usual_scope(population=populations.choose(None), at=now)
        made = learning.compute_insight(scope, at=now)
        return redirect(reverse("admin:studio_insightreport_change", args=[made.pk]))

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.export)
        return [
            path("<int:report_id>/export/", view, name="studio_insight_export"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest, report_id: int) -> HttpResponse:
        """Return a report as JSON."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        report = get_object_or_404(InsightReport, pk=report_id)
        text = json.dumps(report.document, ensure_ascii=False, indent=1)
        headers = {"Content-Disposition": f'attachment; filename="insight-{report_id}.json"'}
        return HttpResponse(text, content_type="application/json", headers=headers)

    def change_view(
        self,
        request: HttpRequest,
        object_id: Any,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show a report as tables: what is an effect first, then what could not be told."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        report = get_object_or_404(InsightReport, pk=object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Insight: {report}",
            "opts": self.model._meta,
            "report": report,
            "scope": report.document["scope"],
            "false_discoveries": FALSE_DISCOVERIES,
            "strata": [_stratum(name, report.document) for name in STRATA],
        }
        return TemplateResponse(request, "studio/insight.html", context)


def _stratum(name: str, document: dict[str, Any]) -> dict[str, Any]:
    mine = [each for each in document["findings"] if each["stratum"] == name]
    return {
        "title": STRATA_IN_WORDS[name],
        "notes": document["notes"].get(name, 0),
        "outcomes": []
        if not document["notes"].get(name)
        else [
            {
                "label": outcome.label,
                "judged": sorted(
                    (each for each in mine if each["outcome"] == outcome.key and each["ratio"]),
                    key=lambda each: (not each["is_effect"], each["q"], each["ratio"]["p"]),
                ),
                "unknown": [
                    each for each in mine if each["outcome"] == outcome.key and not each["ratio"]
                ],
            }
            for outcome in OUTCOMES
        ],
    }
