"""The administrator of a system on this machine: made once, kept in a file only its owner reads."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from config import embedded
from config.engines import write_privately
from redshop.accounts.models import AccessToken, User

FILE: Final = embedded.STATE_DIR / "admin.json"
DEVICE: Final = "the command line"


@dataclass(frozen=True, slots=True)
class AdminAccount:
    """How to enter the admin and the API as an administrator."""

    login: str
    password: str
    token: str


@transaction.atomic
def ensure(*, at: datetime) -> AdminAccount:
    """Return the account that the file names, making whatever of it this database lacks.

    An administrator whom somebody else made is left alone: ours then bears another name.
    """
    known = _read()
    user = User.objects.filter(handle=known.login).first() if known else None
    if known is None or user is None or not user.check_password(known.password):
        known, user = _make(at=at)
    if not AccessToken.objects.alive(at=at).filter(user=user, digest=_digest(known.token)).exists():
        known = AdminAccount(known.login, known.password, _make_token(user=user, at=at))
    write_privately(FILE, json.dumps(asdict(known)) + "\n")
    return known


def _read() -> AdminAccount | None:
    if not FILE.exists():
        return None
    return AdminAccount(**json.loads(FILE.read_text()))


def _make(*, at: datetime) -> tuple[AdminAccount, User]:
    login = "admin"
    while User.objects.filter(handle__iexact=login).exists():
        login = f"admin_{secrets.token_hex(2)}"
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(
        login,
        f"{login}@redshop.invalid",
        password,
        display_name="Administrator",
        is_analyst=True,
        is_moderator=True,
        joined_at=at,
    )
    return AdminAccount(login, password, token=""), user


def _make_token(*, user: User, at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        user=user,
        digest=_digest(token),
        device=DEVICE,
        created_at=at,
        expires_at=at + timedelta(days=settings.TOKEN_LIFETIME_DAYS),
    )
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
