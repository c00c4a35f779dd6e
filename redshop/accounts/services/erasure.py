"""Erasing a person: the account is shut at once, the rest follows as a fact."""

from datetime import datetime

from django.db import transaction

from redshop.accounts.errors import WrongPassword
from redshop.accounts.models import AccessToken, Erasure, User
from redshop.core import data_map, outbox
from redshop.core.db import requires_transaction


def ask(*, person: User, password: str, at: datetime) -> Erasure:
    """Shut the account of somebody who proves who they are, and have them erased.

    Locks: the person.

    Raises:
        WrongPassword: the password is another; nothing happens.
    """
    if not person.check_password(password):
        raise WrongPassword
    return ask_for(person_id=person.pk, at=at)


@transaction.atomic(durable=True)
def ask_for(*, person_id: int, at: datetime) -> Erasure:
    """Shut a person's account and have them erased; once asked, it stays asked.

    Locks: the person.
    """
    User.objects.locked().get(pk=person_id)
    User.objects.filter(pk=person_id).update(is_active=False)
    AccessToken.objects.unrevoked().filter(user=person_id).update(revoked_at=at)
    asked, _ = Erasure.objects.get_or_create(person_id=person_id, defaults={"asked_at": at})
    outbox.publish("erasure.asked", key=str(person_id), payload={"person_id": person_id}, at=at)
    return asked


@requires_transaction
def erase(*, person_id: int, at: datetime) -> None:
    """Take out of every table what identifies a person, all of it or nothing.

    What is in the lake follows (``redshop.events.lake.rewriting``), and the addresses of orders
    that are on their way when those have arrived.

    Locks: the person, then what each app locks.
    """
    asked = Erasure.objects.get(person_id=person_id)
    if asked.erased_at is not None:
        return
    asked.touched = data_map.erase(data_map.leaving(person_id), at=at)
    asked.erased_at = at
    asked.save(update_fields=["touched", "erased_at"])
