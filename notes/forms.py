"""Forms of the admin: the rules of publishing as errors of the field that breaks them."""

from typing import Any

from django import forms
from django.utils import timezone
from unfold.forms import PaginationInlineFormSet

from notes.integrity import labels
from notes.models import Note, NoteMedia, ProductTag
from notes.services import authoring
from notes.states import NoteState
from redshop.catalog.forms import FormWithUpload
from redshop.core.errors import DomainError

FIELDS = [
    "title",
    "type",
    "author",
    "body",
    "topics",
    "brand",
    "origin",
    "is_sponsored",
    "earns_commission",
    "disclosure",
    "ai_use",
]


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A note; its state is moved by actions."""

    class Meta:
        model = Note
        fields = FIELDS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self._check_brand(cleaned)
            self._check_labels(cleaned)
        return cleaned

    def _check_brand(self, cleaned: dict[str, Any]) -> None:
        author = cleaned.get("author") or self.instance.author
        speaks_for_brand = cleaned["origin"] == Note.Origin.BRAND
        if not cleaned["brand"]:
            if speaks_for_brand or cleaned["is_sponsored"]:
                self.add_error("brand", "Say which brand this is for.")
        elif speaks_for_brand:
            self._ask(
                "origin",
                lambda: authoring.check_membership(
                    author_id=author.pk, brand_id=cleaned["brand"].pk
                ),
            )

    def _check_labels(self, cleaned: dict[str, Any]) -> None:
        """Hold a published note to what it had to be when it was published."""
        if self.instance.state != NoteState.PUBLISHED:
            return
        before = Note.objects.get(pk=self.instance.pk)
        self._ask("ai_use", lambda: labels.check_ai_label(before, ai_use=cleaned["ai_use"]))
        for name in ("origin", "is_sponsored", "earns_commission", "disclosure"):
            setattr(before, name, cleaned[name])
        self._ask("disclosure", lambda: labels.check_disclosure(before))

    def _ask(self, field: str, check: Any) -> None:
        try:
            check()
        except DomainError as refusal:
            self.add_error(field, refusal.detail)


class NoteMediaForm(FormWithUpload):
    """A picture or video of the note; an upload becomes its author's."""

    class Meta:
        model = NoteMedia
        fields = ["media", "position"]

    def owner_id(self) -> int | None:
        note: Note = self.instance.note
        return note.author_id


class ProductTagForm(forms.ModelForm):  # type: ignore[type-arg]
    """A product that the note shows; what was once shown is closed, never changed."""

    class Meta:
        model = ProductTag
        fields = ["product"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["product"].disabled = True


class ProductTagFormSet(PaginationInlineFormSet):
    """The products that a note shows; taking one away closes its interval."""

    def clean(self) -> None:
        """Refuse an unlabelled product in a published note where every product needs a label."""
        super().clean()
        note: Note = self.instance
        if note.state != NoteState.PUBLISHED or note.disclosure:
            return
        kept = [form for form in self.forms if form not in self.deleted_forms and _is_filled(form)]
        if kept and labels.is_every_product_commercial():
            raise forms.ValidationError("Products need a disclosure here.", code="disclosure")

    def delete_existing(self, obj: ProductTag, commit: bool = True) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """Close the tag, so that what was seen while it stood still counts."""
        if commit:
            obj.valid_until = timezone.now()
            obj.save(update_fields=["valid_until"])


def _is_filled(form: Any) -> bool:
    return bool(form.instance.pk or form.cleaned_data.get("product"))
