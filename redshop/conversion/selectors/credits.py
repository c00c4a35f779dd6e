"""The ledger of credits, read."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Sum

from redshop.conversion.models import Attribution, Credit
from redshop.conversion.types import AttributionModel, Share, Touch


def outdated() -> int:
    """Return how many lines were credited by earlier rules."""
    return Attribution.objects.outdated().count()


def standing(*, line_ids: Sequence[int]) -> dict[int, list[Share]]:
    """Return the shares that hold, by line: what was written and not undone since."""
    if not line_ids:
        return {}
    rows: Iterable[Any] = (
        Credit.objects.filter(line_id__in=line_ids)
        .values_list(
            "line_id",
            "model",
            "refund_id",
            "touch_id",
            "touched_at",
            "note_id",
            "author_id",
            "surface",
            "provenance",
        )
        .annotate(weight=Sum("weight_billionths"), amount=Sum("amount_minor"))
        .exclude(weight=0)
    )
    by_line: dict[int, list[Share]] = {}
    for line_id, model, refund_id, *touch, weight, amount in rows:
        share = Share(AttributionModel(model), Touch(*touch), weight, amount, refund_id)
        by_line.setdefault(line_id, []).append(share)
    return by_line
