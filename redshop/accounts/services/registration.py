"""How a person joins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from redshop.accounts import links, selectors, spelling
from redshop.accounts.errors import EmailTaken, HandleTaken
from redshop.accounts.models import Preference, User
from redshop.accounts.services import consents as consenting
from redshop.accounts.services import mail, sessions
from redshop.accounts.types import OpenedSession
from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.core.errors import DomainError
from redshop.core.populations import Population

_TAKEN: Final[dict[str, type[DomainError]]] = {
    "user_handle_once": HandleTaken,
    "user_email_once": EmailTaken,
}


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
        handle=spelling.plain(handle),
        email=spelling.address(email),
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
    welcome(user, consents=consents, at=at)
    return sessions.open_session(user=user, device=device, visitor_id=visitor_id, at=at)


@requires_transaction
def welcome(user: User, *, consents: Mapping[str, bool], at: datetime) -> None:
    """Give a person who has just been made what everybody has, however they came in."""
    Preference.objects.create(user=user)
    wanted = {**selectors.consent_defaults(), **consents}
    consenting.record(person_id=user.pk, consents=wanted, at=at)
    outbox.publish("person.registered", key=str(user.pk), payload={"person_id": user.pk}, at=at)
    if user.population == Population.REAL:
        mail.request(letter=links.Purpose.VERIFICATION, user=user, at=at)


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
        cause: Any = error.__cause__
        taken = _TAKEN.get(cause.diag.constraint_name)
        if taken is None:
            raise
        raise taken from error
