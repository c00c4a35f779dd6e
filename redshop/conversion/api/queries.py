"""What can be asked of a statistic."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from rest_framework import serializers

from redshop.conversion.api.pages import read_cursor
from redshop.conversion.chains import OPTIONAL, STEPS
from redshop.conversion.selectors import populations
from redshop.conversion.types import (
    MARKOV,
    AttributionModel,
    Basis,
    CreditGroup,
    FunnelGroup,
    Period,
    Slice,
    Unit,
)
from redshop.core.api.serializers import StrictSerializer
from redshop.core.populations import Population

DEFAULT_DAYS: Final = 28
MOST_DAYS: Final = 400
YEARS: Final = range(2000, 2101)
MOST_ID: Final = 2**63 - 1
#: What an answer can be asked for as.
FORMATS: Final = ["json", "csv", "parquet"]


def is_kept(day: date) -> None:
    """Refuse days of years from which nothing can be there."""
    if day.year not in YEARS:
        raise serializers.ValidationError("This year is not kept.", code="out_of_range")


class StepsField(serializers.CharField):
    """Names of steps, separated by commas."""

    default_error_messages = {
        "unknown": "There is no step {name}.",
        "repeated": "A step is named twice.",
    }

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        names = tuple(name.strip() for name in text.split(",")) if text else ()
        for name in names:
            if name not in STEPS:
                self.fail("unknown", name=name[:40])
        if len(set(names)) < len(names):
            self.fail("repeated")
        return names


class SubjectQuery(StrictSerializer):
    """Which days of which people, in which currency."""

    to = serializers.DateField(
        required=False,
        validators=[is_kept],
        help_text="The day after the last one; default tomorrow.",
    )
    tz = serializers.CharField(
        default=settings.PLATFORM_TIME_ZONE, help_text="The time zone whose days are meant."
    )
    population = serializers.ChoiceField(
        choices=[*Population.values, populations.ALL],
        required=False,
        help_text="Default: real where there is any, else simulated.",
    )
    currency = serializers.RegexField(
        r"^[A-Z]{3}\Z",
        default=settings.PLATFORM_CURRENCY,
        help_text="Sums never mix currencies.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from``, which Python keeps for itself."""
        first = serializers.DateField(
            required=False,
            validators=[is_kept],
            help_text="The first day; default 28 days before to.",
        )
        return {"from": first, **super().get_fields()}

    def validate_tz(self, value: str) -> ZoneInfo:
        """Find the zone."""
        if value not in available_timezones():
            raise serializers.ValidationError("There is no such time zone.", code="does_not_exist")
        return ZoneInfo(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Complete the days."""
        today = self.context["at"].astimezone(attrs["tz"]).date()
        end = attrs.get("to") or _end(attrs.get("from"), today=today)
        first = attrs.get("from") or end - timedelta(days=DEFAULT_DAYS)
        if first >= end:
            raise _refused("to", "empty_range", "to is excluded and must lie after from.")
        if (end - first).days > MOST_DAYS:
            raise _refused("from", "range_too_wide", f"At most {MOST_DAYS} days at once.")
        attrs["period"] = Period(first, end, attrs["tz"])
        return attrs

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields, as the selectors name them."""
        asked = self.validated_data
        return {
            "period": asked["period"],
            "population": populations.choose(asked.get("population")),
            "currency": asked["currency"],
        }


class StatisticQuery(SubjectQuery):
    """The above, and: which window, whose numbers, which page."""

    window_days = serializers.IntegerField(
        min_value=1,
        max_value=365,
        required=False,
        help_text="Of 24 hours each; default: the lookback of each product's category.",
    )
    brand = serializers.IntegerField(
        min_value=1,
        max_value=MOST_ID,
        required=False,
        help_text="Only the products of this brand.",
    )
    author = serializers.IntegerField(
        min_value=1, max_value=MOST_ID, required=False, help_text="Only notes of this person."
    )
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)
    cursor = serializers.CharField(required=False, help_text="From next or previous.")
    format = serializers.ChoiceField(
        choices=["json", "csv", "parquet"],
        required=False,
        help_text="Instead of the Accept header.",
    )

    def validate_cursor(self, value: str) -> int:
        """Read where the page begins."""
        return read_cursor(value)

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields, as the selectors name them."""
        asked = self.validated_data
        return {
            **super().as_asked(),
            "window_days": asked.get("window_days"),
            "page": Slice(offset=asked.get("cursor", 0), limit=asked["page_size"]),
        }


class FunnelQuery(StatisticQuery):
    """What can be asked of the funnel."""

    group_by = serializers.ChoiceField(
        choices=[group.value for group in FunnelGroup], required=False
    )
    unit = serializers.ChoiceField(choices=[unit.value for unit in Unit], default=Unit.PEOPLE.value)
    steps = StepsField(
        required=False,
        help_text="In their order, separated by commas; the first starts the window. Default: "
        + ",".join(STEPS),
    )
    optional = StepsField(
        required=False,
        allow_blank=True,
        help_text="The steps that may be skipped. Default: " + ",".join(sorted(OPTIONAL)),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Complete the steps."""
        attrs = super().validate(attrs)
        attrs.setdefault("steps", STEPS)
        if not set(attrs.get("optional", ())) <= set(attrs["steps"][1:]):
            raise _refused("optional", "not_a_later_step", "Only later steps can be skipped.")
        attrs["optional"] = frozenset(attrs.get("optional", OPTIONAL))
        return attrs

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        asked = self.validated_data
        return {
            **super().as_asked(),
            "group_by": FunnelGroup(asked["group_by"]) if "group_by" in asked else None,
            "unit": Unit(asked["unit"]),
            "steps": asked["steps"],
            "optional": asked["optional"],
        }


