"""A second factor for staff: one-time codes of an app (RFC 6238), and codes for when it is lost."""

import secrets
from typing import Any, Final

from django.db import transaction
from django_otp import match_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from redshop.accounts.errors import CodeWrong
from redshop.accounts.models import User

#: So many codes for when the app is lost; each opens once.
SPARE: Final = 10
NAME: Final = "app"
SPARE_NAME: Final = "spare codes"


def is_set_up(user: User) -> bool:
    """Tell whether somebody has an app that gives them codes."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


@transaction.atomic(durable=True)
def offer(user: User) -> TOTPDevice:
    """Return the key that an app is to be told; the same until it has shown a code of it."""
    found = TOTPDevice.objects.get_or_create(user=user, name=NAME, defaults={"confirmed": False})
    device: TOTPDevice = found[0]
    return device


@transaction.atomic(durable=True)
def set_up(user: User, *, code: str) -> tuple[TOTPDevice, list[str]]:
    """Keep an app that shows a right code; return it and the spare codes, which are shown once.

    Raises:
        CodeWrong: the code is another; nothing changes.
    """
    device = TOTPDevice.objects.select_for_update(no_key=True).get(user=user, name=NAME)
    if device.confirmed or not device.verify_token(code):
        raise CodeWrong
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    StaticDevice.objects.filter(user=user).delete()
    kept = StaticDevice.objects.create(user=user, name=SPARE_NAME)
    codes = [secrets.token_hex(5) for _ in range(SPARE)]
    StaticToken.objects.bulk_create(StaticToken(device=kept, token=code) for code in codes)
    return device, codes


def check(user: User, *, code: str) -> Any:
    """Return the device that a code is of: the app, or one of the spare codes, which is used up.

    Wrong codes make each next attempt wait longer (``django_otp``'s throttling).

    Raises:
        CodeWrong: it is of none, or too many wrong ones came before.
    """
    device = match_token(user, code)  # type: ignore[no-untyped-call]
    if device is None:
        raise CodeWrong
    return device


@transaction.atomic(durable=True)
def take_away(user: User) -> None:
    """Forget somebody's app and spare codes, as an administrator does where both are lost."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
