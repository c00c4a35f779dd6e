"""Devices: let in with a token, and shut out again."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from redshop.accounts.errors import SessionNotFound, WrongCredentials
from redshop.accounts.models import AccessToken, User
from redshop.accounts.types import OpenedSession
from redshop.core.db import requires_transaction
from redshop.events.services import identities


def log_in(
    *, login: str, password: str, device: str = "", visitor_id: UUID | None = None, at: datetime
) -> OpenedSession:
    """Let a device in by handle or e-mail address; the visitor's history becomes the person's.

    A wrong login takes as long as a wrong password: both hash once.

    Raises:
        WrongCredentials: there is no such account, or the password is another.
    """
    user = User.objects.filter(Q(handle__iexact=login) | Q(email__iexact=login)).first()
    if user is None:
        make_password(password)
        raise WrongCredentials
    if not user.check_password(password) or not user.is_active:
        raise WrongCredentials
    return _let_in(user, device=device, visitor_id=visitor_id, at=at)


@transaction.atomic(durable=True)
def _let_in(user: User, *, device: str, visitor_id: UUID | None, at: datetime) -> OpenedSession:
    return open_session(user=user, device=device, visitor_id=visitor_id, at=at)


@requires_transaction
def open_session(
    *, user: User, device: str, visitor_id: UUID | None, at: datetime
) -> OpenedSession:
    """Give a device a token; only its SHA-256 is kept."""
    if visitor_id is not None:
        identities.join(visitor_id=visitor_id, person_id=user.pk, at=at)
    secret = secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        user=user,
        digest=digest_of(secret),
        device=device,
        created_at=at,
        expires_at=at + timedelta(days=settings.TOKEN_LIFETIME_DAYS),
    )
    return OpenedSession(user=user, token=token, secret=secret)


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic(durable=True)
def log_out(*, token_id: int, person_id: int, at: datetime) -> None:
    """Shut one of a person's devices out.

    Raises:
        SessionNotFound: the person has no such session.
    """
    if (
        not AccessToken.objects.alive(at=at)
        .filter(pk=token_id, user_id=person_id)
        .update(revoked_at=at)
    ):
        raise SessionNotFound


@transaction.atomic(durable=True)
def log_out_all(*, person_id: int, at: datetime) -> int:
    """Shut all of a person's devices out; return how many there were."""
    return revoke_others(person_id=person_id, kept_id=None, at=at)


@requires_transaction
def revoke_others(*, person_id: int, kept_id: int | None, at: datetime) -> int:
    """Shut a person's devices out but for one; return how many there were."""
    alive = AccessToken.objects.alive(at=at).filter(user_id=person_id)
    if kept_id is not None:
        alive = alive.exclude(pk=kept_id)
    return alive.update(revoked_at=at)
