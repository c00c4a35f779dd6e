"""Signed codes for mails: they say whom they are for, and end by themselves.

A code bears a fingerprint of what it is about: one for a new password works once, one for an
address not after the address has changed.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from redshop.accounts.errors import LinkNotValid
from redshop.accounts.models import User


class Purpose(StrEnum):
    """What a code is good for."""

    RESET = "reset"
    VERIFICATION = "verification"


LIFETIMES: Final = {Purpose.RESET: timedelta(hours=1), Purpose.VERIFICATION: timedelta(days=7)}


def code_for(user: User, *, purpose: Purpose, at: datetime) -> str:
    """Return a code that is good from ``at`` for the purpose's lifetime."""
    ends = int((at + LIFETIMES[purpose]).timestamp())
    return _signer(purpose).sign_object([user.pk, ends, _fingerprint(user, purpose)])


def person_of(code: str, *, purpose: Purpose, at: datetime) -> User:
    """Return whom a code was made for.

    Raises:
        LinkNotValid: it is not one of ours, too old or was used, or the account is closed.
    """
    try:
        content: Any = _signer(purpose).unsign_object(code)
    except (signing.BadSignature, ValueError) as error:
        raise LinkNotValid from error
    person_id, ends, fingerprint = content
    user = User.objects.active().filter(pk=person_id).first()
    if user is None or at.timestamp() >= ends:
        raise LinkNotValid
    if not constant_time_compare(fingerprint, _fingerprint(user, purpose)):
        raise LinkNotValid
    return user


def _signer(purpose: Purpose) -> signing.Signer:
    return signing.Signer(salt=f"{__name__}.{purpose}")


def _fingerprint(user: User, purpose: Purpose) -> str:
    """Return what differs once the code has done its work, or no longer fits."""
    secret = user.password if purpose is Purpose.RESET else ""
    digest = salted_hmac(__name__, f"{user.email}\n{secret}", algorithm="sha256")
    return digest.hexdigest()[:32]
