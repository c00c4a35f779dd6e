"""Ways of ranking in the admin: read, made anew as versions, made the default, tried on people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from notes.admin.previews import TrialForm, columns
from notes.discovery import exposure_report
from notes.discovery.policies import FeedPolicy
from notes.models import ExposureGrant, LearnedModel, RankingPolicy
from notes.services import policies
from redshop.core.admin import EditableAdmin, ReadOnlyAdmin, back_to
from redshop.core.errors import InvalidInput

#: The numbers of a policy, as they are asked for, and what the less obvious ones are.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "What interactions count": ("like", "save", "comment", "share", "follow", "saturation"),
    "What a score is made of": (
        "engagement", "freshness", "half_life_hours", "interest", "following", "similar",
        "content", "newcomer", "open", "engage", "want", "buy",
    ),
    "What sinks": (
        "seen_factor", "opened_factor", "seen_days", "reduced_topic_factor",
        "author_repeat_factor",
    ),
    "Caps and shares": ("author_cap", "session_minutes", "sponsored_gap", "small_share"),
    "Variety": (
        "spectrum", "marginal", "diversity_loss", "diversity_window", "diverse_places"
    ),
    "Chance": ("exploration", "exploration_window"),
    "Candidates": (
        "fresh", "popular", "by_followed", "followed_notes", "by_topic", "by_trending",
        "by_similar", "by_content", "by_newcomer", "anchors", "interest_topics",
        "interest_threshold",
    ),
}  # fmt: skip
#: So many numbers are asked for in a row of the form.
IN_A_ROW: Final = 3
HELP: Final = {
    "saturation": "So many interactions, each by its weight, make engagement 1.",
    "half_life_hours": "After so many hours freshness has halved.",
    "similar": "What the notes that the viewer went to speak for it.",
    "content": "Likeness to what the viewer went to, by what it says.",
    "newcomer": "For a note in the exposure pool.",
    "open": "The probability that it is opened, of a learned model; so are the next three.",
    "seen_factor": "For each time it was on the screen, three times at most.",
    "author_repeat_factor": "For each better note of the same author.",
    "author_cap": "Notes of one author in an answer.",
    "session_minutes": "The cap counts what was shown of them for so long before; 0: it does not.",
    "sponsored_gap": "Places from one paid note to the next.",
    "small_share": "Of places that nobody pays for, to creators under 1,000 followers.",
    "spectrum": "What being unlike the last notes is worth: sliding spectrum decomposition.",
    "marginal": "The same by maximal marginal relevance; one of the two.",
    "diversity_loss": "The share of the best score that variety may cost at a place.",
    "exploration": "The probability that chance decides at a place. Without it no other "
    "policy can be evaluated from what this one shows.",
    "exploration_window": "Chance chooses between so many of the next notes.",
}
_DEFAULT = ActionDialog(
    title="Make it the default",
    description="Everybody who is in no experiment will have their feed ranked by it.",
    form_class=BaseDialogForm,
    form_submit_text="Make it the default",
)


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new version of a policy: its name, its words, and every number."""

    class Meta:
        model = RankingPolicy
        fields = ("name", "words", "depth")
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "words": UnfoldAdminTextareaWidget,
            "depth": UnfoldAdminIntegerFieldWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, usual in FeedPolicy.numbers().items():
            kind = forms.IntegerField if isinstance(usual, int) else forms.FloatField
            widget = UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
            self.fields[name] = kind(initial=usual, widget=widget)

    def numbers(self) -> dict[str, float]:
        """Return the numbers that were given."""
        return {name: self.cleaned_data[name] for name in FeedPolicy.numbers()}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                policies.check(self.numbers())
            except InvalidInput as refusal:
                for error in refusal.extra["errors"]:
                    self.add_error(error["pointer"].strip("/"), error["message"])
        return cleaned


def _told(names: tuple[str, ...]) -> SafeString:
    told = ((name.replace("_", " ").capitalize(), HELP[name]) for name in names if name in HELP)
    return format_html_join(" ", "<strong>{}</strong>: {}", told)


