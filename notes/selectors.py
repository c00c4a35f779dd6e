"""Questions about notes: who may see which, and what they see."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import BooleanField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from notes.models import (
    Comment,
    CommentLike,
    Like,
    Note,
    NoteCounts,
    NoteMedia,
    NoteQuerySet,
    ProductTag,
    Save,
    Topic,
)
from notes.states import NoteState
from notes.types import Counts, NoteCard, Provenance, ShownProduct, Standing, ViewerStanding
from redshop.accounts.models import Block, Follow
from redshop.catalog.models import Media, Sku
from redshop.core.errors import NotFound
from redshop.core.money import Money
from redshop.core.prepared import prepared


def readable_by(person_id: int | None) -> NoteQuerySet:
    """Keep the published notes of people who are here and not blocked in either direction."""
    return Note.objects.filter(_is_readable(person_id))


#: As ``readable_by``, of a note and its author, for statements that ask for more than rows.
_READABLE: Final = """note.state = 'published' AND author.is_active
  AND NOT EXISTS (SELECT FROM accounts_block WHERE blocker_id = %(viewer)s
                  AND blocked_id = note.author_id)
  AND NOT EXISTS (SELECT FROM accounts_block WHERE blocker_id = note.author_id
                  AND blocked_id = %(viewer)s)"""
_STILL_VISIBLE: Final = f"""
SELECT note.id FROM notes_note AS note JOIN accounts_user AS author ON author.id = note.author_id
WHERE note.id = ANY(%(ids)s) AND {_READABLE}
  AND NOT EXISTS (SELECT FROM notes_hide WHERE note_id = note.id AND person_id = %(viewer)s)
"""  # noqa: S608 - our own words


def still_visible(note_ids: Collection[int], *, person_id: int | None) -> set[int]:
    """Return which of some notes a feed may show this person: readable, not hidden by them."""
    with connection.cursor() as cursor:
        cursor.execute(_STILL_VISIBLE, {"ids": list(note_ids), "viewer": person_id})
        return {note_id for (note_id,) in cursor}


def own_note(*, note_id: int, author_id: int) -> Note:
    """Return a note of the author's own, whatever its state.

    Raises:
        NotFound: there is none.
    """
    note = Note.objects.existing().filter(pk=note_id, author=author_id).first()
    if note is None:
        raise NotFound
    return note


def openable_by(person_id: int | None) -> NoteQuerySet:
    """Keep what this person may open: what is readable, and their own, drafts included."""
    condition = _is_readable(person_id)
    if person_id is not None:
        condition |= Q(author=person_id) & ~Q(state=NoteState.DELETED)
    return Note.objects.filter(condition)


def _is_readable(person_id: int | None) -> Q:
    condition = Q(state=NoteState.PUBLISHED, author__is_active=True)
    if person_id is None:
        return condition
    return condition & ~Q(Exists(_blocks_with(person_id)))


def _blocks_with(person_id: int) -> QuerySet[Block]:
    """Return the blocks between a person and the author of the outer row."""
    return Block.objects.filter(
        Q(blocker=person_id, blocked=OuterRef("author"))
        | Q(blocked=person_id, blocker=OuterRef("author"))
    )


def card(*, note_id: int, viewer_id: int | None) -> NoteCard:
    """Return a note that the viewer may open: the readable ones, and their own.

    Raises:
        NotFound: there is none, or it is not for this viewer.
    """
    found = cards(note_ids=[note_id], viewer_id=viewer_id, notes=openable_by(viewer_id))
    if note_id not in found:
        raise NotFound
    return found[note_id]


def check_openable(*, note_id: int, viewer_id: int | None) -> None:
    """Make sure that the viewer may open a note.

    Raises:
        NotFound: there is none, or it is not for this viewer.
    """
    if not openable_by(viewer_id).filter(pk=note_id).exists():
        raise NotFound


def cards(
    *, note_ids: Collection[int], viewer_id: int | None, notes: NoteQuerySet | None = None
) -> dict[int, NoteCard]:
    """Return what the viewer sees of each note; three queries, whatever their number.

    Notes that are not among ``notes`` (by default: that the viewer may not read) are left out.
    """
    rows = (
        _readable_rows(note_ids=list(note_ids), viewer_id=viewer_id)
        if notes is None
        else list(_with_what_cards_show(notes.filter(pk__in=list(note_ids)), viewer_id))
    )
    ids = [row.pk for row in rows]
    media, products = _media_of(ids), _products_of(ids)
    return {row.pk: _card(row, media.get(row.pk, []), products.get(row.pk, [])) for row in rows}


_STANDINGS: Final = f"""
SELECT note.id, coalesce(counts.likes, 0), coalesce(counts.saves, 0),
       coalesce(counts.comments, 0), coalesce(counts.shares, 0),
       EXISTS (SELECT FROM notes_like WHERE note_id = note.id AND person_id = %(viewer)s),
       EXISTS (SELECT FROM notes_save WHERE note_id = note.id AND person_id = %(viewer)s),
       EXISTS (SELECT FROM accounts_follow
               WHERE followed_id = note.author_id AND follower_id = %(viewer)s),
       text.id, note.title, note.disclosure, note.is_sponsored, note.ai_use,
       note.has_verified_purchase
