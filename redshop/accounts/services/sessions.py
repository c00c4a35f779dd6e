"""Devices: let in with a token, and shut out again."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from redshop.accounts import spelling
from redshop.accounts.errors import SessionNotFound, WrongCredentials
from redshop.accounts.models import AccessToken, User
from redshop.accounts.types import OpenedSession
from redshop.core.db import requires_transaction
from redshop.core.prepared import prepared
from redshop.events.services import identities

#: A token's use is noted once in so long, so that reading rarely writes.
USE_NOTED_EVERY: Final = timedelta(hours=1)


def log_in(
    *, login: str, password: str, device: str = "", visitor_id: UUID | None = None, at: datetime
) -> OpenedSession:
    """Let a device in by handle or e-mail address; the visitor's history becomes the person's.

    A wrong login takes as long as a wrong password: both hash once, outside the transaction.

    Locks: the person.

    Raises:
        WrongCredentials: there is no such open account, or the password is another.
    """
    user = _known_by(login)
    if user is None:
        make_password(password)
        raise WrongCredentials
    if not user.check_password(password) or not user.is_active:
        raise WrongCredentials
    return _let_in(user, device=device, visitor_id=visitor_id, at=at)


@transaction.atomic(durable=True)
def _let_in(proven: User, *, device: str, visitor_id: UUID | None, at: datetime) -> OpenedSession:
    """Open a session for who has proven to be the person.

    Raises:
        WrongCredentials: the password was changed or the account closed meanwhile.
    """
    user = User.objects.active().filter(pk=proven.pk, password=proven.password).locked().first()
    if user is None:
        raise WrongCredentials
    user.last_login = at
    user.save(update_fields=["last_login"])
    return open_session(user=user, device=device, visitor_id=visitor_id, at=at)


@requires_transaction
def open_session(
    *, user: User, device: str, visitor_id: UUID | None, at: datetime
) -> OpenedSession:
    """Give a device a token; only its SHA-256 is kept.

    A device, which is a visitor and the name it gives itself, has one: a new one ends the old.
    The caller holds the lock on the person, or has just made them.
    """
    if visitor_id is not None:
        same = AccessToken.objects.filter(user=user, visitor_id=visitor_id, device=device)
        same.unrevoked().update(revoked_at=at)
        identities.join(visitor_id=visitor_id, person_id=user.pk, at=at)
    secret = secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        user=user,
        digest=digest_of(secret),
        device=device,
        visitor_id=visitor_id,
        created_at=at,
        expires_at=at + timedelta(days=settings.TOKEN_LIFETIME_DAYS),
    )
    return OpenedSession(user=user, token=token, secret=secret)


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_of(secret: str, *, at: datetime) -> AccessToken | None:
    """Return the token that a device bears, with its person; None where it opens nothing."""
    found = _alive(digest=digest_of(secret), at=at)
    return found[0] if found else None


@prepared
def _alive(*, digest: str, at: datetime) -> QuerySet[AccessToken]:
    """Find the token of a digest, which is unique, with its person: what every call asks."""
    return AccessToken.objects.alive(at=at).select_related("user").filter(digest=digest)


def note_use(token: AccessToken, *, at: datetime) -> None:
    """Remember that a device is in use, once an hour."""
    before = at - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
        AccessToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=at)


@transaction.atomic(durable=True)
def log_out(*, token_id: UUID, person_id: int, at: datetime) -> None:
    """Shut one of a person's devices out.

    Raises:
        SessionNotFound: the person has no such session.
    """
    session = AccessToken.objects.alive(at=at).filter(pk=token_id, user_id=person_id)
    if not session.update(revoked_at=at):
        raise SessionNotFound


@transaction.atomic(durable=True)
def revoke(*, token_ids: Collection[UUID], at: datetime) -> int:
    """Shut devices out, whosever they are; return how many were in."""
    return AccessToken.objects.filter(pk__in=token_ids).unrevoked().update(revoked_at=at)


@transaction.atomic(durable=True)
def log_out_all(*, person_id: int, at: datetime) -> int:
    """Shut all of a person's devices out; return how many there were."""
    return revoke_others(person_id=person_id, kept_id=None, at=at)


@requires_transaction
def revoke_others(*, person_id: int, kept_id: UUID | None, at: datetime) -> int:
    """Shut a person's devices out but for one; return how many there were."""
    open_ones = AccessToken.objects.filter(user_id=person_id).unrevoked()
    if kept_id is not None:
        open_ones = open_ones.exclude(pk=kept_id)
    return open_ones.update(revoked_at=at)


@transaction.atomic(durable=True)
def forget_ended(*, before: datetime) -> int:
    """Delete the sessions that ended before a moment; return how many there were."""
    ended = Q(expires_at__lt=before) | Q(revoked_at__lt=before)
    return AccessToken.objects.filter(ended).delete()[0]


def forget_expired_cookies(*, at: datetime) -> int:
    """Delete the sessions of browsers that have expired; return how many there were."""
    expired = Session.objects.filter(expire_date__lt=at)
    return int(expired.delete()[0])


def _known_by(login: str) -> User | None:
    """Return the person of a handle or, where there is an @ in it, an e-mail address."""
    name = spelling.plain(login)
    people = User.objects
    return (people.with_email(name) if "@" in name else people.with_handle(name)).first()
