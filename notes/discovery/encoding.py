"""The encoder by which notes are vectors now: kept in the process, read anew when it changes."""

import time
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from notes.discovery.learning.encoders import Encoder, HashedEncoder
from notes.models import TextEncoder

HASHED: Final = "hashed"
_known: dict[int, tuple[float, TextEncoder, Encoder]] = {}


def current() -> tuple[TextEncoder, Encoder] | None:
    """Return the encoder in use, None before there is any; ``FEED_CACHE_SECONDS`` old at most."""
    for read_at, row, encoder in _known.values():
        if time.monotonic() - read_at < settings.FEED_CACHE_SECONDS:
            return row, encoder
    return newest()


def newest() -> tuple[TextEncoder, Encoder] | None:
    """Return the encoder in use as the database has it now, None before there is any."""
    now = time.monotonic()
    found = TextEncoder.objects.defer("fitted").order_by("-pk").first()
    if found is None or found.kind != kind():
        _known.clear()
        return None
    encoder = _known[found.pk][2] if found.pk in _known else made(found.fitted)
    _known.clear()
    _known[found.pk] = (now, found, encoder)
    return found, encoder


def kind() -> str:
    """Return which encoder the deployment wants."""
    wanted: str = settings.TEXT_ENCODER["kind"]
    return wanted


def made(fitted: Any) -> Encoder:
    """Return an encoder of the kind that is wanted, from what was fitted."""
    if kind() == HASHED:
        return HashedEncoder.read(bytes(fitted))
    encoder: Encoder = import_string(kind())(**settings.TEXT_ENCODER["options"])
    return encoder
