"""Uploads: what they are is read from their bytes, and what they betray is left behind.

``prepare`` reads and re-encodes, ``keep`` writes; ``store`` is both. The name and the type that
a client declares decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL.Image import Image

from redshop.catalog.errors import (
    MediaTooLarge,
    MediaTooManyPixels,
    MediaTypeMismatch,
    MediaTypeUnsupported,
    MediaUnreadable,
)
from redshop.catalog.models import Media
from redshop.catalog.services import binding, videos
from redshop.catalog.types import WIDTHS
from redshop.core import aigc, images
from redshop.core.ids import uuid7

MAX_BYTES: Final = {Media.Kind.IMAGE: 20 * 1024**2, Media.Kind.VIDEO: 100 * 1024**2}
MOST_BYTES: Final = max(MAX_BYTES.values())
#: A picture is kept at most this many times as high as it is wide.
MAX_RATIO: Final = 3

_IMAGES: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
#: For file choosers.
ACCEPTED: Final = ".jpg,.jpeg,.png,.webp,.mp4,.m4v,.webm"
_UNDECLARED: Final = frozenset({"", "application/octet-stream"})
_ALIASES: Final = {"image/jpg": "image/jpeg", "video/x-m4v": "video/mp4"}
_MP4_BRANDS: Final = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"hvc1", b"M4V "}
    | {b"M4VP", b"MSNV", b"3gp4", b"3gp5", b"3gp6", b"dash"}
)


@dataclass(frozen=True, slots=True)
class Rendition:
    """One form in which an upload will be served."""

    file: File[Any]
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An upload that was found good; ``renditions`` by name, ``full`` among them."""

    kind: Media.Kind
    suffix: str
    renditions: Mapping[str, Rendition]
    fingerprint: int | None = None
    aigc: Mapping[str, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


def store(*, owner_id: int | None, upload: File[Any], at: datetime) -> Media:
    """Check an upload, strip what the camera wrote into it, and keep it.

    Raises:
        MediaTypeUnsupported: its bytes are of no type that is taken.
        MediaTypeMismatch: its bytes are of another type than its ``content_type`` says.
        MediaTooLarge: it has too many bytes.
        MediaTooManyPixels: decoding it would take too much memory.
        MediaUnreadable: it is damaged.
        MediaManifestForged: its manifest is not what was sealed here, or of another picture.
    """
    return keep(prepare(upload=upload), owner_id=owner_id, at=at)


def prepare(*, upload: File[Any]) -> Prepared:
    """Check an upload and re-encode it in the sizes that are served; nothing is written.

    Raises: as ``store``.
    """
    upload.seek(0)
    found = _type_of(upload.read(64))
    if found is None:
        raise MediaTypeUnsupported
    declared = (getattr(upload, "content_type", None) or "").lower()
    if declared not in _UNDECLARED and _ALIASES.get(declared, declared) != found:
        raise MediaTypeMismatch
    kind = Media.Kind(found.partition("/")[0])
    if upload.size > MAX_BYTES[kind]:
        raise MediaTooLarge
    upload.seek(0)
    return _picture(upload, _IMAGES[found]) if found in _IMAGES else _video(upload, found)


def keep(prepared: Prepared, *, owner_id: int | None, at: datetime) -> Media:
    """Write what was prepared to the storage, under a name nobody can guess, and record it.

    What was prepared is closed and cannot be kept twice.
    """
    folder = f"{at:%Y/%m}/{uuid7().hex}"
    written: dict[str, dict[str, Any]] = {}
    try:
        for name, rendition in prepared.renditions.items():
            path = default_storage.save(f"{folder}/{name}{prepared.suffix}", rendition.file)
            written[name] = {"file": path, "width": rendition.width, "height": rendition.height}
        return Media.objects.create(
            kind=prepared.kind,
            file=written["full"]["file"],
            renditions=written,
            width=written["full"]["width"],
            height=written["full"]["height"],
            fingerprint=prepared.fingerprint,
            aigc=dict(prepared.aigc),
            manifest=dict(prepared.manifest),
            owner_id=owner_id,
            created_at=at,
        )
    except BaseException:
        for kept in written.values():
            default_storage.delete(kept["file"])
        raise
    finally:
        for rendition in prepared.renditions.values():
            rendition.file.close()


def _type_of(head: bytes) -> str | None:
    """Return the media type that the first bytes of a file prove, or None."""
    if image_format := images.format_of(head):
        return f"image/{image_format.lower()}"
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head:
        return "video/webm"
    return None


def _video(upload: File[Any], media_type: str) -> Prepared:
    if media_type == "video/webm":
        return Prepared(Media.Kind.VIDEO, ".webm", {"full": Rendition(upload, None, None)})
    film = videos.cleaned(upload)
    form = Rendition(film.file, film.width, film.height)
    return Prepared(Media.Kind.VIDEO, ".mp4", {"full": form}, aigc=film.aigc)


def _picture(upload: File[Any], image_format: str) -> Prepared:
    marked, manifest = aigc.read(upload), aigc.read_manifest(upload)
    try:
        picture = images.decoded(upload, image_format=image_format, box=_box(WIDTHS["full"]))
    except images.PictureTooLarge as error:
        raise MediaTooManyPixels from error
    except images.PictureUnreadable as error:
        raise MediaUnreadable from error
    fingerprint = images.fingerprint(picture)
    return Prepared(
        Media.Kind.IMAGE,
        images.suffix_of(picture),
        {name: _rendition(picture, width=width) for name, width in WIDTHS.items()},
        fingerprint,
        marked,
        binding.checked(manifest, fingerprint=fingerprint),
    )


def _rendition(picture: Image, *, width: int) -> Rendition:
    content, (wide, high) = images.encoded(picture, box=_box(width))
    return Rendition(ContentFile(content), wide, high)


def _box(width: int) -> tuple[int, int]:
    return width, MAX_RATIO * width