FROM notes_note AS note JOIN accounts_user AS author ON author.id = note.author_id
LEFT JOIN notes_notecounts AS counts ON counts.note_id = note.id
LEFT JOIN notes_indexedtext AS text ON text.kind = 'note' AND text.subject_id = note.id
WHERE note.id = ANY(%(ids)s) AND {_READABLE}
"""  # noqa: S608 - our own words


def standings(*, note_ids: Collection[int], viewer_id: int | None) -> dict[int, Standing]:
    """Return how readable notes stand, and how the viewer stands to them: one query.

    Notes that the viewer may not read are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS, {"ids": list(note_ids), "viewer": viewer_id})
        return {
            row[0]: Standing(Counts(*row[1:5]), ViewerStanding(*row[5:8]), row[8:])
            for row in cursor
        }


@prepared
def _readable_rows(*, note_ids: list[int], viewer_id: int | None) -> QuerySet[Note]:
    return _with_what_cards_show(readable_by(viewer_id).filter(pk__in=note_ids), viewer_id)


@prepared
def _places_of(*, note_ids: list[int]) -> QuerySet[NoteMedia]:
    return NoteMedia.objects.filter(note__in=note_ids).select_related("media")


def _with_what_cards_show(notes: NoteQuerySet, viewer_id: int | None) -> NoteQuerySet:
    topics = Topic.objects.filter(notes=OuterRef("pk")).order_by("slug").values("slug")
    return notes.select_related("author", "brand", "counts").annotate(
        topic_slugs=ArraySubquery(topics),
        is_liked=_did(Like, viewer_id),
        is_saved=_did(Save, viewer_id),
        is_following=_follows_author(viewer_id),
    )


def _did(reaction: type[Like | Save], viewer_id: int | None) -> Exists | Value:
    if viewer_id is None:
        return Value(False, output_field=BooleanField())  # noqa: FBT003 - an SQL literal
    return Exists(reaction._default_manager.filter(person=viewer_id, note=OuterRef("pk")))


def _follows_author(viewer_id: int | None) -> Exists | Value:
    if viewer_id is None:
        return Value(False, output_field=BooleanField())  # noqa: FBT003 - an SQL literal
    return Exists(Follow.objects.filter(follower=viewer_id, followed=OuterRef("author")))


def _media_of(note_ids: Sequence[int]) -> dict[int, list[Media]]:
    found: dict[int, list[Media]] = defaultdict(list)
    for place in _places_of(note_ids=list(note_ids)):
        found[place.note_id].append(place.media)
    return found


