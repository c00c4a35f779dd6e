"""Forms of the admin: pictures uploaded where they are needed, stock set only once."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
)

from redshop.catalog import selectors
from redshop.catalog.models import Category, Media, Product, Sku
from redshop.catalog.services import media
from redshop.core.errors import DomainError


class UploadField(forms.FileField):
    """A file, or none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=UnfoldAdminFileFieldWidget(attrs={"accept": media.ACCEPTED}),
            **kwargs,
        )


class FormWithUpload(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose picture is chosen among those there are, or uploaded in the same step.

    ``media_field`` names the foreign key to Media. What is uploaded goes through the same checks
    as over the API, and a refusal is an error of the field.
    """

    media_field = "media"
    upload = UploadField(label="Upload")
    prepared: media.Prepared | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_media_needed = self.fields[self.media_field].required
        self.fields[self.media_field].required = False

    def owner_id(self) -> int | None:
        """Return whose the upload will be; nobody's: the shop's own."""
        return None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if upload := cleaned.get("upload"):
            try:
                self.prepared = media.prepare(upload=upload)
            except DomainError as refusal:
                self.add_error("upload", refusal.detail)
        elif self.is_media_needed and not cleaned.get(self.media_field):
            self.add_error("upload", "Upload a picture or choose one.")
        return cleaned

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        if self.prepared is not None:
            kept = media.keep(self.prepared, owner_id=self.owner_id(), at=timezone.now())
            setattr(self.instance, self.media_field, kept)
        return super().save(commit)


class MediaForm(forms.ModelForm):  # type: ignore[type-arg]
    """An upload by hand."""

    upload = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": media.ACCEPTED}),
        help_text="JPEG, PNG or WebP; MP4 or WebM. Place and camera are left out of what is kept.",
    )

    class Meta:
        model = Media
        fields = ["owner"]

    def clean_upload(self) -> media.Prepared:
        try:
            return media.prepare(upload=self.cleaned_data["upload"])
        except DomainError as refusal:
            raise ValidationError(refusal.detail, code=refusal.code) from refusal

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        super().save(commit=False)
        owner = self.cleaned_data["owner"]
        self.instance = media.keep(
            self.cleaned_data["upload"], owner_id=owner.pk if owner else None, at=timezone.now()
        )
        return self.instance


class FetchForm(BaseDialogForm):
    """Where a picture is."""

    address = forms.URLField(
        assume_scheme="https",
        max_length=2_000,
        widget=UnfoldAdminURLInputWidget,
        help_text="Of a JPEG, PNG or WebP on the public internet. A copy is kept; what the camera "
        "wrote into it is left out.",
    )


class CategoryForm(forms.ModelForm):  # type: ignore[type-arg]
    """A category that is nowhere inside itself."""

    class Meta:
        model = Category
        fields = ["name", "slug", "parent"]

    def clean_parent(self) -> Category | None:
        parent: Category | None = self.cleaned_data["parent"]
        if parent is not None and self.instance.pk is not None:
            inside = selectors.with_descendants(category_id=self.instance.pk)
            if parent.pk in inside:
                raise ValidationError("A category cannot be inside itself.", code="inside_itself")
        return parent


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    """A product; an address without a scheme is meant to be secure."""

    external_url = forms.URLField(
        label="External URL",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=Product._meta.get_field("external_url").help_text,
    )

    class Meta:
        model = Product
        fields = ["name", "brand", "category", "description", "external_url", "is_listed"]


class SkuForm(forms.ModelForm):  # type: ignore[type-arg]
    """A variant; its stock is entered once, and from then on moves by orders and actions."""

    class Meta:
        model = Sku
        fields = ["product", "code", "options", "price_minor", "currency", "on_hand", "is_active"]
        widgets = {"options": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None and "on_hand" in self.fields:
            on_hand = self.fields["on_hand"]
            on_hand.disabled = True
            on_hand.help_text = "Units in the warehouse; Restock and Count, above, change them."

    def clean_options(self) -> dict[str, Any]:
        options = self.cleaned_data["options"] or {}
        if not isinstance(options, dict):
            raise ValidationError('Name the options, as in {"size": "M"}.', code="not_named")
        return options

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        """Write what was changed and nothing else: stock may have moved since it was read."""
        is_new = self.instance.pk is None
        if not commit or is_new:
            return super().save(commit)
        super().save(commit=False)
        self.instance.save(update_fields=self.changed_data)
        return self.instance


class ReasonField(forms.CharField):
    """Why, in the words of who does it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label="Reason",
            max_length=200,
            required=False,
            widget=UnfoldAdminTextInputWidget,
            **kwargs,
        )


class DeliveryForm(BaseDialogForm):
    """How many units came."""

    quantity = forms.IntegerField(
        label="Units delivered, of each variant",
        validators=[MinValueValidator(1)],
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 1}),
    )
    reason = ReasonField()


class CountForm(BaseDialogForm):
    """How many units are there."""

    units = forms.IntegerField(
        label="Units in the warehouse",
        min_value=0,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 0}),
    )
    reason = ReasonField()
