"""Notes in the admin: written and labelled by hand, published and taken down by actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from notes import selectors
from notes.errors import BrandSuspended, ContentRefused
from notes.forms import FIELDS, NoteForm, NoteMediaForm, ProductTagForm, ProductTagFormSet
from notes.integrity import decisions
from notes.integrity.decisions import Statement
from notes.integrity.types import Action
from notes.models import (
    Comment,
    FeedSnapshot,
    FollowFrom,
    Hide,
    Like,
    Note,
    NoteCounts,
    NoteMedia,
    ProductTag,
    ProofOfPurchase,
    Save,
    Share,
    Topic,
)
from notes.services import authoring, comments, indexing
from notes.states import NoteState
from redshop.catalog.admin import thumbnail
from redshop.core.admin import EditableAdmin, MomentRangeFilter, ReadOnlyAdmin, back_to
from redshop.core.errors import DomainError

COLOURS = {
    NoteState.DRAFT.value: "info",
    NoteState.IN_REVIEW.value: "warning",
    NoteState.PUBLISHED.value: "success",
    NoteState.TAKEN_DOWN.value: "danger",
}


#: What authors are told where several notes are decided about at once.
GROUNDS = "Decided by the moderators of this platform."


class GroundsForm(BaseDialogForm):
    """The reasons that the author is given."""

    grounds = forms.CharField(
        max_length=1_000,
        widget=UnfoldAdminTextareaWidget,
        help_text="What the author is told: which part of the note, and why.",
    )


def _asking(
    title: str, description: str, form_class: type[BaseDialogForm] = BaseDialogForm
) -> ActionDialog:
    """Make the question that a button asks before it does anything."""
    return ActionDialog(
        title=title, description=description, form_class=form_class, form_submit_text=title
    )


class NoteMediaInline(TabularInline):
    model = NoteMedia
    form = NoteMediaForm
    extra = 0
    hide_title = True
    autocomplete_fields = ["media"]
    readonly_fields = ["preview"]
    fields = ["preview", "upload", "media", "position"]
    verbose_name = "picture or video"
    verbose_name_plural = "pictures: upload a file, or choose one that is already there"

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoteMedia]:
        return super().get_queryset(request).select_related("media")

    @display(description="")
    def preview(self, place: NoteMedia) -> SafeString | str:
        return thumbnail(place.media) if place.pk else "–"


class ProductTagInline(TabularInline):
    model = ProductTag
    form = ProductTagForm
    formset = ProductTagFormSet
    extra = 0
    hide_title = True
    autocomplete_fields = ["product"]
    readonly_fields = ["valid_from"]
    fields = ["product", "valid_from"]
    verbose_name = "product"
    verbose_name_plural = "products it shows now; taking one away ends its tag at this moment"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductTag]:
        return super().get_queryset(request).filter(valid_until=None).select_related("product")


@admin.register(Note)
class NoteAdmin(EditableAdmin):
    form = NoteForm
    list_filter_submit = True
    warn_unsaved_form = True
    list_display = [
        "picture",
        "title",
        "author",
        "shown_state",
        "provenance",
        "likes",
        "saves",
        "comments",
        "shares",
        "published_at",
    ]
    list_display_links = ["title"]
    list_filter = [
        "state",
        "type",
        "origin",
        "is_sponsored",
        "earns_commission",
        "ai_use",
        "has_verified_purchase",
        "population",
        ("topics", AutocompleteSelectFilter),
        ("author", AutocompleteSelectFilter),
        ("brand", AutocompleteSelectFilter),
        ("published_at", MomentRangeFilter),
    ]
    search_fields = ["=id", "title__istartswith", "author__handle__istartswith"]
    autocomplete_fields = ["author", "brand", "topics"]
    inlines = [NoteMediaInline, ProductTagInline]
    readonly_fields = ["state", "published_at", "has_verified_purchase", "population"]
    fields = [*FIELDS, *readonly_fields]
    ordering = ["-pk"]
    actions = ["publish", "take_down", "reinstate", "remove"]
    actions_detail: Any = ["publish_this", "take_down_this", "reinstate_this"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Note]:
        pictures = NoteMedia.objects.select_related("media")
        return (
            Note.objects.select_related("author", "brand", "counts")
            .prefetch_related(Prefetch("pictures", pictures))
            .defer("body")
        )

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what a rule does not allow, and leave the note as it was."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (ContentRefused, BrandSuspended) as refusal:
            rule = refusal.extra.get("rule", {})
            told = f"{rule['says']} {rule['because']}. {rule['remedy']}" if rule else refusal.detail
            messages.error(request, told)
            return redirect(request.path)

    def get_readonly_fields(self, request: HttpRequest, obj: Note | None = None) -> list[str]:
        return [*self.readonly_fields, "author"] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            names = [name for name in form.changed_data if name != "topics"]
            obj.save(update_fields=names)
            return
        obj.population = obj.author.population
        obj.created_at = timezone.now()
        obj.save()
        NoteCounts.objects.create(note=obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        authoring.settle(form.instance, at=timezone.now())

    @display(description="")
    def picture(self, note: Any) -> SafeString | str:
        return thumbnail(next((place.media for place in note.pictures.all()), None), width=40)

    @display(description="state", ordering="state", label=COLOURS)
    def shown_state(self, note: Note) -> tuple[str, str]:
        return note.state, note.get_state_display()

    @display(description="provenance")
    def provenance(self, note: Note) -> str:
        """Return what readers are told, in few words."""
        found = selectors.provenance(note)
        told = [
            found.origin if found.origin == Note.Origin.BRAND else "",
            f"paid by {found.paid_by}" if found.sponsored else "",
            note.get_disclosure_display() if note.disclosure else "",
            f"AI {found.ai}" if found.ai != Note.AiUse.NONE else "",
            "bought it" if found.verified_purchase else "",
        ]
        return ", ".join(filter(None, told)) or "–"

    @display(description="likes", ordering="counts__likes")
    def likes(self, note: Note) -> int:
        return selectors.counts(note).likes

    @display(description="saves", ordering="counts__saves")
    def saves(self, note: Note) -> int:
        return selectors.counts(note).saves

    @display(description="comments", ordering="counts__comments")
    def comments(self, note: Note) -> int:
        return selectors.counts(note).comments

    @display(description="shares", ordering="counts__shares")
    def shares(self, note: Note) -> int:
        return selectors.counts(note).shares

    @admin.action(description="Publish", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        _each(request, queryset, _publish, "published")

    @admin.action(description="Take down", permissions=["change"])
    def take_down(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        _each(request, queryset, _deciding(Action.TAKE_DOWN, request, GROUNDS), "taken down")

    @admin.action(description="Reinstate", permissions=["change"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        _each(request, queryset, _deciding(Action.REINSTATE, request, GROUNDS), "reinstated")

    @admin.action(description="Delete for good, as their authors", permissions=["change"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        _each(request, queryset, _delete, "deleted")

    @action(  # type: ignore[operator]
        description="Publish",
        url_path="publish",
        icon="publish",
        permissions=["change"],
        dialog=_asking("Publish", "Everyone will be able to read this note."),
    )
    def publish_this(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Publish the note whose page is open."""
        return _one(request, object_id, _publish, "published")

    @action(  # type: ignore[operator]
        description="Take down",
        url_path="take-down",
        icon="gavel",
        permissions=["change"],
        dialog=_asking("Take down", "Only its author will see this note.", GroundsForm),
    )
    def take_down_this(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Take down the note whose page is open."""
        move = _deciding(Action.TAKE_DOWN, request, form.cleaned_data["grounds"])
        return _one(request, object_id, move, "taken down")

    @action(  # type: ignore[operator]
        description="Reinstate",
        url_path="reinstate",
        icon="undo",
        permissions=["change"],
        dialog=_asking("Reinstate", "Everyone will see it again, in its old place.", GroundsForm),
    )
    def reinstate_this(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        """Reinstate the note whose page is open."""
        move = _deciding(Action.REINSTATE, request, form.cleaned_data["grounds"])
        return _one(request, object_id, move, "reinstated")


Move = Callable[[Note], object]


def _publish(note: Note) -> object:
    return authoring.publish_by_hand(note_id=note.pk, at=timezone.now())


def _deciding(action: Action, request: HttpRequest, grounds: str) -> Move:
    """Make a decision of whoever acts here about each note."""
    statement = Statement(action=action, grounds=grounds, by_id=request.user.pk)
    return lambda note: decisions.decide(note_id=note.pk, statement=statement, at=timezone.now())


def _delete(note: Note) -> object:
    return authoring.delete(note_id=note.pk, author_id=note.author_id, at=timezone.now())


def _each(request: HttpRequest, notes: Iterable[Note], move: Move, done: str) -> None:
    """Move every note; say what was refused, and why."""
    moved = 0
    for note in notes:
        try:
            move(note)
        except DomainError as refusal:
            messages.error(request, f"{note.title}: {refusal.detail}")
        else:
            moved += 1
    if moved:
        messages.success(request, f"{moved} {'note' if moved == 1 else 'notes'} {done}.")


def _one(request: HttpRequest, object_id: Any, move: Move, done: str) -> HttpResponse:
    _each(request, Note.objects.filter(pk=object_id), move, done)
    back = reverse("admin:notes_note_change", args=[object_id])
    return back_to(request, back)


@admin.register(Topic)
class TopicAdmin(EditableAdmin):
    list_display = ["name", "slug", "notes_count"]
    search_fields = ["name__istartswith", "slug__istartswith"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["slug"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return selectors.topics_with_counts()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if change and form.changed_data:
            indexing.reindex(note_ids=list(obj.notes.values_list("pk", flat=True)))

    @display(description="published notes", ordering="notes_count")
    def notes_count(self, topic: Any) -> int:
        return int(topic.notes_count)


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ["body", "author", "note", "reply_to", "created_at", "deleted_at"]
    list_filter = [
        ("author", AutocompleteSelectFilter),
        ("note", AutocompleteSelectFilter),
        ("created_at", MomentRangeFilter),
    ]
    list_select_related = ["author", "note", "reply_to"]
    search_fields = ["=id", "author__handle__istartswith"]
    ordering = ["-pk"]
    actions = ["take_back"]

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may take comments of others back."""
        return request.user.has_perm("notes.delete_comment")

    @admin.action(description="Take back, with their replies", permissions=["moderate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        for comment in queryset:
            try:
                comments.delete(
                    comment_id=comment.pk, author_id=comment.author_id, at=timezone.now()
                )
            except DomainError as refusal:
                messages.error(request, f"{comment.body[:40]}: {refusal.detail}")
            else:
                messages.success(request, f"Taken back: {comment.body[:40]}")


@admin.register(Like, Save, Hide, Share, FollowFrom)
class ReactionAdmin(ReadOnlyAdmin):
    list_display = ["person", "note", "created_at"]
    list_filter = [
        ("person", AutocompleteSelectFilter),
        ("note", AutocompleteSelectFilter),
        ("created_at", MomentRangeFilter),
    ]
    list_select_related = ["person", "note"]
    search_fields = ["person__handle__istartswith"]
    ordering = ["-pk"]


@admin.register(ProofOfPurchase)
class ProofOfPurchaseAdmin(ReadOnlyAdmin):
    list_display = ["person", "product", "delivered_at"]
    list_filter = [("person", AutocompleteSelectFilter), ("product", AutocompleteSelectFilter)]
    list_select_related = ["person", "product"]
    search_fields = ["person__handle__istartswith", "product__name__istartswith"]
    ordering = ["-pk"]


@admin.register(FeedSnapshot)
class FeedSnapshotAdmin(ReadOnlyAdmin):
    list_display = ["request_id", "surface", "policy", "is_personalised", "person_id", "created_at"]
    list_filter = ["surface", "policy", "is_personalised"]
    search_fields = ["=person_id"]
    ordering = ["-created_at"]
