"""What the admin asks for: a scenario as TOML, and how it is put to the test."""

from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
)

from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.knobs import KNOBS
from redshop.simulation.models import WrittenScenario
from redshop.simulation.scenario import LARGEST_SEED, Scenario, parse
from redshop.simulation.services import scenarios
from redshop.simulation.services.comparisons import Design


class ScenarioForm(forms.ModelForm):  # type: ignore[type-arg]
    """A scenario; every problem is told at once, each with the place where it stands."""

    class Meta:
        model = WrittenScenario
        fields = ("text",)
        widgets = {
            "text": UnfoldAdminTextareaWidget(
                attrs={"rows": 28, "spellcheck": "false", "style": "font-family: monospace"}
            )
        }

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        try:
            scenarios.checked(text, scenario_id=self.instance.pk)
        except ScenarioInvalid as refusal:
            raise forms.ValidationError(refusal.problems) from refusal
        return text


def _whole(label: str, *, least: int, most: int, help_text: str = "", **kwargs: Any) -> Any:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget,
        **kwargs,
    )


class DesignForm(BaseDialogForm):
    """How a scenario is put to the test."""

    replications = _whole(
        "Replications", least=1, most=1_000, initial=8,
        help_text="Worlds, each lived once in every arm.",
    )  # fmt: skip
    seed = _whole(
        "Seed", least=0, most=LARGEST_SEED, initial=7, help_text="Same seed, same numbers."
    )
    people = _whole(
        "People", least=20, most=5_000_000, required=False, help_text="Empty: as the scenario says."
    )
    days = _whole(
        "Days", least=1, most=365, required=False, help_text="Empty: as the scenario says."
    )
    half_width = forms.FloatField(
        label="Precise enough, in percent",
        min_value=0.01,
        max_value=1_000.0,
        required=False,
        help_text="Stop once every difference is known within so much of what it is compared with.",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )
    sweep = _whole(
        "Replications at either end of every assumption", least=0, most=100, initial=0,
        help_text=f"{sum(len(knob.sweep or ()) for knob in KNOBS.values())} ends; 0: none.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.scenario()
            except ScenarioInvalid as refusal:
                self.add_error(None, refusal.problems)
        return cleaned

    def scenario(self) -> Scenario:
        """Return the scenario whose page is open, with as many people and days as were asked for.

        Raises:
            ScenarioInvalid: it cannot be put to the test.
        """
        told = {
            f"population.{name}": self.cleaned_data[name]
            for name in ("people", "days")
            if self.cleaned_data[name] is not None
        }
        written = WrittenScenario.objects.get(pk=int(self.object_id or 0))
        return parse(written.text).with_told(told)

    def design(self) -> Design:
        """Return what was asked for."""
        share = self.cleaned_data["half_width"]
        return Design(
            scenario=self.scenario(),
            seed=self.cleaned_data["seed"],
            replications=self.cleaned_data["replications"],
            half_width=None if share is None else share / 100.0,
            sweep=self.cleaned_data["sweep"],
        )
