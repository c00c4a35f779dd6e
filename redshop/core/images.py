"""Pictures that strangers send: decoded within bounds, upright, and without what cameras write."""

from __future__ import annotations

import io
from typing import Any, Final

from django.core.files import File
from PIL import ExifTags, Image, ImageCms

#: A picture with more pixels, or that takes more memory to decode, is refused unread.
MAX_PIXELS: Final = 40_000_000
MAX_MEMORY: Final = 300_000_000
MAX_PROFILE_BYTES: Final = 512 * 1024
#: A picture with fewer of either sign is too flat to be told from others.
LEAST_SIGNS: Final = 8

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


class PictureUnreadable(Exception):
    """The bytes are damaged, or not what their first ones say."""


class PictureTooLarge(Exception):
    """Decoding it would take too much memory."""


def format_of(head: bytes) -> str | None:
    """Return Pillow's name of the format that the first bytes of a file prove, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return None


def decoded(upload: File[Any], *, image_format: str, box: tuple[int, int]) -> Image.Image:
    """Return the first frame, upright, in sRGB, no larger than the box, with no metadata.

    Raises:
        PictureTooLarge: it has too many pixels.
        PictureUnreadable: it is damaged.
    """
    try:
        return _decoded(upload, image_format, box)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge from error
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError) as error:
        # Pillow's decoders raise any of these on damaged files
        raise PictureUnreadable from error


def encoded(picture: Image.Image, *, box: tuple[int, int]) -> tuple[bytes, tuple[int, int]]:
    """Return the picture's bytes, no larger than the box, and its measures.

    ``suffix_of`` names the format.
    """
    small = picture.copy()
    small.thumbnail(box)
    file = io.BytesIO()
    if small.mode == "RGB":
        small.save(file, "JPEG", quality=82, optimize=True, progressive=True)
    else:
        small.save(file, "WEBP", quality=82)
    return file.getvalue(), small.size


def suffix_of(picture: Image.Image) -> str:
    """Return how the name of an encoded picture ends."""
    return ".jpg" if picture.mode == "RGB" else ".webp"


def _decoded(upload: File[Any], image_format: str, box: tuple[int, int]) -> Image.Image:
    picture: Image.Image = Image.open(upload, formats=[image_format])
    pixels = picture.width * picture.height
    if pixels > MAX_PIXELS or pixels * _bytes_per_pixel(picture) > MAX_MEMORY:
        raise PictureTooLarge
    profile = picture.info.get("icc_profile")
    turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow cannot make smaller
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
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


def fingerprint(picture: Image.Image) -> int | None:
    """Return 64 signs by which a picture is recognised, as a signed number; None for a flat one.

    They are those of the differences between neighbours of a grey thumbnail of 9 by 8 pixels
    (dHash), which scaling and another compression hardly change.
    """
    small = picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS)
    grey = small.tobytes()
    signs = [grey[9 * y + x + 1] > grey[9 * y + x] for y in range(8) for x in range(8)]
    if not LEAST_SIGNS <= sum(signs) <= 64 - LEAST_SIGNS:
        return None
    told = sum(sign << place for place, sign in enumerate(signs))
    return told - (1 << 64) if told >> 63 else told
