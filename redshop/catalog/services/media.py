"""Uploads: what they are is read from their bytes, and what they betray is left behind.

``prepare`` reads and re-encodes, ``keep`` writes; ``store`` is both. The name and the type that
a client declares decide nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import ExifTags, Image, ImageCms

from redshop.catalog.errors import (
    MediaTooLarge,
    MediaTooManyPixels,
    MediaTypeMismatch,
    MediaTypeUnsupported,
    MediaUnreadable,
)
from redshop.catalog.models import Media
from redshop.catalog.services import videos
from redshop.catalog.types import WIDTHS
from redshop.core.ids import uuid7

MAX_BYTES: Final = {Media.Kind.IMAGE: 20 * 1024**2, Media.Kind.VIDEO: 100 * 1024**2}
MOST_BYTES: Final = max(MAX_BYTES.values())
#: A picture with more pixels, or that takes more memory to decode, is refused unread.
MAX_PIXELS: Final = 40_000_000
MAX_MEMORY: Final = 300_000_000
MAX_PROFILE_BYTES: Final = 512 * 1024
#: A picture is kept at most this many times as high as it is wide.
MAX_RATIO: Final = 3

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = frozenset(_TURNS[orientation] for orientation in (5, 6, 7, 8))
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


def store(*, owner_id: int | None, upload: File[Any], at: datetime) -> Media:
    """Check an upload, strip what the camera wrote into it, and keep it.

    Raises:
        MediaTypeUnsupported: its bytes are of no type that is taken.
        MediaTypeMismatch: its bytes are of another type than its ``content_type`` says.
        MediaTooLarge: it has too many bytes.
        MediaTooManyPixels: decoding it would take too much memory.
        MediaUnreadable: it is damaged.
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
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head:
        return "video/webm"
    return None


def _video(upload: File[Any], media_type: str) -> Prepared:
    if media_type == "video/webm":
        return Prepared(Media.Kind.VIDEO, ".webm", {"full": Rendition(upload, None, None)})
    film, width, height = videos.cleaned(upload)
    return Prepared(Media.Kind.VIDEO, ".mp4", {"full": Rendition(film, width, height)})


def _picture(upload: File[Any], image_format: str) -> Prepared:
    try:
        picture = _decoded(upload, image_format)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaTooManyPixels from error
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError) as error:
        # Pillow's decoders raise any of these on damaged files
        raise MediaUnreadable from error
    return Prepared(
        Media.Kind.IMAGE,
        ".jpg" if picture.mode == "RGB" else ".webp",
        {name: _encoded(picture, width=width) for name, width in WIDTHS.items()},
    )


def _decoded(upload: File[Any], image_format: str) -> Image.Image:
    """Return the first frame, upright, in sRGB, no larger than is served, with no metadata."""
    picture: Image.Image = Image.open(upload, formats=[image_format])
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS or pixels * _bytes_per_pixel(picture) > MAX_MEMORY:
        raise MediaTooManyPixels
    profile = picture.info.get("icc_profile")
    turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow cannot make smaller
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
    box = _box(WIDTHS["full"])
    picture.thumbnail(box[::-1] if turn in _SIDEWAYS else box, reducing_gap=1.5)
    small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    upright = _in_srgb(small, profile).transpose(turn) if turn else _in_srgb(small, profile)
    upright.info.clear()
    return upright


def _bytes_per_pixel(picture: Image.Image) -> int:
    """Return how much memory decoding takes at its peak, as measured with Pillow 13."""
    if picture.format == "WEBP":
        return 19
    if picture.info.get("progressive"):
        return 4 + 2 * len(picture.getbands())
    return 10 if picture.has_transparency_data else 6


def _box(width: int) -> tuple[int, int]:
    return width, MAX_RATIO * width


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Translate the colours of a camera's own space, where it says which and that can be read."""
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return picture
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    except (ImageCms.PyCMSError, OSError):
        return picture
    return converted or picture


def _encoded(picture: Image.Image, *, width: int) -> Rendition:
    small = picture.copy()
    small.thumbnail(_box(width))
    file = io.BytesIO()
    if small.mode == "RGB":
        small.save(file, "JPEG", quality=82, optimize=True, progressive=True)
    else:
        small.save(file, "WEBP", quality=82)
    return Rendition(ContentFile(file.getvalue()), small.width, small.height)
