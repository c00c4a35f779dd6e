"""What a note shows: its products with their intervals, its pictures, its topics."""

from collections.abc import Sequence
from datetime import datetime

from notes.models import Note, NoteMedia, ProductTag, ProofOfPurchase, Topic
from redshop.catalog.models import Media, Product
from redshop.core.db import requires_transaction
from redshop.core.errors import InvalidInput


@requires_transaction
def show_products(*, note: Note, product_ids: Sequence[int], at: datetime) -> None:
    """Let the note show exactly these products from ``at`` on.

    A tag that goes is closed, so that what was seen while it stood still counts; one that comes
    opens an interval of its own.

    Raises:
        InvalidInput: a product is not there or not listed.
    """
    shown = ProductTag.objects.open().filter(note=note)
    present = set(shown.values_list("product_id", flat=True))
    added = [pk for pk in dict.fromkeys(product_ids) if pk not in present]
    listed = Product.objects.filter(is_listed=True)
    _check(added, listed.in_bulk(added), pointer="/product_ids", what="product")
    gone = shown.exclude(product__in=list(product_ids))
    gone.filter(valid_from__gte=at).delete()
    gone.update(valid_until=at)
    ProductTag.objects.bulk_create(
        ProductTag(note=note, product_id=pk, valid_from=at) for pk in added
    )


@requires_transaction
def show_media(*, note: Note, media_ids: Sequence[int]) -> None:
    """Let the note show exactly these pictures or videos, in this order.

    Raises:
        InvalidInput: one of them is not there or is not the author's own.
    """
    wanted = list(dict.fromkeys(media_ids))
    own = Media.objects.filter(owner=note.author_id)
    _check(wanted, own.in_bulk(wanted), pointer="/media_ids", what="upload of yours")
    NoteMedia.objects.filter(note=note).delete()
    NoteMedia.objects.bulk_create(
        NoteMedia(note=note, media_id=pk, position=place) for place, pk in enumerate(wanted)
    )


@requires_transaction
def show_topics(*, note: Note, slugs: Sequence[str]) -> None:
    """Let the note be about exactly these topics.

    Raises:
        InvalidInput: a topic is not there.
    """
    wanted = list(dict.fromkeys(slugs))
    topics = Topic.objects.in_bulk(wanted, field_name="slug")
    _check(wanted, topics, pointer="/topics", what="topic")
    note.topics.set(topics.values())


@requires_transaction
def verify_purchase(note: Note) -> None:
    """Set whether the author had a product that the note shows delivered."""
    shown = ProductTag.objects.open().filter(note=note).values("product")
    proofs = ProofOfPurchase.objects.standing().filter(person=note.author_id, product__in=shown)
    note.has_verified_purchase = proofs.exists()


def _check(
    wanted: Sequence[int] | Sequence[str], found: object, *, pointer: str, what: str
) -> None:
    for place, key in enumerate(wanted):
        if key not in found:  # type: ignore[operator]
            raise InvalidInput(
                pointer=f"{pointer}/{place}",
                code="does_not_exist",
                message=f"There is no {what} {key}.",
            )
