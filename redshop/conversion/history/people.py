"""The people of another shop: known by handle, unable to log in."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db.models.functions import Lower

from redshop.accounts.models import User
from redshop.conversion.history.types import LogUnreadable
from redshop.core.db import requires_transaction
from redshop.core.populations import Population

#: No mail can ever be sent there (RFC 2606), so that nobody can claim to be one of them.
_HANDLE: Final = re.compile(r"[a-z0-9_.]{3,30}", re.ASCII)
_HOST: Final = "imported.invalid"


@requires_transaction
def find_or_add(seen: Mapping[str, datetime], *, shop: str) -> tuple[dict[str, int], int]:
    """Return the people by the shop's own keys, and how many of them are new.

    ``seen`` says when each was first seen; a new one joined then.

    Raises:
        LogUnreadable: somebody else has the handle that one of them would get.
    """
    handles = {key: handle_of(key, shop=shop) for key in seen}
    there = _people(handles)
    new = User.objects.bulk_create(
        User(
            handle=handle,
            email=_email(handle),
            password=make_password(None),
            joined_at=seen[key],
            population=Population.REAL,
        )
        for key, handle in handles.items()
        if handle not in there
    )
    ids = there | {user.handle: user.pk for user in new}
    return {key: ids[handle] for key, handle in handles.items()}, len(new)


def handle_of(key: str, *, shop: str) -> str:
    """Return the handle of a person: the shop and the key, or a digest where that is no handle."""
    handle = f"{shop}_{key}"
    if key == key.lower() and _HANDLE.fullmatch(handle):
        return handle
    return f"{shop}_{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _email(handle: str) -> str:
    return f"{handle}@{_HOST}"


def _people(handles: Mapping[str, str]) -> dict[str, int]:
    """Return who is there already.

    Raises:
        LogUnreadable: a handle belongs to someone who was not imported.
    """
    rows = (
        User.objects.alias(name=Lower("handle"))
        .filter(name__in=set(handles.values()))
        .values_list("handle", "pk", "email", "password")
    )
    there = {}
    for handle, pk, email, password in rows:
        if email != _email(handle) or not password.startswith(UNUSABLE_PASSWORD_PREFIX):
            raise LogUnreadable(f"{handle} is somebody else; import under another --shop.")
        there[handle] = pk
    return there
