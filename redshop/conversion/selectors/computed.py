"""Credits computed anew by PostgreSQL, for questions with a window of their own."""

from typing import Final

from redshop.conversion.engines.relations import CONVERSIONS, GIVEN_BACK
from redshop.conversion.rules import TOUCHES, shares
from redshop.conversion.types import AttributionModel

_COMPUTED: Final = f"""
WITH conversions AS MATERIALIZED ({CONVERSIONS}),
path AS MATERIALIZED ({TOUCHES}),
given_back AS ({GIVEN_BACK})
SELECT line_id, refund_id, note_id, author_id, surface, provenance, weight, amount_minor
FROM ({{{{shares}}}}) AS answer
"""  # noqa: S608 - constants


def by_postgres(*, lines: str, model: AttributionModel) -> str:
    """Return the statement that credits, by one model, the conversions whose lines ``lines``
    answers; its parameters are those of ``lines`` and ``window_days``."""
    return _COMPUTED.format(lines=lines).format(shares=shares((model,)))
