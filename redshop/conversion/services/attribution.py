"""Attributing what was paid to the notes that led there, and taking back what was refunded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from redshop.conversion import rules
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.selectors import paths
from redshop.conversion.services import sale_rollup
from redshop.conversion.types import Conversion, Plan, Share
from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.core.prepared import prepared
from redshop.core.writes import write

#: Lines of earlier rules that are credited anew in one transaction.
OUTDATED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be appended for one line: shares that were wrong, and shares that are missing."""

    plan: Plan
    attribution: Attribution
    wrong: tuple[Share, ...]
    missing: tuple[Share, ...]


@requires_transaction
def attribute(
    *,
    line_ids: Sequence[int],
    at: datetime,
    has_new_windows: bool = False,
    is_history: bool = False,
) -> int:
    """Bring the credits of paid lines in line with what is known; return how many lines changed.

    It does not matter whether payment, refund or a visitor's past becomes known first, nor how
    often this runs: what is there is compared with what should be; what is missing is appended,
    what is wrong is undone by a correction. A line keeps the lookback it was first attributed
    with unless ``has_new_windows``. Of history that was imported nobody is told.

    Locks: the attributions, in primary-key order.
    """
    found = paths.conversions(line_ids=line_ids) if line_ids else []
    return _attribute(found, at=at, has_new_windows=has_new_windows, is_history=is_history)


@requires_transaction
def attribute_orders(*, order_ids: Sequence[UUID], at: datetime) -> int:
    """Bring the credits of the paid ones of these orders in line, as ``attribute`` does.

    Locks: the attributions, in primary-key order.
    """
    return _attribute(paths.conversions_of_orders(order_ids=order_ids), at=at)


@transaction.atomic(durable=True)
def attribute_outdated(*, at: datetime) -> int:
    """Bring some lines in line that earlier rules credited; return how many, 0 where all are.

    Locks: their attributions, in primary-key order.
    """
    rows = list(Attribution.objects.outdated().locked()[:OUTDATED_AT_ONCE])
    attribute(line_ids=[row.line_id for row in rows], at=at)
    return len(rows)


def _attribute(
    found: Sequence[Conversion],
    *,
    at: datetime,
    has_new_windows: bool = False,
    is_history: bool = False,
) -> int:
    if not found:
        return 0
    kept = _open(found, at=at)
    if not has_new_windows:
        found = [replace(each, window_days=kept[each.line_id].window_days) for each in found]
    there = ledger.standing(line_ids=[pk for pk, row in kept.items() if row.generation])
    compared = [
        _compare(each, kept[each.conversion.line_id], there.get(each.conversion.line_id, ()))
        for each in paths.plans(found)
    ]
    changes = [change for change in compared if change is not None]
    last_credit = _write(changes, at=at)
    sale_rollup.mark([each.line_id for each in found])
    if not is_history:
        _tell(changes, last_credit=last_credit, at=at)
    return len(changes)


def _open(found: Sequence[Conversion], *, at: datetime) -> dict[int, Attribution]:
    """Lock the attribution of each line, made where there was none (generation 0)."""
    Attribution.objects.bulk_create(
        [
            Attribution(
                line_id=each.line_id,
                generation=0,
                converted_at=each.converted_at,
                window_days=each.window_days,
                version=rules.VERSION,
                computed_at=at,
                population=each.population,
            )
            for each in found
        ],
        ignore_conflicts=True,
    )
    locked = _locked(line_ids=[each.line_id for each in found])
    return {row.line_id: row for row in locked}


@prepared
def _locked(*, line_ids: list[int]) -> QuerySet[Attribution]:
    return Attribution.objects.filter(pk__in=line_ids).locked()


def _compare(plan: Plan, attribution: Attribution, there: Sequence[Share]) -> Change | None:
    """Return what a line lacks, or None where everything is as it should be."""
    planned = {share.entry for share in plan.shares}
    present = {share.entry for share in there}
    change = Change(
        plan,
        attribution,
        wrong=tuple(share for share in there if share.entry not in planned),
        missing=tuple(share for share in plan.shares if share.entry not in present),
    )
    is_as_it_was = (
        attribution.generation > 0
        and attribution.version == rules.VERSION
        and planned == present
        and attribution.touches == plan.considered
        and attribution.window_days == plan.conversion.window_days
    )
    return None if is_as_it_was else change


def _write(changes: Sequence[Change], *, at: datetime) -> int:
    """Append what changes bring; return the highest id of a new credit, 0 where there is none."""
    for change in changes:
        _update(change.attribution, change, at=at)
    rows = [_credit(share, change, at=at) for change in changes for share in change.missing]
    rows += [_correction(share, change, at=at) for change in changes for share in change.wrong]
    last_credit = _append(rows)
    _save([change.attribution for change in changes])
    return last_credit


class _Row(NamedTuple):
    """A credit to be written: its columns in their order, and their types."""

    line_id: int
    generation: int
    model: str
    kind: str
    refund_id: UUID | None
    note_id: int
    author_id: int
    surface: str
    provenance: str
    touch_id: UUID
    touched_at: datetime
    weight_billionths: int
    amount_minor: int
    currency: str
    population: str
    at: datetime


