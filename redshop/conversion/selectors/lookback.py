"""How far back a touch may lie, by category."""

from collections.abc import Mapping
from typing import Final

from redshop.catalog.models import Category
from redshop.conversion.models import Lookback

#: Where neither the category, nor one above it, nor everything else has a row.
DEFAULT_DAYS: Final = 15


def days_by_category() -> dict[int, int]:
    """Return the lookback of every category, in days: its own, or the nearest one above it."""
    by_slug = dict(Lookback.objects.values_list("category_slug", "days"))
    shelves = {
        pk: (parent, slug)
        for pk, parent, slug in Category.objects.values_list("pk", "parent_id", "slug")
    }
    return {pk: _days(pk, shelves=shelves, by_slug=by_slug) for pk in shelves}


def _days(
    category: int | None,
    *,
    shelves: Mapping[int, tuple[int | None, str]],
    by_slug: Mapping[str, int],
) -> int:
    while category is not None:
        category, slug = shelves[category]
        if slug in by_slug:
            return by_slug[slug]
    return by_slug.get("", DEFAULT_DAYS)
