"""One spelling for names that look the same."""

import unicodedata

from django.contrib.auth.base_user import BaseUserManager


def plain(name: str) -> str:
    """Return a handle, address or login as it is compared: ａｄａ is ada."""
    return unicodedata.normalize("NFKC", name).strip()


def address(email: str) -> str:
    """Return an e-mail address as it is kept: its domain in lower case."""
    return BaseUserManager.normalize_email(plain(email))
