"""Notes and what people do with them."""

from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from notes.states import EDGES, NoteState
from redshop.catalog.models import Brand, Media, Product
from redshop.core.db import LockableQuerySet
from redshop.core.populations import Population


class Topic(models.Model):
    """Something that notes are about."""

    id = models.BigAutoField(primary_key=True)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class NoteQuerySet(LockableQuerySet["Note"]):
    def published(self) -> Self:
        """Keep what readers may see."""
        return self.filter(state=NoteState.PUBLISHED)

    def existing(self) -> Self:
        """Keep what was not deleted."""
        return self.exclude(state=NoteState.DELETED)


class Note(models.Model):
    """A post: pictures, a video or text, about topics and, often, products."""

    class Type(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"
        TEXT = "text"

    class Origin(models.TextChoices):
        USER = "user"
        BRAND = "brand"

    class Disclosure(models.TextChoices):
        AD = "ad"
        PAID_PARTNERSHIP = "paid_partnership"

    class AiUse(models.TextChoices):
        NONE = "none"
        ASSISTED = "assisted"
        GENERATED = "generated"

    id = models.BigAutoField(primary_key=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notes"
    )
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="notes",
        help_text="The brand in whose name it is published, or that paid for it.",
    )
    type = models.CharField(max_length=5, choices=Type.choices, default=Type.IMAGE)
    title = models.CharField(max_length=100)
    body = models.TextField(max_length=5_000, blank=True)
    origin = models.CharField(max_length=5, choices=Origin.choices, default=Origin.USER)
    earns_commission = models.BooleanField(
        default=False, help_text="Its author is paid for what is bought through it."
    )
    is_sponsored = models.BooleanField(
        "sponsored", default=False, help_text="Paid for by the brand named."
    )
    disclosure = models.CharField(
        max_length=16,
        choices=Disclosure.choices,
        blank=True,
        help_text="The commercial label that readers see.",
    )
    ai_use = models.CharField(
        "AI use",
        max_length=9,
        choices=AiUse.choices,
        default=AiUse.NONE,
        help_text="Readers see it as a label. Once published it can only be raised.",
    )
    has_verified_purchase = models.BooleanField(
        "verified purchase",
        default=False,
        editable=False,
        help_text="Its author had a product it shows delivered.",
    )
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value.replace("_", " ")) for state in NoteState],
        default=NoteState.DRAFT.value,
    )
    population = models.CharField(
        max_length=9, choices=Population.choices, default=Population.REAL, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    topics = models.ManyToManyField(Topic, related_name="notes", blank=True)
    media = models.ManyToManyField(Media, through="NoteMedia", blank=True)

    objects: ClassVar[NoteQuerySet] = NoteQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=[NoteState.PUBLISHED.value, NoteState.TAKEN_DOWN.value])
                | Q(published_at__isnull=False),
                name="note_published_has_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state=NoteState.PUBLISHED.value)
                | ~(Q(earns_commission=True) | Q(is_sponsored=True) | Q(origin="brand"))
                | ~Q(disclosure=""),
                name="note_commercial_is_disclosed",
            ),
            models.CheckConstraint(
                condition=Q(brand__isnull=False) | (Q(origin="user") & Q(is_sponsored=False)),
                name="note_brand_is_named",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-published_at", "-id"],
                condition=Q(state=NoteState.PUBLISHED.value),
                name="note_newest",
            ),
            models.Index(fields=["author", "-published_at"], name="note_author_newest"),
        ]
        triggers = [pgtrigger.FSM(name="note_state_edges", field="state", transitions=EDGES)]

    def __str__(self) -> str:
        return self.title


class NoteCountsQuerySet(LockableQuerySet["NoteCounts"]):
    pass


class NoteCounts(models.Model):
    """How often a note was liked, saved, commented, shared; rebuilt from those rows at need."""

    note = models.OneToOneField(
        Note, on_delete=models.CASCADE, primary_key=True, related_name="counts"
    )
    likes = models.PositiveIntegerField(default=0)
    saves = models.PositiveIntegerField(default=0)
    comments = models.PositiveIntegerField(default=0)
    shares = models.PositiveIntegerField(default=0)
    follows = models.PositiveIntegerField(
        default=0, help_text="People who followed the author from this note."
    )

    objects: ClassVar[NoteCountsQuerySet] = NoteCountsQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "note counts"

    def __str__(self) -> str:
        return f"counts of {self.note_id}"


