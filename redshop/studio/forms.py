"""What the studio's pages ask for."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from redshop.catalog.models import BrandMember, Product
from redshop.studio.models import Brief, Draft
from redshop.studio.types import Reward, Segment
from redshop.studio.writers import base


class ClaimsField(forms.CharField):
    """One claim a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def validate(self, value: Any) -> None:
        if len(value) > 20 or any(len(claim) > 200 for claim in value):
            raise forms.ValidationError("At most 20 claims of 200 characters each.")

    def run_validators(self, value: Any) -> None:
        """A list has none of the limits of a text."""


class BriefForm(forms.ModelForm):  # type: ignore[type-arg]
    """A brief: the brand follows from the product."""

    segments = forms.MultipleChoiceField(
        choices=Segment.choices,
        initial=[Segment.EVERYBODY],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Each gets variants of its own.",
    )
    claims = ClaimsField(required=False, help_text=Brief._meta.get_field("claims").help_text)

    class Meta:
        model = Brief
        fields = (
            "product",
            "author",
            "language",
            "audience",
            "segments",
            "tone",
            "claims",
            "variants",
            "topics",
        )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        product, author = found.get("product"), found.get("author")
        if isinstance(product, Product) and isinstance(author, get_user_model()):
            works = BrandMember.objects.filter(brand=product.brand_id, user=author)
            if not works.exists():
                self.add_error("author", f"They do not work for {product.brand}.")
        return found


class DraftForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a draft says."""

    class Meta:
        model = Draft
        fields = ("title", "body")


class WriterForm(BaseDialogForm):
    """Who writes."""

    writer = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, base.IN_WORDS[name]) for name in base.available()]
        self.fields["writer"] = forms.ChoiceField(
            choices=choices,
            widget=UnfoldAdminSelectWidget,
            help_text="It writes in the background; drafts appear on this page.",
        )


class TrialForm(BaseDialogForm):
    """What a trial is about."""

    reward = forms.ChoiceField(
        choices=Reward.choices,
        widget=UnfoldAdminSelectWidget,
        label="What counts",
        help_text="What somebody did who saw a variant in explore.",
    )
    epoch_hours = forms.IntegerField(
        min_value=1,
        max_value=168,
        initial=6,
        widget=UnfoldAdminIntegerFieldWidget,
        label="Hours of an epoch",
        help_text="How long chances hold before they are weighed anew.",
    )
