"""MP4 files: measured, and freed of what the camera wrote about place and maker.

An MP4 is a tree of boxes, each with a size and a four-letter name. What tells where a film was
taken lies in boxes of its own (``udta``, ``meta``, ``uuid``). They are blanked in place and
renamed ``free``, so that every offset elsewhere in the file stays true. Samples are not touched:
a track of telemetry is a track.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from django.core.files import File

from redshop.catalog.errors import MediaUnreadable

MOST_BOXES: Final = 10_000
_BLOCK: Final = 64 * 1024
_TELLING: Final = frozenset({b"udta", b"meta", b"uuid"})
_CONTAINERS: Final = frozenset({b"moov", b"trak"})


@dataclass(frozen=True, slots=True)
class Box:
    """One box; ``body`` and ``end`` are offsets in the file."""

    name: bytes
    start: int
    body: int
    end: int


def cleaned(upload: IO[bytes] | File[Any]) -> tuple[File[Any], int | None, int | None]:
    """Return a copy without what tells of place and maker, its width and its height (or None).

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
        for box in boxes:
            if box.name in _TELLING:
                _blank(copy, box)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return File(copy), width, height


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