class NoteMedia(models.Model):
    """A picture's or video's place in a note."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="pictures")
    media = models.ForeignKey(Media, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "note media"
        constraints = [models.UniqueConstraint(fields=["note", "media"], name="note_media_once")]

    def __str__(self) -> str:
        return f"picture {self.position} of {self.note_id}"


class ProductTagQuerySet(models.QuerySet["ProductTag"]):
    def open(self) -> Self:
        """Keep the tags that are valid now."""
        return self.filter(valid_until=None)


class ProductTag(models.Model):
    """A note shows a product, during an interval."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="product_tags")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="note_tags")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Open where empty.")

    objects: ClassVar[ProductTagQuerySet] = ProductTagQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["note", "product"],
                condition=Q(valid_until=None),
                name="product_tag_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                name="product_tag_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["product", "note"], name="product_tag_by_product")]

    def __str__(self) -> str:
        return f"{self.note_id} shows {self.product_id}"


class Reaction(models.Model):
    """What Like, Save and Hide have in common: one person, one note, once."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True


class Like(Reaction):
    """A person likes a note."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="likes")
    is_suspect = models.BooleanField(
        "suspect",
        default=False,
        db_default=False,
        help_text="Of a burst or a ring: kept, and left out of counters.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "note"], name="like_once")]

    def __str__(self) -> str:
        return f"{self.person_id} likes {self.note_id}"


class Save(Reaction):
    """A person keeps a note for later."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="saves")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "note"], name="save_once")]

    def __str__(self) -> str:
        return f"{self.person_id} saved {self.note_id}"


class Hide(Reaction):
    """A person does not want to see a note again."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="hides")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "note"], name="hide_once")]

    def __str__(self) -> str:
        return f"{self.person_id} hid {self.note_id}"


class Share(Reaction):
    """A person passed a note on; as often as they like."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="shares")

    def __str__(self) -> str:
        return f"{self.person_id} shared {self.note_id}"


class FollowFrom(Reaction):
    """A person followed the author from this note; unfollowing later takes nothing back."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="follows_from")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "note"], name="follow_from_once")]

    def __str__(self) -> str:
        return f"{self.person_id} followed the author of {self.note_id}"


class CommentQuerySet(LockableQuerySet["Comment"]):
    def living(self) -> Self:
        """Keep what was not taken back."""
        return self.filter(deleted_at=None)


class Comment(models.Model):
    """What a person said under a note, or in reply to another comment there."""

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    reply_to = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies"
    )
    body = models.CharField(max_length=1_000)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[CommentQuerySet] = CommentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["note", "-id"], name="comment_newest")]

    def __str__(self) -> str:
        return self.body[:60]


class CommentLike(models.Model):
    """A person likes a comment."""

    id = models.BigAutoField(primary_key=True)
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="likes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "comment"], name="comment_like_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} likes comment {self.comment_id}"


class ProofOfPurchaseQuerySet(models.QuerySet["ProofOfPurchase"]):
    def standing(self) -> Self:
        """Keep those whose purchase was not given back."""
        return self.filter(withdrawn_at=None)


class ProofOfPurchase(models.Model):
    """A product was delivered to a person: what makes their notes about it verified."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    delivered_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="When all that was delivered had been refunded."
    )

    objects: ClassVar[ProofOfPurchaseQuerySet] = ProofOfPurchaseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "proofs of purchase"
        constraints = [
            models.UniqueConstraint(fields=["person", "product"], name="proof_of_purchase_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} had {self.product_id} delivered"


class FeedSnapshot(models.Model):
    """The ordered answer to one feed or search request, so that its pages never shift."""

    request_id = models.UUIDField(primary_key=True)
    person_id = models.BigIntegerField(null=True)
    visitor_id = models.UUIDField(null=True)
    surface = models.CharField(max_length=12)
    policy = models.CharField(max_length=40)
    is_personalised = models.BooleanField(default=False)
    query = models.CharField(max_length=200, blank=True)
    ledger = models.JSONField(
        default=dict,
        help_text="In ranked order: note ids, scores, sources and reasons; names of the rows.",
    )
    matrix = models.BinaryField(
        default=bytes, help_text="A row of 32-bit floats for each number of which it is told."
    )
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.surface} {self.request_id}"
