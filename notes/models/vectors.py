"""What notes are about, as vectors, and how texts become such."""

from django.db import models
from pgvector.django import HalfVectorField, HnswIndex

#: How many numbers a vector has.
DIMENSIONS = 128


class TextEncoder(models.Model):
    """How texts become vectors: what was fitted to the texts of notes, and when."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=120, help_text="Which encoder it is; see docs/discovery.md.")
    fitted_at = models.DateTimeField()
    texts = models.PositiveIntegerField(help_text="That it was fitted to.")
    fitted = models.BinaryField(default=bytes)

    def __str__(self) -> str:
        return f"{self.kind} of {self.fitted_at:%Y-%m-%d %H:%M}"


class NoteVector(models.Model):
    """What a note is about; empty where its text changed, or the encoder, and it waits."""

    note_id = models.BigIntegerField(primary_key=True)
    encoder = models.ForeignKey(TextEncoder, on_delete=models.SET_NULL, null=True, db_index=False)
    vector = HalfVectorField(dimensions=DIMENSIONS, null=True)

    class Meta:
        indexes = [
            HnswIndex(
                fields=["vector"],
                name="note_vector_near",
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
            ),
            models.Index(
                fields=["note_id"],
                condition=models.Q(vector=None),
                name="note_vector_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"vector of {self.note_id}"
