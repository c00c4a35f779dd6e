"""What creators earn: always what should stand less what is posted, whatever happened first.

Orders learn from the fact ``conversion.credited`` whom the last touch credits with a line, and keep
that; completed orders, refunds and new credits all lead to the same comparison.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from orders import selectors_ledger as ledger
from orders.ledger import rules
from orders.ledger.accounts import AccountKind
from orders.ledger.rules import Entries, KeptLine
from orders.models import CreatorShare, Order, OrderLine, Posting, PostingKind
from orders.services.bookkeeping import scope_of
from orders.services.books import Draft, post
from orders.services.holding import Held, hold
from orders.states import OrderState
from redshop.core import outbox
from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7
from redshop.core.prepared import prepared

DUE: Final = "order.commission_due"
MODEL: Final = "last_touch"
KINDS: Final = (PostingKind.COMMISSION, PostingKind.CLAW_BACK)


@dataclass(frozen=True, slots=True)
class Credited:
    """Whom one generation of a line's credits credits: person to weight in billionths."""

    line_id: int
    generation: int
    weights: Mapping[int, int]


@requires_transaction
def hear(*, order_id: UUID, lines: Sequence[Mapping[str, Any]] = (), at: datetime) -> None:
    """Have an order's commission looked at, where any is offered; no lock is taken.

    ``lines`` are those of ``conversion.credited``, where that is the news.
    """
    line_ids = set(_offering(order_id=order_id))
    if not line_ids:
        return
    credited = [_credited(line) for line in lines if line["line_id"] in line_ids]
    payload = {"order_id": str(order_id), "lines": credited}
    outbox.publish(DUE, key=str(uuid7()), payload=payload, at=at)


@prepared
def _offering(*, order_id: UUID) -> QuerySet[OrderLine, int]:
    """Find the lines of an order that offer a commission."""
    offering = OrderLine.objects.filter(order_id=order_id).exclude(commission_bp=0)
    return offering.values_list("pk", flat=True)


@requires_transaction
def refresh(*, order_id: UUID, credited: Sequence[Credited] = (), at: datetime) -> None:
    """Keep what is news of the credits, and post what creators should have and have not, or the
    reverse; running it again changes nothing.

    Locks: the order row.

    Raises:
        NotFound: there is no such order.
    """
    held = hold(order_id=order_id)
    _keep(held, credited)
    stands = ledger.standing(order_ids=[order_id], kinds=KINDS).get(order_id, {})
    change = rules.difference(earned([held.order], held.lines.values())[order_id], stands)
    count = Posting.objects.filter(order=held.order, kind__in=KINDS).count()
    taken_back = sum(
        amount for account, amount in change.items() if account.kind == AccountKind.CREATOR_PAYABLE
    )
    draft = Draft(
        kind=PostingKind.CLAW_BACK if taken_back > 0 else PostingKind.COMMISSION,
        key=f"commission/{order_id}/{count + 1}",
        entries=change,
        order_id=order_id,
        at=at,
        population=held.order.population,
    )
    post([draft])


def earned(orders: Sequence[Order], lines: Iterable[OrderLine]) -> dict[UUID, Entries]:
    """Return what commission each order should have in the books; asks for the lines' parts.

    Nothing is earned before the buyer keeps the goods: before the order is completed.
    """
    mine: dict[UUID, list[OrderLine]] = {order.pk: [] for order in orders}
    for line in lines:
        if line.commission_bp:
            mine[line.order_id].append(line)
    offering = [line.pk for kept in mine.values() for line in kept]
    weights = _weights(offering)
    return {
        order.pk: rules.commission(
            scope_of(order),
            [_kept(line, weights.get(line.pk, {})) for line in mine[order.pk]],
            buyer_id=order.buyer_id,
        )
        if order.state == OrderState.COMPLETED
        else {}
        for order in orders
    }


def _credited(line: Mapping[str, Any]) -> dict[str, Any]:
    weights: dict[str, int] = {}
    for credit in line["credits"]:
        if credit["model"] == MODEL and credit["weight_billionths"]:
            person = str(credit["author_id"])
            weights[person] = weights.get(person, 0) + credit["weight_billionths"]
    return {"line_id": line["line_id"], "generation": line["generation"], "weights": weights}


def read(payload: Mapping[str, Any]) -> list[Credited]:
    """Return what a fact that is due says of credits."""
    return [
        Credited(
            line["line_id"],
            line["generation"],
            {int(person): weight for person, weight in line["weights"].items()},
        )
        for line in payload["lines"]
    ]


def _keep(held: Held, credited: Sequence[Credited]) -> None:
    """Replace the shares of lines that these credits are newer than.

    A generation may first be without any touch and then with: the credits win.
    """
    known = _weights([news.line_id for news in credited])
    for news in credited:
        line = held.lines.get(news.line_id)
        if line is None:
            continue
        is_first = news.line_id not in known
        if news.generation > line.credited_generation or (
            news.generation == line.credited_generation and is_first and news.weights
        ):
            _replace(line, news)


def _replace(line: OrderLine, news: Credited) -> None:
    CreatorShare.objects.filter(line=line).delete()
    CreatorShare.objects.bulk_create(
        CreatorShare(line=line, person_id=person_id, weight_billionths=weight)
        for person_id, weight in news.weights.items()
    )
    line.credited_generation = news.generation
    line.save(update_fields=["credited_generation"])


def _weights(line_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    if not line_ids:
        return found
    for share in CreatorShare.objects.filter(line__in=line_ids):
        found.setdefault(share.line_id, {})[share.person_id] = share.weight_billionths
    return found


def _kept(line: OrderLine, weights: Mapping[int, int]) -> KeptLine:
    return KeptLine(
        merchant_id=line.part.merchant_id,
        kept_minor=line.total_minor - line.refunded_minor,
        commission_bp=line.commission_bp,
        weights=weights,
    )
