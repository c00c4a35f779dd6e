"""Attributing what was paid to the notes that led there, and taking back what was refunded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from redshop.conversion import rules
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.selectors import paths
from redshop.conversion.types import Conversion, Path, Share
from redshop.core import outbox
from redshop.core.db import requires_transaction

#: What makes two credits the same: model, refund, touch, note, weight and money.
Entry = tuple[str, UUID | None, UUID, int, int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What events, orders and refunds say about one line, computed from nothing else."""

    conversion: Conversion
    path: Path
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written for one line, and under which generation."""

    plan: Plan
    generation: int
    missing: tuple[Share, ...]


@requires_transaction
def attribute(*, line_ids: Sequence[int], at: datetime, has_new_windows: bool = False) -> int:
    """Bring the credits of paid lines in line with what is known; return how many lines changed.

    It does not matter whether payment, refund or a visitor's past becomes known first, nor how
    often this runs: what is there is compared with what should be, missing reversals are added,
    and where the touches are others a new generation of credits is written. A line keeps the
    lookback it was first attributed with unless ``has_new_windows``.

    Locks: the attributions, in primary-key order.
    """
    found = paths.conversions(line_ids=line_ids)
    kept = _open(found, at=at)
    if not has_new_windows:
        found = [_with_its_window(each, kept[each.line_id]) for each in found]
    there = entries(line_ids=list(kept))
    changes = [
        change
        for each in plans(found)
        if (change := _compare(each, kept[each.conversion.line_id], there)) is not None
    ]
    _write(changes, kept=kept, at=at)
    return len(changes)


def plans(found: Sequence[Conversion]) -> list[Plan]:
    """Return what each of these lines should be credited with."""
    touches = paths.touches(found)
    refunds = paths.refunds(line_ids=[each.line_id for each in found])
    return [
        Plan(
            each,
            path := touches.get(each.line_id, Path()),
            tuple(rules.shares(each, path, refunds=refunds.get(each.line_id, ()))),
        )
        for each in found
    ]


def entries(*, line_ids: Sequence[int]) -> dict[int, set[Entry]]:
    """Return the credits that hold, by line."""
    by_line: dict[int, set[Entry]] = {}
    rows = (
        Credit.objects.current()
        .filter(line_id__in=line_ids)
        .values_list(
            "line_id",
            "model",
            "refund_id",
            "touch_id",
            "note_id",
            "weight_billionths",
            "amount_minor",
        )
    )
    for line_id, *entry in rows:
        by_line.setdefault(line_id, set()).add(tuple(entry))  # type: ignore[arg-type]
    return by_line


def entry_of(share: Share) -> Entry:
    """Return what identifies a share among the credits of its line."""
    return (
        share.model,
        share.refund_id,
        share.touch.event_id,
        share.touch.note_id,
        share.weight_billionths,
        share.amount_minor,
    )


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
    line_ids = [each.line_id for each in found]
    return {row.line_id: row for row in Attribution.objects.filter(pk__in=line_ids).locked()}


def _with_its_window(conversion: Conversion, attribution: Attribution) -> Conversion:
    return replace(conversion, window_days=attribution.window_days)


def _compare(
    plan: Plan, attribution: Attribution, there: Mapping[int, set[Entry]]
) -> Change | None:
    """Return what a line lacks, or None where its credits are as they should be."""
    present = there.get(attribution.line_id, set())
    planned = {entry_of(share) for share in plan.shares}
    if attribution.generation == 0 or present - planned or _originals(planned - present):
        return Change(plan, attribution.generation + 1, plan.shares)
    missing = tuple(share for share in plan.shares if entry_of(share) not in present)
    return Change(plan, attribution.generation, missing) if missing else None


def _originals(some: set[Entry]) -> list[Entry]:
    return [entry for entry in some if entry[1] is None]


def _write(changes: Sequence[Change], *, kept: Mapping[int, Attribution], at: datetime) -> None:
    credits_ = Credit.objects.bulk_create(
        [_credit(share, change, at=at) for change in changes for share in change.missing]
    )
    for change in changes:
        _update(kept[change.plan.conversion.line_id], change, at=at)
    Attribution.objects.bulk_update(
        [kept[change.plan.conversion.line_id] for change in changes],
        [
            "generation",
            "window_days",
            "touches",
            "touches_cut",
            "is_unattributed",
            "version",
            "computed_at",
        ],
    )
    _tell(changes, last_credit=max((credit.pk for credit in credits_), default=0), at=at)


def _credit(share: Share, change: Change, *, at: datetime) -> Credit:
    conversion, touch = change.plan.conversion, share.touch
    return Credit(
        line_id=conversion.line_id,
        generation=change.generation,
        model=share.model,
        kind=Credit.Kind.REVERSAL if share.refund_id else Credit.Kind.ORIGINAL,
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


def _update(attribution: Attribution, change: Change, *, at: datetime) -> None:
    attribution.generation = change.generation
    attribution.window_days = change.plan.conversion.window_days
    attribution.touches = change.plan.path.considered
    attribution.touches_cut = change.plan.path.cut
    attribution.is_unattributed = not change.plan.path.touches
    attribution.version = rules.VERSION
    attribution.computed_at = at


def _tell(changes: Sequence[Change], *, last_credit: int, at: datetime) -> None:
    """Publish, for each order that changed, how its changed lines stand now."""
    by_order: dict[UUID, list[Change]] = {}
    for change in changes:
        by_order.setdefault(change.plan.conversion.order_id, []).append(change)
    facts = [
        (
            f"{order_id}/{sum(change.generation for change in mine)}/{last_credit}",
            {"order_id": str(order_id), "lines": [_standing(change) for change in mine]},
        )
        for order_id, mine in by_order.items()
    ]
    outbox.publish_many("conversion.credited", facts=facts, at=at)


def _standing(change: Change) -> dict[str, Any]:
    """Return what each note has of a line, summed over its touches, all refunds included."""
    sums: dict[tuple[str, int, int], list[int]] = {}
    for share in change.plan.shares:
        key = (share.model.value, share.touch.note_id, share.touch.author_id)
        weight, gross, refunded = sums.setdefault(key, [0, 0, 0])
        if share.refund_id is None:
            sums[key] = [weight + share.weight_billionths, gross + share.amount_minor, refunded]
        else:
            sums[key] = [weight, gross, refunded - share.amount_minor]
    names = ("model", "note_id", "author_id", "weight_billionths", "gross_minor", "refunded_minor")
    conversion = change.plan.conversion
    return {
        "line_id": conversion.line_id,
        "product_id": conversion.product_id,
        "generation": change.generation,
        "currency": conversion.currency,
        "population": conversion.population,
        "credits": [dict(zip(names, (*key, *values), strict=True)) for key, values in sums.items()],
    }
