"""The behaviour log. It knows people, notes and products by their ids only."""

from collections.abc import Collection
from typing import ClassVar, Final, Self
from uuid import UUID

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from redshop.core.data_map import ERASER, UNLESS_ERASING
from redshop.core.db import LockableQuerySet
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source, Surface
from redshop.events.suspicion import LATER, Suspicion

_MARK_EVENTS = """
INSERT INTO events_unread (person_id, visitor_id)
SELECT DISTINCT person_id, CASE WHEN person_id IS NULL THEN visitor_id END
FROM added
WHERE suspicion = '' AND (person_id IS NOT NULL OR visitor_id IS NOT NULL);
RETURN NULL;
"""
_MARK_IDENTITIES = """
INSERT INTO events_unread (person_id, visitor_id) SELECT NULL, visitor_id FROM added;
RETURN NULL;
"""


#: An event stays as it was written, but for erasing somebody, and for being found suspect later.
_UNLESS_SUSPECTED: Final = pgtrigger.Condition(
    f"current_user <> '{ERASER}' AND NOT (OLD.suspicion = '' AND NEW.suspicion IN ("
    + ", ".join(f"'{mark.value}'" for mark in LATER)
    + ") AND to_jsonb(OLD) - 'suspicion' = to_jsonb(NEW) - 'suspicion')"
)


class EventQuerySet(models.QuerySet["Event"]):
    def of_person(self, person_id: int, *, visitors: Collection[UUID] = ()) -> Self:
        """Keep what the person did, and what these visitors did before they were known.

        Both halves are found by index, whatever the time.
        """
        return self.filter(
            Q(person_id=person_id) | Q(person_id=None, visitor_id__in=list(visitors))
        )


class Event(models.Model):
    """Something that one person or visitor did, or that happened to them; append-only.

    The table is partitioned by month of ``occurred_at``; its primary key is (id, occurred_at).
    """

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    person_id = models.BigIntegerField(null=True)
    visitor_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    surface = models.CharField(max_length=12, choices=Surface.choices, blank=True)
    request_id = models.UUIDField(null=True, help_text="The feed or search that showed it.")
    note_id = models.BigIntegerField(null=True)
    product_id = models.BigIntegerField(null=True)
    author_id = models.BigIntegerField(null=True, help_text="Who was followed.")
    order_id = models.UUIDField(null=True)
    position = models.PositiveIntegerField(null=True)
    dwell_ms = models.PositiveIntegerField(null=True)
    completion = models.FloatField(null=True, help_text="Share of the note that was read, 0 to 1.")
    query = models.CharField(max_length=200, blank=True)
    quantity = models.PositiveIntegerField(null=True)
    amount_minor = models.PositiveBigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    population = models.CharField(max_length=9, choices=Population.choices)
    source = models.CharField(max_length=6, choices=Source.choices)
    suspicion = models.CharField(
        max_length=5,
        choices=Suspicion.choices,
        default=Suspicion.NONE,
        blank=True,
        help_text="Marked events are kept, and left out of what is counted.",
    )

    objects: ClassVar[EventQuerySet] = EventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            # attribution reads touches from here alone, without the rows themselves
            models.Index(
                fields=["person_id", "occurred_at"],
                include=["id", "kind", "note_id", "surface", "suspicion"],
                condition=Q(person_id__isnull=False),
                name="event_person",
            ),
            models.Index(
                fields=["visitor_id", "occurred_at"],
                condition=Q(person_id=None),
                name="event_visitor",
            ),
            models.Index(fields=["note_id"], condition=Q(note_id__isnull=False), name="event_note"),
            models.Index(
                fields=["product_id"], condition=Q(product_id__isnull=False), name="event_product"
            ),
            BrinIndex(fields=["occurred_at"], name="event_time"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(
                name="append_only", operation=pgtrigger.Delete, condition=UNLESS_ERASING
            ),
            pgtrigger.Protect(
                name="append_only_but_marks",
                operation=pgtrigger.Update,
                condition=_UNLESS_SUSPECTED,
            ),
            pgtrigger.Trigger(
                name="unread",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=_MARK_EVENTS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at:%Y-%m-%d %H:%M}"


class EventId(models.Model):
    """An id that was taken: the ledger that recognises a duplicate whatever its partition."""

    id = models.UUIDField(primary_key=True)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name = "event id"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["received_at"], name="event_id_age")
        ]

    def __str__(self) -> str:
        return str(self.id)


