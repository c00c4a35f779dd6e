"""Faces: a square cut from what a person sends, without what their camera wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from redshop.accounts.errors import AvatarTooLarge, AvatarUnreadable
from redshop.accounts.models import User
from redshop.core import images, outbox
from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7

MAX_BYTES: Final = 5 * 1024**2
#: The measures of what is kept, and of what is decoded before the square is cut from it.
FACE: Final = (512, 512)
ROOM: Final = (2_048, 2_048)


def prepared(upload: File[Any]) -> File[Any]:
    """Return what is kept of an upload, under a name nobody can guess; writes nothing.

    Raises:
        AvatarTooLarge: it has too many bytes.
        AvatarUnreadable: it is no picture of a kind that is taken, or too large to decode.
    """
    if upload.size > MAX_BYTES:
        raise AvatarTooLarge
    upload.seek(0)
    image_format = images.format_of(upload.read(64))
    upload.seek(0)
    if image_format is None:
        raise AvatarUnreadable
    try:
        picture = images.decoded(upload, image_format=image_format, box=ROOM)
    except (images.PictureTooLarge, images.PictureUnreadable) as error:
        raise AvatarUnreadable from error
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    content, _ = images.encoded(picture.crop((left, top, left + side, top + side)), box=FACE)
    return ContentFile(content, name=f"{uuid7().hex}{images.suffix_of(picture)}")


def store(face: File[Any]) -> str:
    """Write a prepared face to the storage; return its name there."""
    return default_storage.save(f"avatars/{face.name}", face)


@requires_transaction
def give_up(person: User, *, at: datetime) -> None:
    """Have a person's face deleted; the caller has another, or none, stand in its place."""
    if person.avatar:
        name = person.avatar.name
        outbox.publish("avatar.replaced", key=f"{person.pk}:{name}", payload={"name": name}, at=at)


def discard(name: str) -> None:
    """Delete a face that nobody wears any more."""
    if not User.objects.filter(avatar=name).exists():
        default_storage.delete(name)
