"""Pictures and films that AI made say so in their own files, and whose note showed them first.

A film in WebM cannot: nothing here writes into such a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from redshop.catalog.models import Media
from redshop.catalog.services import videos
from redshop.core import aigc, files
from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7

#: Who passes the content on, as the mark names them.
PLATFORM: Final = "redshop"


@requires_transaction
def label(
    *, media_ids: Sequence[int], producer: str, note_id: int, ai_use: str, at: datetime
) -> int:
    """Write the mark into the files of pictures and films; return how many bore none before.

    Each form is written anew under another name, so that whoever loads it gets one or the other.

    Locks: these uploads, in primary-key order.
    """
    unmarked = [each for each in _locked(media_ids) if not each.aigc and _takes_marks(each)]
    for media in unmarked:
        media.aigc = aigc.mark(
            producer=producer,
            produce_id=f"media-{media.pk}",
            propagator=PLATFORM,
            propagate_id=f"note-{note_id}",
        )
        _write(media, ai_use=ai_use, at=at)
    return len(unmarked)


@requires_transaction
def embed(
    *, media_ids: Sequence[int], manifest: Mapping[str, Any], ai_use: str, at: datetime
) -> int:
    """Write the manifest of a note into the files of its pictures; return into how many.

    A picture keeps the manifest of the note that showed it first.

    Locks: the pictures, in primary-key order.
    """
    pictures = [each for each in _locked(media_ids) if each.kind == Media.Kind.IMAGE]
    without = [each for each in pictures if not each.manifest]
    for media in without:
        media.manifest = dict(manifest)
        _write(media, ai_use=ai_use, at=at)
    return len(without)


def _locked(media_ids: Sequence[int]) -> list[Media]:
    shown = Media.objects.filter(pk__in=media_ids).order_by("pk")
    return list(shown.select_for_update(no_key=True))


def _takes_marks(media: Media) -> bool:
    return media.kind == Media.Kind.IMAGE or str(media.file.name).endswith(".mp4")


def _marked(media: Media, file: File[Any], *, ai_use: str) -> File[Any]:
    if media.kind == Media.Kind.VIDEO:
        return videos.marked(file, told=media.aigc, ai_use=ai_use)
    written = aigc.write(file.read(), told=media.aigc, ai_use=ai_use, manifest=media.manifest)
    return ContentFile(written)


def _write(media: Media, *, ai_use: str, at: datetime) -> None:
    before = sorted({str(form["file"]) for form in media.renditions.values()})
    folder, renditions = f"{at:%Y/%m}/{uuid7().hex}", dict[str, dict[str, Any]]()
    for name, form in media.renditions.items():
        with default_storage.open(form["file"]) as file:
            content = _marked(media, file, ai_use=ai_use)
        suffix = str(form["file"]).rpartition(".")[2]
        with content:
            path = default_storage.save(f"{folder}/{name}.{suffix}", content)
        renditions[name] = {**form, "file": path}
    shared = Media.objects.exclude(pk=media.pk).filter(file=media.file.name).exists()
    media.renditions = renditions
    media.file.name = renditions["full"]["file"]
    media.save(update_fields=["renditions", "file", "aigc", "manifest"])
    if not shared:
        files.discard(before, at=at)
