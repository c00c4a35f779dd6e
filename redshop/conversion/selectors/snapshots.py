"""What notes had done so many days after their publication, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from redshop.conversion import rules
from redshop.conversion.rules import PROVENANCE
from redshop.conversion.selectors import labels
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.selectors.subjects import (
    KINDS,
    Engagement,
    Interest,
    Reach,
    engagement_of,
    interest_of,
    reach_of,
)
from redshop.conversion.types import (
    EVERYTHING,
    AttributionModel,
    Meta,
    Period,
    Scope,
    Slice,
    Standing,
)
from redshop.core.money import Money

VERSION: Final = 1
_SUMMED: Final = (*KINDS, "people", "openers", "saw_and_opened", "engaged")


class SnapshotGroup(StrEnum):
    """What notes are put together by."""

    NOTE = "note"
    AUTHOR = "author"
    BRAND = "brand"
    NOTE_TYPE = "note_type"
    PROVENANCE = "provenance"


_KEYS: Final[dict[SnapshotGroup | None, str]] = {
    None: "'all'",
    SnapshotGroup.NOTE: "notes_note.id::text",
    SnapshotGroup.AUTHOR: "notes_note.author_id::text",
    SnapshotGroup.BRAND: "notes_note.brand_id::text",
    SnapshotGroup.NOTE_TYPE: "notes_note.type",
    SnapshotGroup.PROVENANCE: PROVENANCE,
}
_ROWS: Final = f"""
WITH taken AS (
    SELECT {{key}} AS key, snapshot.days, snapshot.figures, snapshot.is_final,
           snapshot.credits -> %(model)s -> %(currency)s AS credited
    FROM conversion_notesnapshot AS snapshot
    JOIN notes_note ON notes_note.id = snapshot.note_id
    WHERE notes_note.published_at >= %(since)s AND notes_note.published_at < %(until)s
      AND notes_note.population = ANY(%(populations)s)
      AND (%(author_id)s::bigint IS NULL OR notes_note.author_id = %(author_id)s)
      AND (%(brand_ids)s::bigint[] IS NULL OR notes_note.brand_id = ANY(%(brand_ids)s))
),
chosen AS (
    SELECT key, count(*) AS many, max((credited ->> 1)::bigint) AS best
    FROM taken GROUP BY key
    ORDER BY sum(coalesce((credited ->> 1)::bigint, 0)) DESC, many DESC, key
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT taken.key, days, count(*) AS notes, bool_and(is_final) AS is_final,
       {", ".join(f"sum((figures ->> '{name}')::bigint)::bigint AS {name}" for name in _SUMMED)},
       coalesce(sum((credited ->> 0)::bigint), 0)::bigint AS weight,
       coalesce(sum((credited ->> 1)::bigint), 0)::bigint AS gross,
       coalesce(sum((credited ->> 2)::bigint), 0)::bigint AS refunded,
       sum(sum(coalesce((credited ->> 1)::bigint, 0))) OVER (PARTITION BY taken.key) AS all_gross
FROM taken JOIN chosen ON chosen.key IS NOT DISTINCT FROM taken.key
GROUP BY taken.key, days
ORDER BY all_gross DESC, taken.key, days
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Question:
    """Which notes are asked about, by the days on which they were published."""

    period: Period
    population: str
    currency: str
    model: AttributionModel = AttributionModel.LAST_TOUCH
    group_by: SnapshotGroup | None = None
    scope: Scope = EVERYTHING
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the notes of a group that are that old had done by T+days, added up."""

    days: int
    notes: int
    is_final: bool
    reach: Reach
    engagement: Engagement
    interest: Interest
    credited: Standing


@dataclass(frozen=True, slots=True)
class Row:
    """A group and its snapshots, as far as its notes are old enough."""

    key: int | str | None
    label: str
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of groups, what earned most first."""

    results: tuple[Row, ...]
    has_more: bool
    meta: Meta


def snapshots(question: Question, *, at: datetime) -> Answer:
    """Answer what notes published in the days asked for had done at T+1, 7, 15, 30, 60 and 90.

    People are counted once a note: those of several notes are added up.
    """
    by_key: dict[str | None, list[Mapping[str, Any]]] = {}
    values = {**values_of(question), "model": question.model.value}
    for row in rows_of(_ROWS.format(key=_KEYS[question.group_by]), values):
        by_key.setdefault(row["key"], []).append(row)
    shown = list(by_key.items())[: question.page.limit]
    group_by = question.group_by.value if question.group_by else "all"
    named = labels.named(group_by, keys=[key for key, _ in shown])
    return Answer(
        results=tuple(
            Row(*named[key], tuple(_snapshot(row, question.currency) for row in rows))
            for key, rows in shown
        ),
        has_more=len(by_key) > question.page.limit,
        meta=meta_of(
            question,
            definition="snapshots",
            version=VERSION,
            n=sum(rows[0]["notes"] for _, rows in shown),
            fresh_at=at,
            notes=[
                "Up to so many days of 24 hours after publication; refunds by then taken off.",
                f"Credits are those of {question.model}; n is notes.",
                "Until a snapshot is final, reports of its time may still come.",
            ],
        ),
    )


def _snapshot(row: Mapping[str, Any], currency: str) -> Snapshot:
    return Snapshot(
        days=row["days"],
        notes=row["notes"],
        is_final=row["is_final"],
        reach=reach_of(row),
        engagement=engagement_of(row),
        interest=interest_of(row),
        credited=Standing(
            None,
            "",
            row["weight"] / rules.WHOLE,
            Money(row["gross"], currency),
            Money(row["refunded"], currency),
        ),
    )
