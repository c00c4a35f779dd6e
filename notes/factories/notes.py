"""Notes, and what people do with them, for tests and for developers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from notes.models import (
    Comment,
    CommentLike,
    FeedSnapshot,
    FollowFrom,
    Hide,
    Indexed,
    IndexedText,
    Like,
    NeighbourRun,
    Note,
    NoteCounts,
    NoteMedia,
    NoteNeighbours,
    PastSearch,
    PostingBlock,
    ProductTag,
    ProofOfPurchase,
    Save,
    SearchIndex,
    Share,
    Synonym,
    Topic,
    TrendingList,
    Word,
)
from notes.services import authoring, comments, reactions
from notes.states import NoteState
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

TOPICS: Final = (
    ("sunscreen", "防晒"),
    ("skincare", "护肤"),
    ("outfits", "穿搭"),
    ("coffee", "Coffee"),
    ("cucina", "Cucina italiana"),
    ("travel", "Travel"),
    ("nursery", "母婴"),
    ("home", "Home"),
)
TEXTS: Final = (
    ("敏感肌防晒霜怎么选", "试了七款防晒霜，清爽不油的只有两款。通勤够用，海边要补涂。"),
    ("A linen dress for the whole summer", "Washes well, deep pockets, no ironing. Size down."),
    ("Il caffè della domenica", "La moka va lavata senza sapone: ecco come faccio io."),
    ("新手化妆五件套", "预算三百，够用一年。口红颜色见图三。"),
    ("Three days in Suzhou 🏯", "Gardens before nine, noodles after, canals at dusk."),
    ("Crema mani, prova di un mese", "Si assorbe subito, profumo leggero. La ricompro."),
)


class TopicFactory(DjangoModelFactory[Topic]):
    """A topic; one of eight, again and again, unless named."""

    class Meta:
        model = Topic
        django_get_or_create = ["slug"]

    slug = factory.Sequence(lambda n: TOPICS[n % len(TOPICS)][0])
    name = factory.LazyAttribute(lambda topic: dict(TOPICS).get(topic.slug, topic.slug.title()))


class NoteFactory(DjangoModelFactory[Note]):
    """A note as the services write it, published unless ``state`` says draft.

    ``topics``, ``products`` and ``media`` are lists of rows; media become the author's. ``at`` is
    when it was written, ``published_at`` (an hour ago) when it was published.
    """

    class Meta:
        model = Note

    class Params:
        number = factory.Sequence(lambda n: n)

    author = factory.SubFactory("redshop.accounts.factories.UserFactory")
    title = factory.LazyAttribute(lambda note: TEXTS[note.number % len(TEXTS)][0])
    body = factory.LazyAttribute(lambda note: TEXTS[note.number % len(TEXTS)][1])
    state = NoteState.PUBLISHED.value
    published_at = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1))
    topics: Any = ()
    products: Any = ()
    media: Any = ()

    @classmethod
    def _create(cls, model_class: type[Note], *args: Any, **kwargs: Any) -> Note:
        author, brand = kwargs.pop("author"), kwargs.pop("brand", None)
        state, at = kwargs.pop("state"), kwargs.pop("published_at")
        topics, products = kwargs.pop("topics"), kwargs.pop("products")
        media = kwargs.pop("media")
        for upload in media:
            upload.owner = author
            upload.save(update_fields=["owner"])
        note = authoring.create_draft(
            author_id=author.pk,
            brand_id=brand.pk if brand else None,
            topic_slugs=[topic.slug for topic in topics],
            product_ids=[product.pk for product in products],
            media_ids=[upload.pk for upload in media],
            at=at,
            **{"type": Note.Type.IMAGE, **kwargs},
        )
        if state == NoteState.PUBLISHED:
            note = authoring.publish_by_hand(note_id=note.pk, at=at)
        return note


class CommentFactory(DjangoModelFactory[Comment]):
    """A comment, counted and recorded as any other."""

    class Meta:
        model = Comment

    note = factory.SubFactory(NoteFactory)
    author = factory.SubFactory("redshop.accounts.factories.UserFactory")
    body = factory.Sequence(lambda n: ("好用吗？", "Where did you get it?", "Bellissimo!")[n % 3])
    created_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Comment], *args: Any, **kwargs: Any) -> Comment:
        reply_to = kwargs.get("reply_to")
        return comments.comment(
            note_id=kwargs["note"].pk,
            author_id=kwargs["author"].pk,
            body=kwargs["body"],
            reply_to=reply_to.pk if reply_to else None,
            at=kwargs["created_at"],
        )


class _ReactionFactory(DjangoModelFactory[Any]):
    """A reaction, counted and recorded as any other."""

    class Meta:
        abstract = True

    note = factory.SubFactory(NoteFactory)
    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    created_at: Any = factory.LazyFunction(timezone.now)

    react: Callable[..., object]

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **kwargs: Any) -> Any:
        note, person = kwargs["note"], kwargs["person"]
        cls.react(note_id=note.pk, person_id=person.pk, at=kwargs["created_at"])
        return model_class._default_manager.filter(note=note, person=person).latest("pk")


class LikeFactory(_ReactionFactory):
    class Meta:
        model = Like

    react = staticmethod(reactions.like)


class SaveFactory(_ReactionFactory):
    class Meta:
        model = Save

    react = staticmethod(reactions.save)


class ShareFactory(_ReactionFactory):
    class Meta:
        model = Share

    react = staticmethod(reactions.share)


class HideFactory(_ReactionFactory):
    class Meta:
        model = Hide

    react = staticmethod(reactions.hide)


class CommentLikeFactory(DjangoModelFactory[CommentLike]):
    class Meta:
        model = CommentLike

    comment = factory.SubFactory(CommentFactory)
    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    created_at = factory.LazyFunction(timezone.now)


class FollowFromFactory(DjangoModelFactory[FollowFrom]):
    """Somebody followed the author from this note."""

    class Meta:
        model = FollowFrom

    note = factory.SubFactory(NoteFactory)
    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    created_at = factory.LazyFunction(timezone.now)


class NoteMediaFactory(DjangoModelFactory[NoteMedia]):
    class Meta:
        model = NoteMedia

    note = factory.SubFactory(NoteFactory)
    media = factory.SubFactory("redshop.catalog.factories.MediaFactory")


class ProductTagFactory(DjangoModelFactory[ProductTag]):
    """A note shows a product, from an hour ago on."""

    class Meta:
        model = ProductTag

    note = factory.SubFactory(NoteFactory)
    product = factory.SubFactory("redshop.catalog.factories.ProductFactory")
    valid_from = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1))


class ProofOfPurchaseFactory(DjangoModelFactory[ProofOfPurchase]):
    class Meta:
        model = ProofOfPurchase

    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    product = factory.SubFactory("redshop.catalog.factories.ProductFactory")
    delivered_at = factory.LazyFunction(timezone.now)


class NoteCountsFactory(DjangoModelFactory[NoteCounts]):
    """The counters of a new note: they come with it."""

    class Meta:
        model = NoteCounts

    note = factory.SubFactory(NoteFactory)

    @classmethod
    def _create(cls, model_class: type[NoteCounts], *args: Any, **kwargs: Any) -> NoteCounts:
        return NoteCounts.objects.get_or_create(note=kwargs["note"])[0]


class FeedSnapshotFactory(DjangoModelFactory[FeedSnapshot]):
    """An answer to a feed request that showed nothing."""

    class Meta:
        model = FeedSnapshot

    request_id = factory.LazyFunction(uuid7)
    surface = Surface.EXPLORE
    policy = "ces_folk_v1"
    created_at = factory.LazyFunction(timezone.now)


class IndexedTextFactory(DjangoModelFactory[IndexedText]):
    """A note with one word, not folded yet; notes that are made are indexed by themselves."""

    class Meta:
        model = IndexedText

    kind = Indexed.NOTE
    subject_id = factory.Sequence(lambda n: 1_000_000 + n)
    terms = ("tea",)
    impacts = (30_000,)


class PostingBlockFactory(DjangoModelFactory[PostingBlock]):
    """A word that text number 1 has."""

    class Meta:
        model = PostingBlock

    kind = Indexed.NOTE
    term = "tea"
    size = 1
    texts = b"\x01\x00\x00\x00"
    impacts = b"\xff\x7f"


class SearchIndexFactory(DjangoModelFactory[SearchIndex]):
    """An index that nothing is folded into yet."""

    class Meta:
        model = SearchIndex
        django_get_or_create = ("kind",)

    kind = Indexed.NOTE


class WordFactory(DjangoModelFactory[Word]):
    """A word that some notes are written with."""

    class Meta:
        model = Word

    text = factory.Sequence(lambda n: f"word{n}")
    documents = 3


class SynonymFactory(DjangoModelFactory[Synonym]):
    """Two words that mean the same."""

    class Meta:
        model = Synonym

    words = ("sunscreen", "防晒霜")


class PastSearchFactory(DjangoModelFactory[PastSearch]):
    """What a person searched for."""

    class Meta:
        model = PastSearch

    person_id = factory.Sequence(lambda n: n + 1)
    query = "tea"
    results = 3
    searched_at = factory.LazyFunction(timezone.now)


class TrendingListFactory(DjangoModelFactory[TrendingList]):
    """A list of nothing."""

    class Meta:
        model = TrendingList

    computed_at = factory.LazyFunction(timezone.now)
    definition = "Nothing."
    entries = factory.LazyFunction(list)
    too_few_people = 0


class NeighbourRunFactory(DjangoModelFactory[NeighbourRun]):
    """A learning that found more than popularity."""

    class Meta:
        model = NeighbourRun

    learned_at = factory.LazyFunction(timezone.now)
    people = 100
    notes = 50
    visits = 900
    gain = 0.2
    gain_of_popularity = 0.1
    is_used = True


class NoteNeighboursFactory(DjangoModelFactory[NoteNeighbours]):
    """A note that speaks for another."""

    class Meta:
        model = NoteNeighbours

    note_id = factory.Sequence(lambda n: n + 1)
    neighbour_ids = (2,)
    weights = (0.5,)