class AttributionQuery(StatisticQuery):
    """What can be asked of attribution."""

    model = serializers.ChoiceField(
        choices=[*(model.value for model in AttributionModel), MARKOV],
        default=AttributionModel.LAST_TOUCH.value,
        help_text="markov is a batch report, at most an hour old; it has no group_by=day.",
    )
    group_by = serializers.ChoiceField(
        choices=[group.value for group in CreditGroup], default=CreditGroup.NOTE.value
    )
    basis = serializers.ChoiceField(
        choices=[basis.value for basis in Basis],
        default=Basis.ORDER.value,
        help_text="Whether a refund counts on the day of its order or on its own.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse days as the states of a chain."""
        attrs = super().validate(attrs)
        if attrs["model"] == MARKOV and attrs["group_by"] == CreditGroup.DAY:
            raise _refused("group_by", "not_for_markov", "A path does not pass through days.")
        return attrs

    @property
    def is_markov(self) -> bool:
        """Tell whether removal effects are asked for, and not what is stored of each line."""
        return bool(self.validated_data["model"] == MARKOV)

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields; of Markov, those of what it divides."""
        asked = self.validated_data
        model = AttributionModel.LINEAR if self.is_markov else AttributionModel(asked["model"])
        return {
            **super().as_asked(),
            "model": model,
            "group_by": CreditGroup(asked["group_by"]),
            "basis": Basis(asked["basis"]),
        }


def parse(kind: type[SubjectQuery], given: Mapping[str, str], *, at: datetime) -> Any:
    """Return the validated query.

    Raises:
        ValidationError: a parameter is unknown or not valid; the pointer names it.
    """
    query = kind(data=dict(given), context={"at": at})
    query.is_valid(raise_exception=True)
    return query


def _end(first: date | None, *, today: date) -> date:
    """Return tomorrow, or the day after a first day that lies beyond."""
    return max(today, first or today) + timedelta(days=1)


def _refused(name: str, code: str, message: str) -> serializers.ValidationError:
    return serializers.ValidationError({name: [serializers.ErrorDetail(message, code=code)]})