_TYPES: Final = (
    "bigint", "int", "text", "text", "uuid", "bigint", "bigint", "text", "text", "uuid",
    "timestamptz", "int", "bigint", "text", "text", "timestamptz",
)  # fmt: skip
_APPEND: Final = f"""
WITH written AS (
    INSERT INTO conversion_credit ({", ".join(_Row._fields)})
    SELECT * FROM unnest({", ".join(f"%s::{kind}[]" for kind in _TYPES)}) RETURNING id
)
SELECT coalesce(max(id), 0) FROM written
"""  # noqa: S608 - constants of this module only


def _append(rows: Sequence[_Row]) -> int:
    """Write credits by column (there may be hundreds for a sale); return the highest id."""
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, [list(column) for column in zip(*rows, strict=True)])
        return int(cursor.fetchone()[0])


_SAVED: Final = {
    "line_id": "bigint",
    "generation": "int",
    "window_days": "smallint",
    "touches": "int",
    "touches_cut": "int",
    "is_attributed": "boolean",
    "version": "smallint",
    "computed_at": "timestamptz",
}
_SAVE: Final = f"""
UPDATE conversion_attribution AS kept
SET {", ".join(f"{name} = given.{name}" for name in _SAVED if name != "line_id")}
FROM unnest({", ".join(f"%s::{kind}[]" for kind in _SAVED.values())}) AS given ({", ".join(_SAVED)})
WHERE kept.line_id = given.line_id
"""  # noqa: S608 - constants of this module only


def _save(attributions: Sequence[Attribution]) -> None:
    """Write what changed of locked attributions (Django writes a CASE for each column and row)."""
    if attributions:
        write(_SAVE, [[getattr(each, name) for each in attributions] for name in _SAVED])


def _update(attribution: Attribution, change: Change, *, at: datetime) -> None:
    if attribution.generation == 0 or change.wrong:
        attribution.generation += 1
    attribution.window_days = change.plan.conversion.window_days
    attribution.touches = change.plan.considered
    attribution.touches_cut = change.plan.cut
    attribution.is_attributed = change.plan.considered > 0
    attribution.version = rules.VERSION
    attribution.computed_at = at


def _credit(share: Share, change: Change, *, at: datetime) -> _Row:
    conversion, touch = change.plan.conversion, share.touch
    return _Row(
        line_id=conversion.line_id,
        generation=change.attribution.generation,
        model=share.model.value,
        kind=(Credit.Kind.REVERSAL if share.refund_id else Credit.Kind.ORIGINAL).value,
        refund_id=share.refund_id,
        note_id=touch.note_id,
        author_id=touch.author_id,
        surface=touch.surface,
        provenance=touch.provenance,
        touch_id=touch.event_id,
        touched_at=touch.occurred_at,
        weight_billionths=share.weight_billionths,
        amount_minor=share.amount_minor,
        currency=conversion.currency,
        population=conversion.population,
        at=at,
    )


def _correction(share: Share, change: Change, *, at: datetime) -> _Row:
    credit = _credit(share, change, at=at)
    return credit._replace(
        kind=Credit.Kind.CORRECTION.value,
        weight_billionths=-share.weight_billionths,
        amount_minor=-share.amount_minor,
    )


def _tell(changes: Sequence[Change], *, last_credit: int, at: datetime) -> None:
    """Publish, for each order whose credits changed, how its changed lines stand now."""
    by_order: dict[UUID, list[Change]] = {}
    for change in changes:
        if change.missing or change.wrong:
            by_order.setdefault(change.plan.conversion.order_id, []).append(change)
    facts = [
        (
            f"{order_id}/{sum(change.attribution.generation for change in mine)}/{last_credit}",
            {"order_id": str(order_id), "lines": [_standing(change) for change in mine]},
        )
        for order_id, mine in by_order.items()
    ]
    outbox.publish_many("conversion.credited", facts=facts, at=at)


def _standing(change: Change) -> Mapping[str, Any]:
    """Return what each note has of a line, summed over its touches, all refunds included."""
    conversion = change.plan.conversion
    sums: dict[tuple[str, int, int], list[int]] = {}
    for share in change.plan.shares:
        key = (share.model.value, share.touch.note_id, share.touch.author_id)
        sums[key] = [
            sum(pair) for pair in zip(sums.get(key, [0, 0, 0]), _parts(share), strict=True)
        ]
    names = ("model", "note_id", "author_id", "weight_billionths", "gross_minor", "refunded_minor")
    return {
        "line_id": conversion.line_id,
        "product_id": conversion.product_id,
        "generation": change.attribution.generation,
        "currency": conversion.currency,
        "population": conversion.population,
        "credits": [dict(zip(names, (*key, *values), strict=True)) for key, values in sums.items()],
    }


def _parts(share: Share) -> tuple[int, int, int]:
    """Return a share's part of weight, gross and refunded."""
    if share.refund_id is None:
        return share.weight_billionths, share.amount_minor, 0
    return 0, 0, -share.amount_minor