def _products_of(note_ids: Sequence[int]) -> dict[int, list[ShownProduct]]:
    currency = settings.PLATFORM_CURRENCY
    found: dict[int, list[ShownProduct]] = defaultdict(list)
    for tag in _tags_of(note_ids=list(note_ids), currency=currency):
        price = None if tag.cheapest_minor is None else Money(tag.cheapest_minor, currency)
        shown = ShownProduct(tag.product_id, tag.product.name, price, tag.product.external_url)
        found[tag.note_id].append(shown)
    return found


@prepared
def _tags_of(*, note_ids: list[int], currency: str) -> QuerySet[Any]:
    skus = Sku.objects.on_sale().filter(product=OuterRef("product"), currency=currency)
    cheapest = skus.order_by("price_minor").values("price_minor")[:1]
    return (
        ProductTag.objects.open()
        .filter(note__in=note_ids, product__is_listed=True)
        .select_related("product")
        .annotate(cheapest_minor=Subquery(cheapest))
        .order_by("pk")
    )


def _card(note: Any, media: Sequence[Media], products: Sequence[ShownProduct]) -> NoteCard:
    """Put a card together; the note bears the annotations of the query above."""
    return NoteCard(
        id=note.pk,
        type=note.type,
        state=note.state,
        title=note.title,
        body=note.body,
        media=media,
        topics=note.topic_slugs,
        products=products,
        author=note.author,
        published_at=note.published_at,
        provenance=provenance(note),
        disclosure=note.disclosure,
        counts=counts(note),
        viewer=ViewerStanding(note.is_liked, note.is_saved, note.is_following),
    )


def provenance(note: Note) -> Provenance:
    """Return where the note comes from; asks for its brand."""
    return Provenance(
        origin=note.origin,
        sponsored=note.is_sponsored,
        paid_by=note.brand.name if note.is_sponsored and note.brand else "",
        ai=note.ai_use,
        verified_purchase=note.has_verified_purchase,
    )


def counts(note: Note) -> Counts:
    """Return how often people did something with the note; asks for its counts, none being zero."""
    row: NoteCounts = getattr(note, "counts", None) or NoteCounts()
    return Counts(row.likes, row.saves, row.comments, row.shares)


def notes_showing(product_ids: Collection[int]) -> Mapping[int, int]:
    """Return how many published notes show each product now; products without one are absent."""
    rows = (
        ProductTag.objects.open()
        .filter(product__in=list(product_ids), note__state=NoteState.PUBLISHED)
        .values_list("product")
        .annotate(notes=Count("note", distinct=True))
    )
    return dict(rows)


def published_by(person_id: int) -> int:
    """Return how many notes a person has published that can be read now."""
    return Note.objects.published().filter(author=person_id).count()


def comments_under(*, note_id: int, viewer_id: int | None) -> QuerySet[Any]:
    """Return the comments of a note with ``likes_count``, ``replies_count`` and ``is_liked``.

    What people said who are blocked in either direction is left out.
    """
    liked = CommentLike.objects.filter(comment=OuterRef("pk"))
    replies = Comment.objects.living().filter(reply_to=OuterRef("pk"))
    found = Comment.objects.living().filter(note=note_id)
    if viewer_id is not None:
        found = found.exclude(Exists(_blocks_with(viewer_id)))
    return found.select_related("author").annotate(
        likes_count=_number_of(liked, "comment"),
        replies_count=_number_of(replies, "reply_to"),
        is_liked=Exists(liked.filter(person=viewer_id)),
    )


def topics_with_counts() -> QuerySet[Any]:
    """Return the topics with ``notes_count``, the published notes about each."""
    about = Note.topics.through.objects.filter(
        topic=OuterRef("pk"), note__state=NoteState.PUBLISHED
    )
    return Topic.objects.annotate(notes_count=_number_of(about, "topic"))


def _number_of(rows: QuerySet[Any], group: str) -> Coalesce:
    """Return, as an expression, how many of the rows there are for the outer row."""
    counted = rows.order_by().values(group).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)
