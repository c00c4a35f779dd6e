"""Drafts: read, edited, approved and published by people."""

import json
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from notes.states import NoteState
from redshop.core import sealing
from redshop.core.admin import ShownInline, linked
from redshop.studio import access
from redshop.studio.admin.base import ForBrands, who
from redshop.studio.forms import DraftForm
from redshop.studio.models import Draft, Manifest, Revision, WritingJob
from redshop.studio.selectors import provenance
from redshop.studio.services import reviewing
from redshop.studio.states import DraftState, may_become

PUBLISH: Final = ActionDialog(
    title="Publish",
    description="It becomes a note of the brand, labelled as an advertisement and as made with AI.",
    form_class=BaseDialogForm,
    form_submit_text="Publish",
)
PAGE: Final = "admin:studio_draft_change"


class RevisionInline(ShownInline):
    model = Revision
    readonly_fields: ClassVar[Any] = ["number", "title", "body", "shown_editor", "at"]
    fields = readonly_fields
    verbose_name_plural = "what it said before: the first is the writer's"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).select_related("editor")

    @display(description="by")
    def shown_editor(self, revision: Revision) -> str:
        return revision.editor.handle if revision.editor else "the writer"


@admin.register(Draft)
class DraftAdmin(ForBrands):
    """Variants of briefs; what an editor changes has to be approved anew."""

    brand = "brief__brand"
    form = DraftForm
    list_display = ["title", "brief_product", "segment", "shown_state", "shown_objections",
                    "written_at"]  # fmt: skip
    list_select_related = ["brief__product", "job"]
    list_filter = ["state", "segment"]
    ordering = ["-pk"]
    search_fields = ["title__istartswith", "brief__product__name__istartswith"]
    readonly_fields: ClassVar[Any] = [
        "brief", "segment", "shown_state", "shown_objections", "shown_attributes", "writer",
        "shown_note", "shown_manifest", "approved_by", "approved_at", "published_at",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["title", "body", "shown_objections"]}),
        ("Where it comes from", {"fields": ["brief", "segment", "writer", "shown_attributes"]}),
        (
            "Where it is",
            {
                "fields": [
                    "shown_state", "approved_by", "approved_at", "shown_note", "published_at",
                    "shown_manifest",
                ]
            },
        ),
    ]  # fmt: skip
    inlines = [RevisionInline]
    actions_detail: Any = ["approve", "publish", "reject"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = access.may_enter(who(request))
        return may and (obj is None or self._may_edit(obj))

    def _may_edit(self, draft: Draft) -> bool:
        is_out = draft.note is not None and draft.note.state != NoteState.DRAFT
        return draft.state != DraftState.PUBLISHED and not is_out

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        reviewing.revise(
            draft_id=obj.pk,
            title=form.cleaned_data["title"],
            body=form.cleaned_data["body"].replace("\r\n", "\n"),
            editor_id=who(request).pk,
            at=timezone.now(),
        )

    @display(description="product", ordering="brief__product__name")
    def brief_product(self, draft: Draft) -> str:
        return draft.brief.product.name

    @display(
        description="state",
        ordering="state",
        label={"written": "info", "approved": "warning", "published": "success"},
    )
    def shown_state(self, draft: Draft) -> str:
        return draft.state

    @display(description="objections")
    def shown_objections(self, draft: Draft) -> SafeString | str:
        told = [(each["says"], each["because"], each["remedy"]) for each in draft.objections]
        return format_html_join("", "<div><b>{}</b> “{}”. {}</div>", told) or "none"

    @display(description="attributes")
    def shown_attributes(self, draft: Draft) -> str:
        return ", ".join(f"{name}: {level}" for name, level in draft.attributes.items())

    @display(description="written by")
    def writer(self, draft: Draft) -> SafeString:
        told = f"{draft.job.writer} ({draft.job.model}), request {draft.job_id}"
        return linked("admin:studio_writingjob_change", draft.job_id, told)

    @display(description="note")
    def shown_note(self, draft: Draft) -> SafeString | str:
        if draft.note is None:
            return "none yet"
        told = f"{draft.note.title} ({draft.note.get_state_display()})"
        return linked("admin:notes_note_change", draft.note_id, told)

    @display(description="manifest")
    def shown_manifest(self, draft: Draft) -> SafeString | str:
        if not Manifest.objects.filter(note=draft.note_id or 0).exists():
            return "none yet"
        return linked("admin:studio_manifest_change", draft.note_id, "Sealed")

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_move(request, object_id, DraftState.APPROVED)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_move(request, object_id, DraftState.PUBLISHED)

    def has_reject_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_move(request, object_id, DraftState.REJECTED)

    def _may_move(self, request: HttpRequest, object_id: Any, target: DraftState) -> bool:
        if not self.is_theirs(request, object_id):
            return False
        return may_become(Draft.objects.values_list("state", flat=True).get(pk=object_id), target)

    @action(  # type: ignore[operator]
        description="Approve", url_path="approve", icon="check", permissions=["approve"]
    )
    def approve(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Say that it may be published as it is."""

        def act() -> None:
            reviewing.approve(draft_id=int(object_id), by_id=who(request).pk, at=timezone.now())

        return self.done(request, act, said="Approved.", back=(PAGE, object_id))

    @action(  # type: ignore[operator]
        description="Publish", url_path="publish", icon="publish", permissions=["publish"],
        dialog=PUBLISH,
    )  # fmt: skip
    def publish(self, request: HttpRequest, form: Any, object_id: Any) -> HttpResponse:
        def act() -> None:
            reviewing.publish(draft_id=int(object_id), at=timezone.now())

        said = "It is published, or waits in review where a rule asks for that."
        return self.done(request, act, said=said, back=(PAGE, object_id))

    @action(  # type: ignore[operator]
        description="Reject", url_path="reject", icon="block", permissions=["reject"]
    )
    def reject(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Let it go; editing brings it back."""

        def act() -> None:
            reviewing.reject(draft_id=int(object_id), at=timezone.now())

        return self.done(request, act, said="Rejected.", back=(PAGE, object_id))


@admin.register(WritingJob)
class WritingJobAdmin(ForBrands):
    """Requests to writers: what they were told, and what it took."""

    brand = "brief__brand"
    list_display = ["brief", "writer", "model", "state", "attempts", "input_tokens",
                    "output_tokens", "asked_at", "failure"]  # fmt: skip
    list_select_related = ["brief", "asked_by"]
    list_filter = ["state", "writer"]
    ordering = ["-pk"]
    search_fields = ["model__startswith"]


@admin.register(Manifest)
class ManifestAdmin(ForBrands):
    """Where published notes come from, sealed."""

    brand = "note__brand"
    list_display = ["note", "made_at"]
    list_select_related = ["note"]
    ordering = ["-made_at"]
    search_fields = ["note__title__istartswith"]
    readonly_fields: ClassVar[Any] = ["note", "made_at", "shown_standing", "shown_document", "seal"]
    fields = readonly_fields

    @display(description="standing")
    def shown_standing(self, manifest: Manifest) -> str:
        """Say whether it is intact, and whether the note still says what was sealed."""
        is_intact = sealing.is_intact(manifest.document, manifest.seal)
        is_same = provenance.is_of(manifest.note, manifest.document)
        return (
            f"{'The seal holds' if is_intact else 'The seal is broken'}; the note "
            f"{'says what it said' if is_same else 'was changed since'}."
        )

    @display(description="document")
    def shown_document(self, manifest: Manifest) -> SafeString:
        text = json.dumps(manifest.document, ensure_ascii=False, indent=1)
        return format_html('<pre class="text-xs whitespace-pre-wrap">{}</pre>', text)
