"""What a person allows their data to be used for."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from redshop.accounts.models import Consent, Purpose
from redshop.core.db import requires_transaction
from redshop.events.services import consent as event_consent


@transaction.atomic(durable=True)
def set_consents(*, person_id: int, consents: Mapping[str, bool], at: datetime) -> None:
    """Grant or withdraw consent by purpose; what is not named stays as it is."""
    rows = [
        Consent(user_id=person_id, purpose=purpose, is_granted=granted, changed_at=at)
        for purpose, granted in consents.items()
    ]
    unchanged = set(Consent.objects.filter(user_id=person_id).values_list("purpose", "is_granted"))
    Consent.objects.bulk_create(
        [row for row in rows if (row.purpose, row.is_granted) not in unchanged],
        update_conflicts=True,
        unique_fields=["user", "purpose"],
        update_fields=["is_granted", "changed_at"],
    )
    apply(person_id=person_id, consents=consents, at=at)


@requires_transaction
def apply(*, person_id: int, consents: Mapping[str, bool], at: datetime) -> None:
    """Let the floors below act on what was said."""
    if Purpose.ANALYTICS in consents:
        event_consent.set_analytics(
            person_id=person_id, is_granted=consents[Purpose.ANALYTICS], at=at
        )
