"""What the dialogs about parcels and returns ask: how many units of which line."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from orders import carriers
from orders.admin.inlines import parcel_name, units_in_words
from orders.models import OrderLine, ReturnLine, Shipment, ShipmentLine
from redshop.core.errors import DomainError

#: Where no carrier is chosen.
UNNAMED: Final = ("", "Not named")


def units_field(*, label: str, most: int, initial: int) -> forms.IntegerField:
    """Return a field for so many units, at most ``most``."""
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=most,
        initial=initial,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class ShipUnitsForm(BaseDialogForm):
    """How many open units of which lines of one merchant go out together, and with whom."""

    carrier = forms.ChoiceField(
        choices=[UNNAMED, *((code, each.name) for code, each in carriers.CARRIERS.items())],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    tracking = forms.CharField(
        label="Tracking number", max_length=80, required=False, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for each line that has open units."""
        super().__init__(*args, **kwargs)
        self.lines = _open_lines(str(self.object_id))
        first_part = self.lines[0].part_id if self.lines else None
        for line in self.lines:
            most = line.open_quantity
            self.fields[_units(line.pk)] = units_field(
                label=f"{line.sku.code} of {line.part.merchant} ({most} open)",
                most=most,
                initial=most if line.part_id == first_part else 0,
            )

    def clean(self) -> dict[str, Any]:
        """Turn the numbers into ``units`` by line and the ``part_id`` that they are of."""
        cleaned = super().clean() or {}
        units = {line.pk: cleaned.get(_units(line.pk)) or 0 for line in self.lines}
        chosen = [line for line in self.lines if units[line.pk]]
        if not chosen and not self.errors:
            self.add_error(self._first_units(), "Choose at least one unit.")
        if len({line.part_id for line in chosen}) > 1:
            self.add_error(_units(chosen[-1].pk), "A parcel is of one merchant.")
        self._check_number(cleaned)
        part_id = chosen[0].part_id if chosen else None
        return {**cleaned, "part_id": part_id, "units": {k: n for k, n in units.items() if n}}

    def _check_number(self, cleaned: dict[str, Any]) -> None:
        try:
            carriers.normal(
                carrier=cleaned.get("carrier", ""), tracking=cleaned.get("tracking", "")
            )
        except DomainError as refusal:
            self.add_error("tracking", ValidationError(refusal.detail, code=refusal.code))

    def _first_units(self) -> str:
        return _units(self.lines[0].pk) if self.lines else "tracking"


class DeliverParcelsForm(BaseDialogForm):
    """Which parcels have arrived."""

    parcels = forms.TypedMultipleChoiceField(
        coerce=int, widget=UnfoldAdminCheckboxSelectMultipleWidget, label="Parcels that arrived"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer those that are under way."""
        super().__init__(*args, **kwargs)
        under_way = Shipment.objects.filter(
            part__order_id=str(self.object_id), delivered_at=None
        ).order_by("pk")
        lines = ShipmentLine.objects.select_related("line__sku").order_by("pk")
        self.fields["parcels"].choices = [  # type: ignore[attr-defined]
            (parcel.pk, f"{parcel_name(parcel)}: {units_in_words(parcel.lines.all())}")
            for parcel in under_way.prefetch_related(Prefetch("lines", lines))
        ]


class ApproveForm(BaseDialogForm):
    """What the buyer is told."""

    decision = forms.CharField(
        label="What the buyer is told",
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget,
    )


class RefuseForm(BaseDialogForm):
    """Why; the buyer reads it."""

    decision = forms.CharField(
        label="Why (the buyer reads it)", max_length=500, widget=UnfoldAdminTextareaWidget
    )


class ReceiveForm(BaseDialogForm):
    """How many units of each line arrived fit to be sold again, and how many that are not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for each line of the return."""
        super().__init__(*args, **kwargs)
        lines = ReturnLine.objects.filter(of_return_id=UUID(str(self.object_id))).order_by("pk")
        self.lines = list(lines.select_related("line__sku"))
        for line in self.lines:
            code, most = line.line.sku.code, line.quantity
            self.fields[_restocked(line)] = units_field(
                label=f"{code}, back on sale (of {most})", most=most, initial=most
            )
            self.fields[_written_off(line)] = units_field(
                label=f"{code}, written off (of {most})", most=most, initial=0
            )

    def clean(self) -> dict[str, Any]:
        """Turn the numbers into units ``restocked`` and ``written_off`` by line of the order."""
        cleaned = super().clean() or {}
        restocked = {each.line_id: cleaned.get(_restocked(each)) or 0 for each in self.lines}
        written_off = {each.line_id: cleaned.get(_written_off(each)) or 0 for each in self.lines}
        for each in self.lines:
            if restocked[each.line_id] + written_off[each.line_id] > each.quantity:
                self.add_error(
                    _written_off(each), f"More than the {each.quantity} that were announced."
                )
        if self.lines and not any((*restocked.values(), *written_off.values(), *self.errors)):
            self.add_error(_restocked(self.lines[0]), "At least one unit must have arrived.")
        return {**cleaned, "restocked": restocked, "written_off": written_off}


def _open_lines(order_id: str) -> Sequence[OrderLine]:
    lines = OrderLine.objects.filter(order_id=order_id).order_by("part_id", "pk")
    return [line for line in lines.select_related("sku", "part__merchant") if line.open_quantity]


def _units(line_id: int) -> str:
    return f"units_{line_id}"


def _restocked(line: ReturnLine) -> str:
    return f"restocked_{line.line_id}"


def _written_off(line: ReturnLine) -> str:
    return f"written_off_{line.line_id}"
