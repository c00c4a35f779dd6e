"""How a person joins."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from redshop.accounts.errors import EmailTaken, HandleTaken
from redshop.accounts.models import Consent, Preference, Purpose, User
from redshop.accounts.services import consents as consent_services
from redshop.accounts.services import mail, sessions
from redshop.accounts.types import OpenedSession
from redshop.core import outbox
from redshop.core.populations import Population


def register(
    *,
    handle: str,
    email: str,
    password: str,
    display_name: str = "",
    locale: str = "en",
    consents: Mapping[str, bool] | None = None,
    visitor_id: UUID | None = None,
    device: str = "",
    population: str = Population.REAL,
    at: datetime,
) -> OpenedSession:
    """Create an account and let its first device in.

    Purposes that ``consents`` leaves out get the deployment's default.

    Raises:
        HandleTaken: somebody has the handle, whatever its case.
        EmailTaken: somebody has the address, whatever its case.
    """
    user = User(
        handle=handle,
        email=email,
        password=make_password(password),  # outside the transaction: it is slow on purpose
        display_name=display_name,
        locale=locale,
        population=population,
        joined_at=at,
    )
    return _join(user, consents=consents or {}, visitor_id=visitor_id, device=device, at=at)


@transaction.atomic(durable=True)
def _join(
    user: User,
    *,
    consents: Mapping[str, bool],
    visitor_id: UUID | None,
    device: str,
    at: datetime,
) -> OpenedSession:
    _save(user)
    Preference.objects.create(user=user)
    wanted = {**settings.CONSENT_DEFAULTS, **consents}
    Consent.objects.bulk_create(
        Consent(user=user, purpose=purpose, is_granted=wanted[purpose], changed_at=at)
        for purpose in Purpose.values
    )
    consent_services.apply(person_id=user.pk, consents=wanted, at=at)
    mail.request_verification(user=user, at=at)
    outbox.publish("person.registered", key=str(user.pk), payload={"person_id": user.pk}, at=at)
    return sessions.open_session(user=user, device=device, visitor_id=visitor_id, at=at)


def _save(user: User) -> None:
    """Insert the user; the constraints decide between two who want the same name at once.

    Raises:
        HandleTaken: somebody has the handle.
        EmailTaken: somebody has the address.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        if "user_handle_once" in str(error):
            raise HandleTaken from error
        if "user_email_once" in str(error):
            raise EmailTaken from error
        raise
