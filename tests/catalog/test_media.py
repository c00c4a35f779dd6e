"""An upload is what its bytes say, and keeps nothing that its sender did not mean to show."""

import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image, ImageCms

from redshop.catalog import errors
from redshop.catalog.models import Media
from redshop.catalog.services import media
from redshop.core.errors import DomainError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Keep uploads where the test can look at all of them."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def picture(
    image_format: str = "JPEG", *, size: tuple[int, int] = (60, 40), mode: str = "RGB", **rest: Any
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "teal").save(file, image_format, **rest)
    return file.getvalue()


def upload(content: bytes, *, name: str = "x", declared: str = "") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type=declared or "application/octet-stream")


def stored(content: bytes, **rest: str) -> Media:
    return media.store(owner_id=None, upload=upload(content, **rest), at=NOW)


def with_place(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SpyCam"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (31.0, 13.0, 49.0)}
    )
    return picture(exif=exif, comment=b"secret comment", xmp=b"<x:xmpmeta>geo</x:xmpmeta>")


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def film() -> bytes:
    """A film as a telephone writes it, with the place it was taken in three boxes."""
    header = bytes(76) + struct.pack(">II", 1080 << 16, 1920 << 16)
    track = box(b"trak", box(b"tkhd", header) + box(b"udta", b"+31.2304+121.4737/"))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + track + box(b"meta", b"+31.2304+121.4737/"))
    place = box(b"uuid", bytes(16) + b"+31.2304+121.4737/")
    return box(b"ftyp", b"isom" + bytes(8)) + moov + place + box(b"mdat", b"the film itself")


@pytest.mark.parametrize(
    ("image_format", "mode", "suffix"),
    [
        ("JPEG", "RGB", ".jpg"),
        ("JPEG", "CMYK", ".jpg"),
        ("JPEG", "L", ".jpg"),
        ("PNG", "RGB", ".jpg"),
        ("PNG", "RGBA", ".webp"),
        ("PNG", "P", ".jpg"),
        ("PNG", "LA", ".webp"),
        ("PNG", "I;16", ".jpg"),
        ("WEBP", "RGB", ".jpg"),
    ],
)
@pytest.mark.django_db
def test_pictures_of_every_mode_are_taken(image_format: str, mode: str, suffix: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (600, 400)).save(file, image_format)

    kept = stored(file.getvalue())

    assert (kept.kind, kept.width, kept.height) == ("image", 600, 400)
    assert Path(kept.file.path).suffix == suffix


@pytest.mark.django_db
def test_a_picture_is_kept_in_three_sizes_and_never_blown_up() -> None:
    kept = stored(picture(size=(1_000, 500)))

    measures = {name: (size.width, size.height) for name, size in kept.sizes.items()}
    assert measures == {"thumb": (320, 160), "feed": (720, 360), "full": (1_000, 500)}
    with Image.open(Path(kept.file.path).with_name("feed.jpg")) as feed:
        assert feed.size == (720, 360)


@pytest.mark.django_db
def test_a_long_strip_is_narrowed_until_it_is_three_times_as_high_as_wide() -> None:
    kept = stored(picture(size=(100, 4_000)))

    assert kept.sizes["thumb"].height == 960
    assert kept.sizes["full"].height == 4_000


@pytest.mark.django_db
def test_place_camera_and_comments_are_left_behind(folder: Path) -> None:
    original = with_place()

    stored(original)

    assert b"SpyCam" in original
    assert b"secret comment" in original
    assert len(files(folder)) == 3
    for path in files(folder):
        with Image.open(path) as kept:
            assert dict(kept.getexif()) == {}
            assert not {"exif", "comment", "xmp", "icc_profile"} & set(kept.info)
        content = path.read_bytes()
        assert not any(telling in content for telling in (b"SpyCam", b"secret", b"xmpmeta"))


@pytest.mark.django_db
def test_a_picture_taken_sideways_stands_upright() -> None:
    kept = stored(with_place(orientation=6))

    assert (kept.width, kept.height) == (40, 60)


@pytest.mark.django_db
def test_colours_of_a_cameras_own_space_are_translated() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    kept = stored(picture("PNG", icc_profile=profile))

    with Image.open(kept.file.path) as shown:
        red, green, blue = shown.getpixel((30, 20))  # type: ignore[misc]
    assert (abs(red - 0), abs(green - 128), abs(blue - 128)) <= (3, 3, 3)


