"""What a button on an order's page lets a person add."""

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget


class PlainForm(BaseDialogForm):
    """Nothing but the question."""


class ReasonForm(BaseDialogForm):
    """Why."""

    words = forms.CharField(
        label="Reason", max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )


class TrackingForm(BaseDialogForm):
    """The carrier's number of the parcel."""

    words = forms.CharField(
        label="Tracking number", max_length=80, required=False, widget=UnfoldAdminTextInputWidget
    )


FORMS: dict[str, type[BaseDialogForm]] = {
    "": PlainForm,
    "reason": ReasonForm,
    "tracking": TrackingForm,
}
