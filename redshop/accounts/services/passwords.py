"""Passwords and proven addresses: changed, forgotten, found again.

Passwords are compared and hashed outside transactions: it is slow on purpose.
"""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from redshop.accounts import links, spelling
from redshop.accounts.errors import LinkNotValid, WrongPassword
from redshop.accounts.models import User
from redshop.accounts.services import mail, sessions


def change(*, user: User, current: str, new: str, kept_token_id: UUID | None, at: datetime) -> None:
    """Set a new password and end the person's other sessions.

    Locks: the person.

    Raises:
        WrongPassword: the current password is another.
    """
    if not user.check_password(current):
        raise WrongPassword
    if not _replace(user, hashed=make_password(new), kept_token_id=kept_token_id, at=at):
        raise WrongPassword


@transaction.atomic(durable=True)
def request_reset(*, email: str, at: datetime) -> None:
    """Send a code to the address, if there is an account; the caller cannot tell."""
    user = User.objects.active().with_email(spelling.plain(email)).first()
    mail.request(letter=links.Purpose.RESET, user=user, at=at)


def person_of_reset(code: str, *, at: datetime) -> User:
    """Return whose reset code this is.

    Raises:
        LinkNotValid: it is nobody's, or was used, or is too old.
    """
    return links.person_of(code, purpose=links.Purpose.RESET, at=at)


def reset(*, user: User, new: str, at: datetime) -> None:
    """Set a new password for the bearer of a reset code, and end every session.

    Locks: the person.

    Raises:
        LinkNotValid: the password was changed since ``user`` was read.
    """
    if not _replace(user, hashed=make_password(new), kept_token_id=None, at=at):
        raise LinkNotValid


@transaction.atomic(durable=True)
def verify_email(*, code: str, at: datetime) -> None:
    """Record that the person reads the mail sent to their address.

    Raises:
        LinkNotValid: the code is not one of ours, too old, or of a former address.
    """
    user = links.person_of(code, purpose=links.Purpose.VERIFICATION, at=at)
    unproven = User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None)
    unproven.update(email_verified_at=at)


@transaction.atomic(durable=True)
def _replace(user: User, *, hashed: str, kept_token_id: UUID | None, at: datetime) -> bool:
    """Put the new hash in the place of the one that was compared; tell whether it was there."""
    found = User.objects.active().filter(pk=user.pk, password=user.password).locked().first()
    if found is None:
        return False
    found.password = hashed
    found.save(update_fields=["password"])
    sessions.revoke_others(person_id=user.pk, kept_id=kept_token_id, at=at)
    return True
