"""Pictures of the shop that an author may show: uploads of their own that share the files."""

from collections.abc import Sequence
from datetime import datetime

from redshop.catalog.models import Media


def lend(*, media_ids: Sequence[int], owner_id: int, at: datetime) -> list[int]:
    """Return uploads of the owner's own that show these pictures, made where there is none.

    A note shows only its author's uploads; these share their files, so that the folder stays
    small however many notes there are.
    """
    there = Media.objects.in_bulk(media_ids)
    wanted = [there[media_id] for media_id in media_ids if media_id in there]
    files = [picture.file.name for picture in wanted]
    owned = dict(
        Media.objects.filter(owner=owner_id, file__in=files)
        .order_by("pk")
        .values_list("file", "pk")
    )
    for picture in wanted:
        if picture.file.name not in owned:
            copied = lent(picture, owner_id=owner_id, at=at)
            copied.save()
            owned[picture.file.name] = copied.pk
    return [owned[name] for name in files]


def lent(picture: Media, *, owner_id: int, at: datetime) -> Media:
    """Return an upload of the owner's own, not written yet, that shows the same file."""
    return Media(
        kind=picture.kind,
        file=picture.file.name,
        renditions=picture.renditions,
        width=picture.width,
        height=picture.height,
        fingerprint=picture.fingerprint,
        aigc=picture.aigc,
        owner_id=owner_id,
        created_at=at,
    )