@pytest.mark.django_db
def test_a_film_loses_its_place_and_keeps_every_offset(folder: Path) -> None:
    original = film()

    kept = stored(original, declared="video/mp4")

    content = files(folder)[0].read_bytes()
    assert original.count(b"121.4737") == 3
    assert b"121.4737" not in content
    assert (len(content), content.index(b"mdat")) == (len(original), original.index(b"mdat"))
    assert (kept.kind, kept.width, kept.height) == ("video", 1080, 1920)
    assert list(kept.sizes) == ["full"]


@pytest.mark.django_db
def test_a_webm_is_taken_as_it_is() -> None:
    kept = stored(b"\x1a\x45\xdf\xa3\x93\x42\x82\x88webm" + bytes(50), declared="video/webm")

    assert (kept.kind, kept.width, kept.file.path[-5:]) == ("video", None, ".webm")


def png_that_claims(width: int, height: int) -> bytes:
    """A few bytes that would be a picture of this size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(1_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "declared", "refusal"),
    [
        (b"", "", errors.MediaTypeUnsupported),
        (b"hello", "image/jpeg", errors.MediaTypeUnsupported),
        (b"GIF89a" + bytes(60), "image/gif", errors.MediaTypeUnsupported),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "", errors.MediaTypeUnsupported),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), "", errors.MediaTypeUnsupported),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "", errors.MediaTypeUnsupported),
        (picture("PNG"), "image/jpeg", errors.MediaTypeMismatch),
        (picture("JPEG"), "video/mp4", errors.MediaTypeMismatch),
        (picture("JPEG"), "text/html", errors.MediaTypeMismatch),
        (picture("PNG")[:60], "", errors.MediaUnreadable),
        (picture("JPEG")[:400], "", errors.MediaUnreadable),
        (b"\xff\xd8\xff" + bytes(100), "", errors.MediaUnreadable),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(40), "", errors.MediaUnreadable),
        (png_that_claims(0, 10), "", errors.MediaUnreadable),
        (png_that_claims(7_000, 6_000), "", errors.MediaTooManyPixels),
        (png_that_claims(12_000, 12_000), "", errors.MediaTooManyPixels),
        (png_that_claims(60_000, 60_000), "", errors.MediaTooManyPixels),
        (box(b"ftyp", b"isom"), "", errors.MediaUnreadable),
        (box(b"ftyp", b"isom") + b"\x00\x00\x00\x04moov", "", errors.MediaUnreadable),
        (box(b"ftyp", b"isom") + b"\x00\x00\xff\xffmoov", "", errors.MediaUnreadable),
        (box(b"ftyp", b"isom") + b"\x00\x00\x00\x01moov" + bytes(8), "", errors.MediaUnreadable),
        (box(b"ftyp", b"isom") + box(b"free", b"") * 10_001, "", errors.MediaUnreadable),
    ],
)
@pytest.mark.django_db
def test_what_is_not_what_it_says_is_refused_and_leaves_nothing(
    content: bytes, declared: str, refusal: type[DomainError], folder: Path
) -> None:
    with pytest.raises(refusal):
        stored(content, declared=declared, name="holiday.jpg")

    assert not Media.objects.exists()
    assert files(folder) == []


@pytest.mark.parametrize(
    ("image_format", "mode", "size", "is_refused"),
    [
        ("PNG", "L", (7_000, 5_700), False),
        ("WEBP", "RGB", (4_200, 4_000), True),
        ("PNG", "LA", (5_000, 6_100), True),
    ],
)
def test_the_limit_is_on_the_memory_that_decoding_takes(
    image_format: str, mode: str, size: tuple[int, int], is_refused: bool
) -> None:
    file = io.BytesIO()
    Image.new(mode, size).save(file, image_format)

    refused = False
    try:
        media.prepare(upload=upload(file.getvalue()))
    except errors.MediaTooManyPixels:
        refused = True

    assert refused == is_refused


@pytest.mark.django_db
def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    content = picture()
    monkeypatch.setattr(media, "MAX_BYTES", {Media.Kind.IMAGE: len(content) - 1})

    with pytest.raises(errors.MediaTooLarge):
        stored(content)

    assert files(folder) == []


@pytest.mark.django_db
def test_files_go_when_their_row_cannot_be_written(folder: Path) -> None:
    prepared = media.prepare(upload=upload(picture()))

    with pytest.raises(TypeError):
        media.keep(prepared, owner_id=object(), at=NOW)  # type: ignore[arg-type]

    assert files(folder) == []


@pytest.mark.django_db
def test_no_name_of_a_client_reaches_the_storage(folder: Path) -> None:
    stored(picture(), name="../../etc/passwd.php")

    assert [path.name for path in files(folder)] == ["feed.jpg", "full.jpg", "thumb.jpg"]
    assert all(path.parent.parent == folder / "2026" / "03" for path in files(folder))
