"""Passwords and proven addresses: changed, forgotten, found again."""

from datetime import datetime

from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.db import transaction

from redshop.accounts.errors import LinkNotValid, WrongPassword
from redshop.accounts.models import User
from redshop.accounts.services import mail, sessions


def change(*, user: User, current: str, new: str, kept_token_id: int | None, at: datetime) -> None:
    """Set a new password and end the person's other sessions.

    Raises:
        WrongPassword: the current password is another.
    """
    if not user.check_password(current):
        raise WrongPassword
    user.set_password(new)
    _store(user, kept_token_id=kept_token_id, at=at)


@transaction.atomic(durable=True)
def request_reset(*, email: str, at: datetime) -> None:
    """Send a reset code to the address, if there is an account; the caller cannot tell."""
    user = User.objects.filter(email__iexact=email, is_active=True, population="real").first()
    if user is not None:
        mail.request_reset(user=user, at=at)


def person_of_reset(code: str) -> User:
    """Return whose reset code this is.

    Raises:
        LinkNotValid: it is nobody's, or was used, or is too old.
    """
    pk, _, token = code.partition(".")
    user = User.objects.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() else None
    if user is None or not default_token_generator.check_token(user, token):
        raise LinkNotValid
    return user


def reset(*, user: User, new: str, at: datetime) -> None:
    """Set a new password for the bearer of a reset code, and end every session."""
    user.set_password(new)
    _store(user, kept_token_id=None, at=at)


@transaction.atomic(durable=True)
def verify_email(*, code: str, at: datetime) -> None:
    """Record that the person reads the mail sent to their address.

    Raises:
        LinkNotValid: the code is not one of ours, too old, or of a former address.
    """
    try:
        pk, email = signing.loads(
            code, salt=mail.VERIFICATION_SALT, max_age=mail.VERIFICATION_SECONDS
        )
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkNotValid from error
    if not User.objects.filter(pk=pk, email=email).update(email_verified_at=at):
        raise LinkNotValid


@transaction.atomic(durable=True)
def _store(user: User, *, kept_token_id: int | None, at: datetime) -> None:
    user.save(update_fields=["password"])
    sessions.revoke_others(person_id=user.pk, kept_id=kept_token_id, at=at)
