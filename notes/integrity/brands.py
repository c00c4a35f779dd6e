"""The ledger of a brand's violations, and what its points lead to."""

from datetime import datetime
from typing import Final

from notes.integrity import audit
from notes.integrity.points import points_at
from notes.models import BrandStanding, BrandViolation, Decision
from redshop.core.db import requires_transaction

#: Points of a note that was taken down, by the rule that it broke; two otherwise.
POINTS: Final = {"healing_claims": 6, "absolute_claims": 4, "bought_engagement": 8}
USUAL: Final = 2


def standing_of(brand_id: int) -> int:
    """Return the points that a brand has, as they were counted last."""
    row = BrandStanding.objects.filter(pk=brand_id).values_list("points", flat=True).first()
    return row or 0


@requires_transaction
def charge(decision: Decision) -> None:
    """Give the brand of a note that was taken down its points."""
    brand_id = decision.note.brand_id
    if brand_id is None:
        return
    points = POINTS.get(decision.rule, USUAL)
    BrandViolation.objects.create(
        brand_id=brand_id, decision=decision, points=points, at=decision.decided_at
    )
    audit.note_down(
        "brand_charged",
        subject=f"brand {brand_id}",
        actor_id=decision.decided_by_id,
        at=decision.decided_at,
        points=points,
        decision=decision.pk,
    )
    count(brand_id=brand_id, at=decision.decided_at)


@requires_transaction
def take_back(decision: Decision, *, at: datetime) -> None:
    """Take back the points for a decision that did not hold."""
    violation = BrandViolation.objects.filter(decision=decision, withdrawn_at=None).first()
    if violation is None:
        return
    BrandViolation.objects.filter(pk=violation.pk).update(withdrawn_at=at)
    count(brand_id=violation.brand_id, at=at)


@requires_transaction
def count(*, brand_id: int, at: datetime) -> int:
    """Count a brand's points anew from its violations; return them."""
    standing = BrandViolation.objects.filter(brand=brand_id, withdrawn_at=None)
    points = points_at(list(standing.values_list("at", "points")), at=at)
    BrandStanding.objects.update_or_create(
        brand_id=brand_id, defaults={"points": points, "counted_at": at}
    )
    return points


@requires_transaction
def count_all(*, at: datetime) -> None:
    """Count the points of every brand that has any; beat calls it daily, so that they go."""
    for brand_id in list(BrandStanding.objects.filter(points__gt=0).values_list("pk", flat=True)):
        count(brand_id=brand_id, at=at)
