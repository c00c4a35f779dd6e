"""Moderation in the admin: the queue, what was decided and why, brands' points, the record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from notes.integrity import advising, cases, decisions
from notes.integrity.decisions import Statement
from notes.integrity.points import IN_WORDS, limits_at
from notes.integrity.rules import rules
from notes.integrity.types import Action
from notes.models import (
    Appeal,
    AuditEntry,
    BlockedPicture,
    BrandStanding,
    BrandViolation,
    Case,
    Decision,
    Report,
)
from redshop.accounts.models import User
from redshop.catalog.services import media
from redshop.core.admin import (
    EditableAdmin,
    MomentRangeFilter,
    ReadOnlyAdmin,
    ShownInline,
    back_to,
)
from redshop.core.errors import DomainError

SOON: Final = timedelta(hours=2)


class StatementForm(BaseDialogForm):
    """The reasons that the author is given."""

    rule = forms.ChoiceField(
        required=False,
        choices=[
            ("", "none of the rules"),
            *((rule.key, f"{rule.key}: {rule.says}") for rule in rules()),
        ],
        widget=UnfoldAdminSelectWidget,
        help_text="The rule that it rests on.",
    )
    grounds = forms.CharField(
        max_length=1_000,
        widget=UnfoldAdminTextareaWidget,
        help_text="What the author is told: which part of the note, and why.",
    )


#: Each decision with what its dialog says.
QUESTIONS: Final = {
    Action.PUBLISH: ("Publish", "Everyone will be able to read this note.", "publish"),
    Action.REFUSE: ("Do not publish", "It becomes a draft again; its author may mend it.", "block"),
    Action.TAKE_DOWN: ("Take down", "Only its author will see this note.", "gavel"),
    Action.REINSTATE: ("Reinstate", "Everyone will see it again, in its old place.", "undo"),
    Action.KEEP: ("Leave as it is", "The case is closed; the note stays as it is.", "check"),
}


def _deciding(chosen: Action) -> Callable[..., Any]:
    """Make the button by which a moderator decides about the note of a case."""
    title, description, icon = QUESTIONS[chosen]

    def decide(self: CaseAdmin, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        case = Case.objects.get(pk=object_id)
        statement = Statement(
            action=chosen,
            grounds=form.cleaned_data["grounds"],
            rule=form.cleaned_data["rule"],
            by_id=cast(User, request.user).pk,
        )
        try:
            decisions.decide(note_id=case.note_id, statement=statement, at=timezone.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"Decided: {chosen.label}. The author is told.")
        return back_to(request, reverse("admin:notes_case_change", args=[object_id]))

    decide.__name__ = f"decide_{chosen}"
    made: Callable[..., Any] = action(  # type: ignore[operator]
        description=title,
        url_path=chosen.value.replace("_", "-"),
        icon=icon,
        permissions=[chosen.value],
        dialog=ActionDialog(
            title=title,
            description=description,
            form_class=StatementForm,
            form_submit_text=title,
        ),
    )(decide)
    return made


class ForModerators(ReadOnlyAdmin):
    """Seen by moderators and administrators."""

    def has_view_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return self.has_decide_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_decide_permission(request)

    def has_decide_permission(self, request: HttpRequest, object_id: object | None = None) -> bool:
        user = cast(User, request.user)
        return bool(user.is_active and user.is_staff and (user.is_moderator or user.is_superuser))


class ReportInline(ShownInline):
    model = Report
    readonly_fields: ClassVar[Any] = ["created_at", "reason", "detail", "reporter"]
    fields = readonly_fields
    verbose_name_plural = "what people say is wrong with it"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return super().get_queryset(request).select_related("reporter")


class AppealInline(ShownInline):
    model = Appeal
    readonly_fields: ClassVar[Any] = ["created_at", "reason", "decision", "outcome"]
    fields = readonly_fields
    verbose_name_plural = "appeals: to be decided by somebody else than before"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        return super().get_queryset(request).select_related("decision", "outcome")


class OpenFilter(admin.SimpleListFilter):
    """What waits, unless all is asked for."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("closed", "Decided"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        return [{**first, "display": "Waiting"}, *rest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        match self.value():
            case "closed":
                return queryset.filter(closed_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(closed_at=None)


@admin.register(Case)
class CaseAdmin(ForModerators):
    """Notes that a person must look at, the most urgent first."""

    list_display = ["note", "kind", "reports_count", "shown_due", "taken_by", "closed_at"]
    list_select_related = ["note", "taken_by"]
    list_filter = [OpenFilter, "kind"]
    ordering = ["due_at"]
    search_fields = ["note__author__handle__istartswith"]
    search_help_text = "How the handle of the note's author begins."
    readonly_fields: ClassVar[Any] = [
        "shown_note", "kind", "shown_findings", "shown_advice", "opened_at", "due_at", "taken_by",
        "taken_until", "closed_at",
    ]  # fmt: skip
    fields = readonly_fields
    inlines = [ReportInline, AppealInline]
    actions_detail: Any = [
        "take",
        *(f"decide_{chosen}" for chosen in QUESTIONS),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        rows: QuerySet[Case] = super().get_queryset(request)
        return rows.annotate(reports_number=Count("reports"))

    def has_take_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        may = self.has_decide_permission(request)
        return may and Case.objects.waiting().filter(pk=object_id or 0).exists()

    @display(description="reports", ordering="reports_number")
    def reports_count(self, case: Any) -> int:
        return int(case.reports_number)

    @display(
        description="due",
        ordering="due_at",
        label={"late": "danger", "soon": "warning", "in time": "info", "decided": "success"},
    )
    def shown_due(self, case: Case) -> tuple[str, str]:
        now = timezone.now()
        if case.closed_at is not None:
            return "decided", "decided"
        told = "late" if case.due_at < now else "soon" if case.due_at < now + SOON else "in time"
        return told, f"{told}, {timezone.localtime(case.due_at):%d %b %H:%M}"

    @display(description="note")
    def shown_note(self, case: Case) -> SafeString:
        note = case.note
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
            '<div class="max-w-2xl whitespace-pre-line mt-2">{}</div><div class="mt-2">{}</div>',
            reverse("admin:notes_note_change", args=[note.pk]),
            note.title or f"note {note.pk}",
            note.body,
            note.get_state_display(),
        )

    @display(description="rules that it breaks")
    def shown_findings(self, case: Case) -> SafeString | str:
        told = [(found["rule"], found["says"], found["because"]) for found in case.findings]
        return format_html_join("", "<div><b>{}</b>: {} ({})</div>", told) or "–"

    @display(description="covert advertising")
    def shown_advice(self, case: Case) -> str:
        """Say how much it looks like an advertisement; advice, and no rule."""
        advice = advising.of_note(case.note)
        reasons = "; ".join(advice.reasons) or "nothing speaks for it"
        return f"{advice.score} points ({reasons}). Advice only: nothing follows from it by itself."

    @action(  # type: ignore[operator]
        description="Take it", url_path="take", icon="pan_tool", permissions=["take"]
    )
    def take(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Keep others from deciding for a quarter of an hour."""
        try:
            cases.take(
                case_id=int(object_id),
                moderator_id=cast(User, request.user).pk,
                at=timezone.now(),
            )
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return back_to(request, reverse("admin:notes_case_change", args=[object_id]))


def _permitting(chosen: Action) -> Callable[..., bool]:
    """Tell whether a decision can be made about the note of a case that waits."""

    def is_permitted(self: CaseAdmin, request: HttpRequest, object_id: str | None = None) -> bool:
        if object_id is None or not self.has_decide_permission(request):
            return False
        case = Case.objects.waiting().filter(pk=object_id).select_related("note").first()
        return case is not None and chosen in decisions.allowed(case.note)

    return is_permitted


for _chosen in QUESTIONS:
    setattr(CaseAdmin, f"decide_{_chosen}", _deciding(_chosen))
    setattr(CaseAdmin, f"has_{_chosen}_permission", _permitting(_chosen))


@admin.register(Decision)
class DecisionAdmin(ForModerators):
    """What was decided, with the reasons that authors were given."""

    list_display = ["decided_at", "action", "note", "author", "rule", "decided_by", "grounds"]
    list_select_related = ["note", "author", "decided_by"]
    list_filter = [("decided_at", MomentRangeFilter), "action"]
    list_filter_submit = True
    ordering = ["-decided_at"]
    search_fields = ["author__handle__istartswith"]


@admin.register(BrandViolation)
class BrandViolationAdmin(ForModerators):
    """Points of brands; they go with thirty days each step, or when a note is reinstated."""

    list_display = ["at", "brand", "points", "decision", "withdrawn_at"]
    list_select_related = ["brand", "decision"]
    ordering = ["-at"]
    search_fields = ["brand__name__istartswith"]


@admin.register(BrandStanding)
class BrandStandingAdmin(ForModerators):
    """Brands that have points, and what follows from them."""

    list_display = ["brand", "points", "shown_limits", "counted_at"]
    list_select_related = ["brand"]
    ordering = ["-points"]
    search_fields = ["brand__name__istartswith"]

    @display(description="what holds")
    def shown_limits(self, standing: BrandStanding) -> str:
        return "; ".join(IN_WORDS[limit] for limit in limits_at(standing.points)) or "nothing"


class BlockedPictureForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes the picture itself, of which only the fingerprint is kept."""

    picture = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text="JPEG, PNG or WebP. It is not kept: only what it is recognised by.",
    )

    class Meta:
        model = BlockedPicture
        fields = ("why",)

    def clean_picture(self) -> int:
        """Return what the picture is recognised by."""
        try:
            value = media.prepare(upload=self.cleaned_data["picture"]).fingerprint
        except DomainError as refusal:
            raise forms.ValidationError(refusal.detail, code=refusal.code) from refusal
        if value is None:
            raise forms.ValidationError("It is no picture, or too flat to be recognised.")
        if BlockedPicture.objects.filter(fingerprint=value).exists():
            raise forms.ValidationError("It is blocked already.")
        return value


@admin.register(BlockedPicture)
class BlockedPictureAdmin(EditableAdmin):
    """Pictures that no note may show again."""

    add_form = BlockedPictureForm
    readonly_fields = ("fingerprint", "blocked_at")
    list_display = ["why", "fingerprint", "blocked_at"]
    ordering = ["-blocked_at"]
    search_fields = ["why__istartswith"]

    def get_form(
        self, request: HttpRequest, obj: BlockedPicture | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = self.add_form
        return super().get_form(request, obj, *args, **kwargs)

    def get_fields(self, request: HttpRequest, obj: BlockedPicture | None = None) -> Any:
        return ("why", "picture") if obj is None else ("why", *self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if not change:
            obj.fingerprint = form.cleaned_data["picture"]
            obj.blocked_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(AuditEntry)
class AuditEntryAdmin(ForModerators):
    """All that was done about content; nothing here can be changed."""

    list_display = ["at", "actor", "action", "subject", "details"]
    list_select_related = ["actor"]
    list_filter = [("at", MomentRangeFilter), "action"]
    list_filter_submit = True
    ordering = ["-at"]
    search_fields = ["subject__startswith"]
    search_help_text = "How a subject begins, such as note 7."