def _in_rows(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [names[start : start + IN_A_ROW] for start in range(0, len(names), IN_A_ROW)]


@admin.register(RankingPolicy)
class RankingPolicyAdmin(EditableAdmin):
    """How explore may be ranked; a policy never changes, a changed one is a new version."""

    list_display = ["label", "is_default", "since", "depth", "differs"]
    list_display_links = ["label"]
    ordering = ["-is_default", "name", "-version"]
    form = PolicyForm
    actions_list: Any = ["feed_as"]
    actions_detail: Any = ["new_version", "make_default"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_rank_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether this user may say how people's feeds are ranked."""
        return self.has_add_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return [(None, {"fields": ["label", "since", "is_default", "words", "depth", "table"]})]
        groups = [
            (title, {"fields": _in_rows(names), "description": _told(names)})
            for title, names in GROUPS.items()
        ]
        return [(None, {"fields": ["name", "words", "depth"]}), *groups]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["label", "table"] if obj is not None else []

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        if obj is None:  # the numbers are fields of the form and none of the model
            return PolicyForm
        return super().get_form(request, obj, *args, **{**kwargs, "form": forms.ModelForm})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        like = RankingPolicy.objects.filter(pk=request.GET.get("like") or 0).first()
        if like is None:
            return {"depth": 200}
        return {"name": like.name, "words": like.words, "depth": like.depth, **like.numbers}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        made = policies.create(
            name=obj.name,
            words=obj.words,
            numbers=form.numbers(),
            depth=obj.depth,
            at=timezone.now(),
        )
        obj.pk, obj.version = made.pk, made.version

    @display(description="numbers that differ from what a policy does unless told otherwise")
    def differs(self, policy: RankingPolicy) -> str:
        """Show the numbers that are its own, in one line."""
        told = (f"{name} {value:g}" for name, value in policy.numbers.items())
        return ", ".join(told) or "none"

    @display(description="numbers")
    def table(self, policy: RankingPolicy) -> SafeString:
        """Show every number in its group; its own ones stand out."""
        numbers = {**FeedPolicy.numbers(), **policy.numbers}
        rows = (
            (title, format_html_join(" · ", "<{0}>{1} {2}</{0}>", (
                ("strong" if name in policy.numbers else "span", name, f"{numbers[name]:g}")
                for name in names
            )))
            for title, names in GROUPS.items()
        )  # fmt: skip
        lines = format_html_join("", '<p class="mb-2">{}<br>{}</p>', rows)
        return format_html("<div>{}</div>", lines)

    @action(  # type: ignore[operator]
        description="New version", url_path="new-version", icon="add", permissions=["rank"]
    )
    def new_version(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Open the form of the next version, filled in with this one."""
        return redirect(f"{reverse('admin:notes_rankingpolicy_add')}?like={object_id}")

    @action(  # type: ignore[operator]
        description="Make it the default",
        url_path="make-default",
        icon="flag",
        permissions=["rank"],
        dialog=_DEFAULT,
    )
    def make_default(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Rank by the policy whose page is open."""
        policy = policies.make_default(policy_id=int(object_id))
        messages.success(request, f"{policy.label} is the default.")
        back = reverse("admin:notes_rankingpolicy_change", args=[object_id])
        return back_to(request, back)

    @action(  # type: ignore[operator]
        description="Feed as this person", url_path="feed-as-person", icon="person_search",
        permissions=["view"],
    )  # fmt: skip
    def feed_as(self, request: HttpRequest) -> HttpResponse:
        """Open the page that ranks for somebody by two policies."""
        return redirect("admin:notes_feed_as")

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.feed_as_view)
        return [path("feed-as/", view, name="notes_feed_as"), *super().get_urls()]

    def feed_as_view(self, request: HttpRequest) -> HttpResponse:
        """Rank explore for a person by two policies, side by side; nobody's log knows of it."""
        if not request.user.has_perm("notes.view_feedsnapshot"):
            return HttpResponse(status=403)
        form = TrialForm(request.GET or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Feed as this person",
            "form": form,
            "columns": columns(form, at=timezone.now()) if form.is_valid() else [],
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "notes/feed_as.html", context)


@admin.register(LearnedModel)
class LearnedModelAdmin(ReadOnlyAdmin):
    """What was learned from what was shown, and whether it earned its place."""

    list_display = ["learned_at", "impressions", "held_out", "is_used", "beside"]
    fields = ["learned_at", "impressions", "held_out", "is_used", "beside", "heads"]
    ordering = ["-learned_at"]

    @display(description="a place beside each formula, with its interval of 95 %")
    def beside(self, model: LearnedModel) -> SafeString:
        """Show by how much it would have earned more than each formula."""
        return format_html_join(
            "",
            "<div>{} {} ({} to {})</div>",
            (
                (label, f"{e['value']:+.4f}", f"{e['low']:+.4f}", f"{e['high']:+.4f}")
                for label, e in model.judged.items()
            ),
        )


@admin.register(ExposureGrant)
class ExposureGrantAdmin(ReadOnlyAdmin):
    """The exposure pool's ledger: what each new note was given, and why it went on or stopped."""

    list_display = [
        "note_id", "stage", "impressions", "granted", "opens", "outcome", "reason", "granted_at",
    ]  # fmt: skip
    fields = [
        "note_id", "stage", "granted", "is_small_creator", "granted_at", "impressions", "opens",
        "usual_rate", "outcome", "reason", "decided_at",
    ]  # fmt: skip
    list_filter = ["outcome", "stage", "is_small_creator"]
    search_fields = ["=note_id"]
    ordering = ["-granted_at", "-pk"]
    actions_list: Any = ["open_report"]

    @action(  # type: ignore[operator]
        description="Who is seen", url_path="who-is-seen-now", icon="equalizer",
        permissions=["view"],
    )  # fmt: skip
    def open_report(self, request: HttpRequest) -> HttpResponse:
        """Open the exposure report."""
        return redirect("admin:notes_exposure_report")

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.report_view)
        return [path("who-is-seen/", view, name="notes_exposure_report"), *super().get_urls()]

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """Show the share of small creators, how unequal exposure is, and how long notes wait."""
        if not request.user.has_perm("notes.view_exposuregrant"):
            return HttpResponse(status=403)
        days = int(request.GET.get("days", "")) if request.GET.get("days", "").isdecimal() else 7
        days, now = min(max(days, 1), 28), timezone.now()
        found = exposure_report.report(since=now - timedelta(days=days), until=now)
        context = {
            **self.admin_site.each_context(request),
            "title": "Who is seen",
            "days": days,
            "choices": (1, 7, 14, 28),
            "report": found,
            "waits": [
                ("New notes of small creators", found.small_wait),
                ("New notes of the others", found.large_wait),
            ],
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "notes/exposure_report.html", context)
