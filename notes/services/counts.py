"""The counters of notes: kept with the rows they count, rebuilt from them at need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from notes.models import Comment, FollowFrom, Like, Note, NoteCounts, Save, Share
from redshop.core.db import requires_transaction

#: The rows that each counter counts.
ROWS: Final[Mapping[str, QuerySet[Any]]] = {
    "likes": Like._default_manager.filter(is_suspect=False),
    "saves": Save._default_manager.all(),
    "comments": Comment.objects.filter(deleted_at=None),
    "shares": Share._default_manager.all(),
    "follows": FollowFrom._default_manager.all(),
}

#: So many notes are counted in one statement.
COUNTED_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that did not say what the rows say."""

    note_id: int
    name: str
    kept: int
    counted: int


@requires_transaction
def add(*, note_id: int, name: str, amount: int) -> None:
    """Move one counter of a note.

    Locks: the note's counts.
    """
    changed = {name: F(name) + amount}
    if not NoteCounts.objects.filter(pk=note_id).update(**changed):
        NoteCounts.objects.bulk_create([NoteCounts(note_id=note_id)], ignore_conflicts=True)
        NoteCounts.objects.filter(pk=note_id).update(**changed)


def compare() -> list[Difference]:
    """Return the counters that do not say what the rows say."""
    return _differences(note_ids=None)


def rebuild() -> list[Difference]:
    """Correct the counters that differ from the rows; return what was wrong.

    A note is counted again under the lock of its counts, so that a like that is being given is
    neither missed nor counted twice.
    """
    return [
        found
        for note_id in sorted({difference.note_id for difference in compare()})
        for found in _rebuild_one(note_id=note_id)
    ]


@requires_transaction
def count(note_ids: Sequence[int]) -> None:
    """Count the rows of notes that nobody deals with yet, into counters that are there.

    So that everything may be counted in one statement, no lock is taken against a like given now.
    """
    for start in range(0, len(note_ids), COUNTED_AT_ONCE):
        NoteCounts.objects.filter(pk__in=note_ids[start : start + COUNTED_AT_ONCE]).update(
            **{name: _counted(rows) for name, rows in ROWS.items()}
        )


@transaction.atomic(durable=True)
def _rebuild_one(*, note_id: int) -> list[Difference]:
    NoteCounts.objects.bulk_create([NoteCounts(note_id=note_id)], ignore_conflicts=True)
    NoteCounts.objects.filter(pk=note_id).locked().first()
    found = _differences(note_ids=[note_id])
    NoteCounts.objects.filter(pk=note_id).update(**{d.name: d.counted for d in found})
    return found


def _differences(*, note_ids: Sequence[int] | None) -> list[Difference]:
    return [
        Difference(note_id=pk, name=name, kept=kept, counted=counted)
        for name, rows in ROWS.items()
        for pk, kept, counted in _compare_one(name, rows, note_ids)
    ]


def _compare_one(
    name: str, rows: QuerySet[Any], note_ids: Sequence[int] | None
) -> list[tuple[int, int, int]]:
    notes = Note.objects.all() if note_ids is None else Note.objects.filter(pk__in=note_ids)
    return list(
        notes.annotate(kept=Coalesce(F(f"counts__{name}"), 0), counted=_counted(rows))
        .exclude(kept=F("counted"))
        .order_by("pk")
        .values_list("pk", "kept", "counted")
    )


def _counted(rows: QuerySet[Any]) -> Coalesce:
    """Return how many of some rows belong to a note, or to the counts of one."""
    number = (
        rows.filter(note=OuterRef("pk"))
        .order_by()
        .values("note")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(number), 0)
