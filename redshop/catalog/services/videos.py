"""MP4 files: measured, and freed of what the camera wrote about place and maker.

An MP4 is a tree of boxes, each with a size and a four-letter name. What tells where a film was
taken lies in boxes of its own (``udta``, ``meta``, ``uuid``). They are blanked in place and
renamed ``free``, so that every offset elsewhere in the file stays true. Samples are not touched:
a track of telemetry is a track.

The mark of AI (``core.aigc``) is read before and written behind everything else, in the box that
XMP has in an MP4 (ISO 16684-1, part 3 of the XMP specification: storage in files).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final
from uuid import UUID

from django.core.files import File

from redshop.catalog.errors import MediaUnreadable
from redshop.core import aigc

MOST_BOXES: Final = 10_000
_BLOCK: Final = 64 * 1024
_TELLING: Final = frozenset({b"udta", b"meta", b"uuid"})
_XMP: Final = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
_CONTAINERS: Final = frozenset({b"moov", b"trak"})


@dataclass(frozen=True, slots=True)
class Box:
    """One box; ``body`` and ``end`` are offsets in the file."""

    name: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Film:
    """A copy without what tells of place and maker, its measures, and the mark it came with."""

    file: File[Any]
    width: int | None
    height: int | None
    aigc: Mapping[str, str]


def cleaned(upload: IO[bytes] | File[Any]) -> Film:
    """Return a copy without what tells of place and maker, and what is known of it.

    Raises:
        MediaUnreadable: the boxes do not add up, or none of them describes a film.
    """
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - handed on, and closed by who keeps it
    try:
        upload.seek(0)
        shutil.copyfileobj(upload, copy)
        boxes = list(_walk(copy, 0, copy.tell()))
        if not any(box.name == b"moov" for box in boxes):
            raise MediaUnreadable
        width, height = _measure(copy, boxes)
        mark = _mark_in(copy, boxes)
        for box in boxes:
            if box.name in _TELLING:
                _blank(copy, box)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return Film(File(copy), width, height, mark)


def marked(film: IO[bytes] | File[Any], *, told: Mapping[str, str], ai_use: str) -> File[Any]:
    """Return a copy of a film of ours with a mark of AI in its metadata, instead of any before.

    Raises:
        MediaUnreadable: the boxes do not add up.
    """
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - handed on, and closed by who keeps it
    try:
        film.seek(0)
        shutil.copyfileobj(film, copy)
        end = copy.tell()
        for box in list(_walk(copy, 0, end)):
            if _is_xmp(copy, box):
                _blank(copy, box)
        _close_last(copy, end)
        body = _XMP + aigc.packet_of(told, ai_use=ai_use)
        copy.seek(end)
        copy.write((8 + len(body)).to_bytes(4, "big") + b"uuid" + body)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return File(copy)


def _mark_in(film: IO[bytes], boxes: list[Box]) -> Mapping[str, str]:
    for box in boxes:
        if _is_xmp(film, box):
            packet = film.read(min(box.end - film.tell(), aigc.MOST_BYTES))
            return aigc.read_packet(packet.decode("utf-8", "replace"))
    return {}


def _is_xmp(film: IO[bytes], box: Box) -> bool:
    """Tell whether a box is that of XMP; the file stands at its packet then."""
    film.seek(box.body)
    return box.name == b"uuid" and film.read(len(_XMP)) == _XMP


def _close_last(film: IO[bytes], end: int) -> None:
    """Say how long the last box is where it only says that it goes on to the end."""
    at = 0
    while at < end:
        box = _box(film, at, end)
        film.seek(at)
        if film.read(4) == bytes(4):
            if box.end - at >= 2**32:
                raise MediaUnreadable
            film.seek(at)
            film.write((box.end - at).to_bytes(4, "big"))
        at = box.end


def _walk(film: IO[bytes], start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets, and those inside the containers among them."""
    pending = [(start, end)]
    seen = 0
    while pending:
        at, limit = pending.pop()
        while at < limit:
            box = _box(film, at, limit)
            seen += 1
            if seen > MOST_BOXES:
                raise MediaUnreadable
            yield box
            if box.name in _CONTAINERS:
                pending.append((box.body, box.end))
            at = box.end


def _box(film: IO[bytes], at: int, limit: int) -> Box:
    film.seek(at)
    header = film.read(16)
    size, name, body = int.from_bytes(header[:4], "big"), header[4:8], at + 8
    if size == 1:
        size, body = int.from_bytes(header[8:16], "big"), at + 16
    elif size == 0:
        size = limit - at
    if len(header) < 8 or at + size > limit or at + size < body:
        raise MediaUnreadable
    return Box(name=name, start=at, body=body, end=at + size)


def _measure(film: IO[bytes], boxes: list[Box]) -> tuple[int | None, int | None]:
    """Read the largest picture size that a track header (``tkhd``) names."""
    largest = (0, 0)
    for track in boxes:
        if track.name != b"trak":
            continue
        for box in _walk(film, track.body, track.end):
            if box.name == b"tkhd" and box.end - box.body >= 84:
                film.seek(box.end - 8)
                fixed = film.read(8)
                largest = max(
                    largest,
                    (int.from_bytes(fixed[:2], "big"), int.from_bytes(fixed[4:6], "big")),
                )
    return largest if all(largest) else (None, None)


def _blank(film: IO[bytes], box: Box) -> None:
    film.seek(box.start + 4)
    film.write(b"free")
    film.seek(box.body)
    left = box.end - box.body
    while left > 0:
        left -= film.write(bytes(min(left, _BLOCK)))
