"""Briefs: opened, written for, tried, and followed to the orders."""

import json
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from redshop.core.sheets import as_csv
from redshop.studio import access
from redshop.studio.admin.base import ForBrands, who
from redshop.studio.forms import BriefForm, TrialForm, WriterForm
from redshop.studio.models import Brief, Draft
from redshop.studio.selectors import lineage
from redshop.studio.services import briefs, trials
from redshop.studio.states import DraftState
from redshop.studio.writers import prompts

WRITE: Final = ActionDialog(
    title="Have drafts written",
    description="Drafts are proposals: nothing is published before a person approved it.",
    form_class=WriterForm,
    form_submit_text="Write",
)
TRY: Final = ActionDialog(
    title="Start a trial",
    description="Explore offers each viewer one of the published variants; those that do better "
    "are offered more. Every chance is written down.",
    form_class=TrialForm,
    form_submit_text="Start",
)
PAGE: Final = "admin:studio_brief_change"


@admin.register(Brief)
class BriefAdmin(ForBrands):
    """What is to be written: for which product, for whom, and what may be claimed."""

    form = BriefForm
    list_display = ["product", "brand", "language", "tone", "author", "opened_at"]
    list_select_related = ["product", "brand", "author"]
    list_filter = ["language", "tone"]
    ordering = ["-opened_at"]
    search_fields = ["product__name__istartswith", "brand__name__istartswith"]
    autocomplete_fields = ("product", "author", "topics")
    readonly_fields: ClassVar[Any] = ["shown_lessons", "shown_drafts", "opened_by", "opened_at"]
    actions_detail: Any = ["write", "start_trial", "open_lineage"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ("product", "author", "language", "audience", "segments", "tone", "claims")
        brief = (None, {"fields": (*asked, "variants", "topics")})
        if obj is None:
            return [brief]
        return [
            ("Drafts", {"fields": ("shown_drafts",)}),
            ("Brief", brief[1]),
            ("What was learned when it was opened", {"fields": ("shown_lessons",)}),
            ("Opened", {"fields": ("opened_by", "opened_at")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = () if obj is None else ("product", "author", "language")
        return (*self.readonly_fields, *fixed)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_enter(who(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_enter(who(request))

    def has_steer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.is_theirs(request, object_id)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer somebody the products of their own brands."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        user = who(request)
        if field is not None and field.queryset is not None and db_field.name == "product":
            field.queryset = access.within(field.queryset, user, brand="brand")
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.brand_id = obj.product.brand_id
        briefs.begin(obj, opened_by_id=who(request).pk, at=timezone.now())

    @display(description="drafts")
    def shown_drafts(self, brief: Brief) -> SafeString | str:
        """List the drafts, and the requests that brought nothing yet."""
        rows = [
            (reverse("admin:studio_draft_change", args=[draft.pk]), draft.title, draft.state,
             draft.get_segment_display(), "objected to" if draft.objections else "")
            for draft in Draft.objects.filter(brief=brief).order_by("pk")
        ]  # fmt: skip
        drafts = format_html_join(
            "",
            '<div><a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
            ' <span class="text-xs">{} · {} {}</span></div>',
            rows,
        )
        waiting = format_html_join(
            "",
            '<div class="text-xs">{}: {} {}</div>',
            ((job.writer, job.state, job.failure) for job in lineage.unwritten(brief)),
        )
        return drafts + waiting or "None yet: have some written."

    @display(description="lessons")
    def shown_lessons(self, brief: Brief) -> SafeString | str:
        told = format_html_join("", "<div>{}</div>", ((prompts.said(x),) for x in brief.lessons))
        return told or "Nothing yet: there was not enough data, or no effect that could be told."

    @action(  # type: ignore[operator]
        description="Have drafts written", url_path="write", icon="edit_note",
        permissions=["steer"], dialog=WRITE,
    )  # fmt: skip
    def write(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        def ask() -> None:
            briefs.ask(
                brief_id=int(object_id),
                writer=form.cleaned_data["writer"],
                asked_by_id=who(request).pk,
                at=timezone.now(),
            )

        said = "It is being written; read this page again in a few seconds."
        return self.done(request, ask, said=said, back=(PAGE, object_id))

    @action(  # type: ignore[operator]
        description="Start a trial", url_path="try", icon="science", permissions=["try"],
        dialog=TRY,
    )  # fmt: skip
    def start_trial(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        def start() -> None:
            trials.start(
                brief_id=int(object_id),
                started_by_id=who(request).pk,
                at=timezone.now(),
                reward=form.cleaned_data["reward"],
                epoch_hours=form.cleaned_data["epoch_hours"],
            )

        return self.done(request, start, said="The trial runs.", back=(PAGE, object_id))

    def has_try_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer a trial where two variants are published and none runs."""
        if not self.is_theirs(request, object_id):
            return False
        brief = Brief.objects.get(pk=object_id)
        variants = brief.drafts.filter(state=DraftState.PUBLISHED)
        return variants.count() > 1 and not brief.trials.filter(stopped_at=None).exists()

    @action(  # type: ignore[operator]
        description="Lineage", url_path="follow", icon="account_tree", permissions=["steer"]
    )
    def open_lineage(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Open the page that follows the brief to its orders."""
        return redirect(reverse("admin:studio_lineage", args=[object_id]))

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.show_lineage)
        return [
            path("<int:brief_id>/lineage/", view, name="studio_lineage"),
            *super().get_urls(),
        ]

    def show_lineage(self, request: HttpRequest, brief_id: int) -> HttpResponse:
        """Show a brief with all that came of it; ``?as=json`` or ``csv`` exports it."""
        if not access.may_enter(who(request)):
            raise PermissionDenied
        related = ("brand", "product", "opened_by", "author")
        theirs = access.briefs_of(who(request)).select_related(*related)
        brief = get_object_or_404(theirs, pk=brief_id)
        found = lineage.lineage(brief)
        match request.GET.get("as"):
            case "json":
                text = json.dumps(found.as_json(), ensure_ascii=False, indent=1)
                return _file(text.encode(), "application/json", f"brief-{brief_id}.json")
            case "csv":
                rows = found.as_rows()
                header = list(dict.fromkeys(name for row in rows for name in row)) or ["brief"]
                table = as_csv(rows, header=header)
                return _file(table, "text/csv; charset=utf-8", f"brief-{brief_id}.csv")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Lineage of brief {brief_id}",
            "opts": self.model._meta,
            "brief": brief,
            "lineage": found,
            "lessons": [prompts.said(lesson) for lesson in found.lessons],
        }
        return TemplateResponse(request, "studio/lineage.html", context)


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=media_type, headers=headers)
