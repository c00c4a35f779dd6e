"""What search looks words up in: who has a word, and how much it tells about them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class Indexed(models.TextChoices):
    """What can be found by words."""

    NOTE = "note"
    PRODUCT = "product"


class IndexedText(models.Model):
    """A note or product as it was indexed last; a text that changes gets a new row.

    So ``id`` is the number by which postings mean this very text: those of an earlier one lead
    nowhere. Terms are here until they are folded into the blocks.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=7, choices=Indexed.choices)
    subject_id = models.BigIntegerField()
    terms = ArrayField(
        models.CharField(max_length=41), null=True, help_text="Empty once they are in the blocks."
    )
    impacts = ArrayField(models.IntegerField(), null=True, help_text="Of each term, 1 to 65,535.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="indexed_text_once")
        ]
        indexes = [
            GinIndex(fields=["terms"], name="indexed_text_fresh", condition=Q(terms__isnull=False)),
            models.Index(
                fields=["kind", "id"], name="indexed_text_waits", condition=Q(terms__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class PostingBlock(models.Model):
    """Some of the texts that have a term, those first that it tells most about; never changed.

    Both columns are little-endian arrays of one length: uint32 numbers of texts, uint16 impacts.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=7, choices=Indexed.choices)
    term = models.CharField(max_length=41)
    size = models.PositiveIntegerField(help_text="Texts in it.")
    texts = models.BinaryField()
    impacts = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["kind", "term"], name="posting_block_of_term")]

    def __str__(self) -> str:
        return f"{self.size} {self.kind}s with {self.term}"


class SearchIndex(models.Model):
    """How far texts are folded into blocks, and how many there are."""

    kind = models.CharField(primary_key=True, max_length=7, choices=Indexed.choices)
    documents = models.PositiveIntegerField(default=0, help_text="Texts in the blocks.")
    folded_at = models.DateTimeField(null=True)
    words_version = models.PositiveIntegerField(
        default=0, help_text="Raised whenever the vocabulary changes."
    )

    class Meta:
        verbose_name_plural = "search indexes"

    def __str__(self) -> str:
        return f"index of {self.kind}s"


class Word(models.Model):
    """A word of the texts, as it is written there, and in how many of them."""

    text = models.CharField(primary_key=True, max_length=40)
    documents = models.PositiveIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["text"], name="word_prefix", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["-documents"], name="word_common"),
        ]

    def __str__(self) -> str:
        return self.text
