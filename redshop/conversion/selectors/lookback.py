"""How far back a touch may lie, by category."""

from typing import Final

from django.db import connection

#: Where neither the category, nor one above it, nor everything else has a row.
DEFAULT_DAYS: Final = 15

#: Answers category_id and days: the category's own row, or that of the nearest one above it.
DAYS_BY_CATEGORY: Final = f"""
WITH RECURSIVE above (category_id, height, slug, parent_id) AS (
    SELECT id, 0, slug, parent_id FROM catalog_category
    UNION ALL
    SELECT above.category_id, above.height + 1, parent.slug, parent.parent_id
    FROM above JOIN catalog_category AS parent ON parent.id = above.parent_id
)
SELECT DISTINCT ON (above.category_id) above.category_id,
       coalesce(
           conversion_lookback.days,
           (SELECT days FROM conversion_lookback WHERE category_slug = ''),
           {DEFAULT_DAYS}) AS days
FROM above
LEFT JOIN conversion_lookback ON conversion_lookback.category_slug = above.slug
ORDER BY above.category_id, conversion_lookback.days IS NULL, above.height
"""  # noqa: S608 - a constant of this module


def days_by_category() -> dict[int, int]:
    """Return the lookback of every category, in days."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS_BY_CATEGORY)
        return dict(cursor.fetchall())
