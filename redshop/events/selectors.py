"""Questions about the log itself; what it means is asked on the floors above."""

from uuid import UUID

from redshop.events.models import Identity


def visitors_of(person_id: int) -> list[UUID]:
    """Return the visitors whose anonymous history is this person's."""
    return list(
        Identity.objects.filter(person_id=person_id)
        .order_by("joined_at", "visitor_id")
        .values_list("visitor_id", flat=True)
    )
