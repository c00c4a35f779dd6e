"""The outbox's facts and the idempotency keys."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from redshop.core.db import LockableQuerySet


class FactQuerySet(LockableQuerySet["Fact"]):
    def pending(self) -> Self:
        """Keep what is neither done nor set aside."""
        return self.filter(done_at=None, set_aside_at=None)


class Fact(models.Model):
    """Something that became true, and one consumer's duty to act on it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=64, help_text="What happened, such as order.paid.")
    key = models.CharField(max_length=128, help_text="Makes the fact unique within its kind.")
    consumer = models.CharField(max_length=128, help_text="The function that must act on it.")
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(help_text="Not before this moment; retries push it back.")
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Starts counted before the work, so that a killer is counted too."
    )
    done_at = models.DateTimeField(null=True, blank=True)
    set_aside_at = models.DateTimeField(
        null=True, blank=True, help_text="Given up after five attempts: a person must look."
    )
    error = models.TextField(blank=True)

    objects: ClassVar[FactQuerySet] = FactQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "consumer"], name="fact_once"),
            models.CheckConstraint(condition=Q(attempts__lte=5), name="fact_attempts_at_most_five"),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(done_at=None, set_aside_at=None),
                name="fact_pending",
            ),
            models.Index(
                fields=["set_aside_at"], condition=Q(set_aside_at__isnull=False), name="fact_aside"
            ),
            models.Index(fields=["done_at"], condition=Q(done_at__isnull=False), name="fact_done"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} for {self.consumer}"


class IdempotencyKey(models.Model):
    """The answer that one person's call with one key was given, kept for a day."""

    id = models.BigAutoField(primary_key=True)
    person_id = models.BigIntegerField()
    call = models.CharField(max_length=128)
    key = models.UUIDField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the request's path and body.")
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    content_type = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person_id", "call", "key"], name="idempotency_key_once"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.call} {self.key}"
