"""Whether a person's events may lead to them."""

from datetime import datetime

from redshop.core.db import requires_transaction
from redshop.events.models import OptOut


@requires_transaction
def set_analytics(*, person_id: int, is_granted: bool, at: datetime) -> None:
    """From now on, let the person's events bear their identity, or none at all.

    Events of someone who withdrew are still counted, but have no person, visitor, session,
    request or order; nor have those of visitors who turned out to be this person.
    """
    if is_granted:
        OptOut.objects.filter(person_id=person_id).delete()
    else:
        OptOut.objects.bulk_create([OptOut(person_id=person_id, since=at)], ignore_conflicts=True)
