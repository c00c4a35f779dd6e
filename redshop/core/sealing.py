"""Seals: what proves that a document was written here and that nobody has changed it since.

An HMAC over canonical JSON with the deployment's ``SECRET_KEY`` (or one of its fallbacks, so that
keys can be changed): only the deployment itself can check it, which is what an upload needs. It is
no certificate, and says nothing to others.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

_SALT: Final = "redshop.sealed"


def seal(document: Mapping[str, Any]) -> str:
    """Return the seal of a document that is JSON."""
    return _hmac(document, settings.SECRET_KEY)


def is_intact(document: Mapping[str, Any], seal: str) -> bool:
    """Tell whether a document is what was sealed here."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(_hmac(document, key), seal) for key in keys)


def pseudonym(person_id: int) -> str:
    """Return a name for a person that leads to nobody without this deployment's key."""
    made = salted_hmac(f"{_SALT}.person", str(person_id), algorithm="sha256")
    return f"person-{made.hexdigest()[:16]}"


def _hmac(document: Mapping[str, Any], key: str | bytes) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = salted_hmac(_SALT, text, secret=key, algorithm="sha256")
    return signing.b64_encode(made.digest()).decode()
