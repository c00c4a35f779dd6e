"""What a person allows their data to be used for."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from redshop.accounts.models import Consent, Purpose, User
from redshop.core.db import requires_transaction
from redshop.events.services import consent as event_consent


@transaction.atomic(durable=True)
def set_consents(*, person_id: int, consents: Mapping[str, bool], at: datetime) -> None:
    """Grant or withdraw consent by purpose; what is not named stays as it is.

    Locks: the person, so that the last who speaks is heard on every floor.
    """
    User.objects.locked().get(pk=person_id)
    record(person_id=person_id, consents=consents, at=at)


@requires_transaction
def record(*, person_id: int, consents: Mapping[str, bool], at: datetime) -> None:
    """Keep what a person says, with the moment where it differs, and let the floors below act.

    The caller holds the lock on the person, or has just made them.
    """
    said = set(Consent.objects.filter(user_id=person_id).values_list("purpose", "is_granted"))
    Consent.objects.bulk_create(
        [
            Consent(
                user_id=person_id, purpose=Purpose(purpose), is_granted=is_granted, changed_at=at
            )
            for purpose, is_granted in consents.items()
            if (purpose, is_granted) not in said
        ],
        update_conflicts=True,
        unique_fields=["user", "purpose"],
        update_fields=["is_granted", "changed_at"],
    )
    if Purpose.ANALYTICS in consents:
        event_consent.set_analytics(
            person_id=person_id, is_granted=consents[Purpose.ANALYTICS], at=at
        )
