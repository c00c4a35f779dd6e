"""Credits and sums computed once more from events and orders, and compared row by row."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final
from uuid import UUID

from orders.models import OrderLine
from redshop.conversion.models import Attribution
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.selectors import paths
from redshop.conversion.services import funnel_rollup, sale_rollup
from redshop.core.reconciliation import Comparison

LINES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the ledger has and should not have, or should have and has not."""

    line_id: int
    what: str
    model: str = ""
    refund_id: UUID | None = None
    note_id: int | None = None
    weight_billionths: int = 0
    amount_minor: int = 0

    def __str__(self) -> str:
        return (
            f"line {self.line_id}: {self.what} {self.model} note {self.note_id or '-'} "
            f"weight {self.weight_billionths} amount {self.amount_minor} "
            f"refund {self.refund_id or '-'}"
        )


def compare() -> Comparison:
    """Compare the credits of every paid line, and all sums, with what events and refunds give."""
    lines = paid_lines()
    return Comparison(
        scope=f"credits of {len(lines)} paid lines and all sums",
        differences=chain(
            map(str, differences(lines)), funnel_rollup.differences(), sale_rollup.differences()
        ),
    )


def paid_lines() -> list[int]:
    """Return every line that was paid, by id."""
    return list(
        OrderLine.objects.filter(order__paid_at__isnull=False)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def differences(line_ids: list[int]) -> Iterator[Difference]:
    """Yield what differs, line by line; nothing where every derived row can be rebuilt."""
    for start in range(0, len(line_ids), LINES_AT_ONCE):
        yield from _compare(line_ids[start : start + LINES_AT_ONCE])


def _compare(line_ids: list[int]) -> Iterator[Difference]:
    kept = Attribution.objects.in_bulk(line_ids)
    there = ledger.standing(line_ids=line_ids)
    found = paths.conversions(line_ids=line_ids)
    yield from (Difference(pk, "not attributed") for pk in line_ids if pk not in kept)
    for plan in paths.plans(
        [
            replace(each, window_days=kept[each.line_id].window_days)
            for each in found
            if each.line_id in kept
        ]
    ):
        line_id = plan.conversion.line_id
        present = {share.entry for share in there.get(line_id, ())}
        planned = {share.entry for share in plan.shares}
        yield from (_difference(line_id, "superfluous", entry) for entry in present - planned)
        yield from (_difference(line_id, "missing", entry) for entry in planned - present)


def _difference(
    line_id: int, what: str, entry: tuple[str, UUID | None, UUID, int, int, int]
) -> Difference:
    model, refund_id, _, note_id, weight, amount = entry
    return Difference(line_id, what, model, refund_id, note_id, weight, amount)