class RejectedEvent(models.Model):
    """A row of a batch that could not be taken, kept aside with its reason for the analyst."""

    id = models.BigAutoField(primary_key=True)
    received_at = models.DateTimeField(db_index=True)
    person_id = models.BigIntegerField(null=True, help_text="Who sent it.")
    visitor_id = models.UUIDField(null=True)
    event_id = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=32)
    message = models.CharField(max_length=300)
    body = models.TextField(help_text="The row as it came, cut to 2,000 characters.")
    fingerprint = models.UUIDField(
        unique=True, help_text="The same for a row that its sender sends again."
    )

    def __str__(self) -> str:
        return f"{self.code} {self.event_id}"


class Identity(models.Model):
    """The person whom an anonymous visitor turned out to be: the first who logged in on it."""

    visitor_id = models.UUIDField(primary_key=True)
    person_id = models.BigIntegerField(db_index=True)
    joined_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "identities"
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Trigger(
                name="unread",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=_MARK_IDENTITIES,
            )
        ]

    def __str__(self) -> str:
        return f"{self.visitor_id} is {self.person_id}"


class Unread(models.Model):
    """Somebody of whom something was written since sums were last brought up to it.

    Written by triggers, in the transaction of what they are about; whoever reads somebody's events
    again deletes the marks that were there before, in the transaction of what is made of them.
    """

    id = models.BigAutoField(primary_key=True)
    person_id = models.BigIntegerField(null=True)
    visitor_id = models.UUIDField(null=True)

    class Meta:
        verbose_name = "unread mark"

    def __str__(self) -> str:
        return str(self.person_id or self.visitor_id)


class OptOut(models.Model):
    """A person who withdrew consent to analytics: their events lead to nobody."""

    person_id = models.BigIntegerField(primary_key=True)
    since = models.DateTimeField()

    class Meta:
        verbose_name = "opt-out from analytics"
        verbose_name_plural = "opt-outs from analytics"

    def __str__(self) -> str:
        return f"{self.person_id} since {self.since:%Y-%m-%d}"


class Forgotten(models.Model):
    """Somebody who was erased, until the lake has been written anew without them."""

    id = models.BigAutoField(primary_key=True)
    person_id = models.BigIntegerField()
    visitor_ids = ArrayField(models.UUIDField(), default=list)
    asked_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "forgotten"

    def __str__(self) -> str:
        return str(self.person_id)


class ArchivedMonthQuerySet(LockableQuerySet["ArchivedMonth"]):
    def verified(self) -> Self:
        """Keep months whose every row is known to lie in the lake."""
        return self.filter(verified_at__isnull=False)


class ArchivedMonth(models.Model):
    """A month of the log in the lake, and whether it lies there as it is, or was, here.

    Whatever is written into the month afterwards (an import of a shop's past may be) raises
    ``changes`` and takes the verification away; a trigger on the month's partition sees to it.
    """

    month = models.DateField(primary_key=True, help_text="Its first day, in UTC.")
    edition = models.PositiveIntegerField(
        default=0, help_text="How often it was exported; the files of each have names of their own."
    )
    rows = models.PositiveBigIntegerField(default=0)
    checksum = models.DecimalField(
        max_digits=40,
        decimal_places=0,
        default=0,
        help_text="The sum of the first 60 bits of the MD5 of every row.",
    )
    files = models.JSONField(default=list, help_text="Path, bytes, SHA-256 and rows of each.")
    changes = models.PositiveBigIntegerField(
        default=0, help_text="How many transactions wrote into the month after it was sealed."
    )
    exported_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="When lake and log were last seen to agree, if they do."
    )
    detached_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the month lies in the lake alone."
    )

    objects: ClassVar[ArchivedMonthQuerySet] = ArchivedMonthQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(detached_at=None) | Q(verified_at__isnull=False),
                name="archived_month_leaves_only_when_verified",
            )
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
