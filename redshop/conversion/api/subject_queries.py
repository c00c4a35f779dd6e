"""What can be asked of subjects side by side, of time, of cohorts and of stages."""

from typing import Any

from rest_framework import serializers

from redshop.conversion.api.pages import read_cursor
from redshop.conversion.api.queries import MOST_ID, SubjectQuery
from redshop.conversion.selectors.aips import WINDOW_DAYS
from redshop.conversion.selectors.cohorts import Beginning, Span
from redshop.conversion.selectors.snapshots import SnapshotGroup
from redshop.conversion.selectors.timing import Since, TimingGroup
from redshop.conversion.types import AttributionModel, Slice


class PagedQuery(SubjectQuery):
    """Which days of which people, and which page, as what."""

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
        page = Slice(offset=asked.get("cursor", 0), limit=asked["page_size"])
        return {**super().as_asked(), "page": page}


class ScopedQuery(PagedQuery):
    """The above, of the products of a brand or the notes of a person."""

    brand = serializers.IntegerField(
        min_value=1, max_value=MOST_ID, required=False, help_text="Only the products of this brand."
    )
    author = serializers.IntegerField(
        min_value=1, max_value=MOST_ID, required=False, help_text="Only notes of this person."
    )


class StandingsQuery(ScopedQuery):
    """What can be asked of creators and products."""

    model = serializers.ChoiceField(
        choices=[model.value for model in AttributionModel],
        default=AttributionModel.LAST_TOUCH.value,
    )

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        return {**super().as_asked(), "model": AttributionModel(self.validated_data["model"])}


class BrandQuery(SubjectQuery):
    """What can be asked of one brand."""

    model = serializers.ChoiceField(
        choices=[model.value for model in AttributionModel],
        default=AttributionModel.LAST_TOUCH.value,
    )

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        return {**super().as_asked(), "model": AttributionModel(self.validated_data["model"])}


class SnapshotsQuery(StandingsQuery):
    """What can be asked of snapshots; the days are those of publication."""

    group_by = serializers.ChoiceField(
        choices=[group.value for group in SnapshotGroup], required=False
    )

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        group_by = self.validated_data.get("group_by")
        return {**super().as_asked(), "group_by": SnapshotGroup(group_by) if group_by else None}


class TimingQuery(ScopedQuery):
    """What can be asked of the time that sales took."""

    since = serializers.ChoiceField(
        choices=[since.value for since in Since],
        default=Since.FIRST_TOUCH.value,
        help_text="From which touch the time is told.",
    )
    group_by = serializers.ChoiceField(
        choices=[group.value for group in TimingGroup], required=False
    )

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        asked = self.validated_data
        return {
            **super().as_asked(),
            "since": Since(asked["since"]),
            "group_by": TimingGroup(asked["group_by"]) if "group_by" in asked else None,
        }


class CohortsQuery(PagedQuery):
    """What can be asked of cohorts; the days are those on which they began."""

    by = serializers.ChoiceField(
        choices=[beginning.value for beginning in Beginning],
        default=Beginning.JOINED.value,
        help_text="What makes people begin together: registering, or their first payment.",
    )
    span = serializers.ChoiceField(
        choices=[span.value for span in Span], default=Span.WEEK.value, help_text="From Monday."
    )

    def as_asked(self) -> dict[str, Any]:
        """Return the question's fields."""
        asked = self.validated_data
        return {
            **super().as_asked(),
            "beginning": Beginning(asked["by"]),
            "span": Span(asked["span"]),
        }


class AipsQuery(SubjectQuery):
    """Which brand's people, as they stood at the end of the days asked for."""

    brand = serializers.IntegerField(min_value=1, max_value=MOST_ID)
    window_days = serializers.IntegerField(
        min_value=1, max_value=365, default=WINDOW_DAYS, help_text="So long before that end."
    )
    format = serializers.ChoiceField(
        choices=["json", "csv", "parquet"],
        required=False,
        help_text="Instead of the Accept header.",
    )
