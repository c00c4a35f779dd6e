"""An order held by its row's lock, with what belongs to it, and the steps it may take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, QuerySet, Value, When

from orders.errors import LineUnknown, QuantityNotPossible, WrongState
from orders.models import Order, OrderLine, OrderPart, Transition
from orders.states import OrderState, route, slowest
from redshop.core import outbox, prepared, writes
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound

#: The states in the order in which a life can pass them.
LIFE: Final = [state.value for state in OrderState]


@dataclass(frozen=True, slots=True)
class Held:
    """An order whose row is locked, with its parts and lines as they are now."""

    order: Order
    parts: Mapping[int, OrderPart]
    lines: Mapping[int, OrderLine]

    @property
    def state(self) -> OrderState:
        return OrderState(self.order.state)

    @property
    def is_returning(self) -> bool:
        """Tell whether an open return claims units of it."""
        return any(line.returning_quantity for line in self.lines.values())

    def lines_of(self, part: OrderPart) -> list[OrderLine]:
        return [line for line in self.lines.values() if line.part_id == part.pk]

    def by_sku(self, units: Mapping[int, int]) -> dict[int, int]:
        """Turn units by line into units by SKU."""
        return {self.lines[line_id].sku_id: quantity for line_id, quantity in units.items()}

    def units(self, left: Mapping[int, int], *, wanted: Mapping[int, int] | None) -> dict[int, int]:
        """Return the wanted units by line, or, where None, all that are left.

        Raises:
            LineUnknown: a wanted line is not one of these.
            QuantityNotPossible: a line has not that many left.
        """
        if wanted is None:
            return {line_id: quantity for line_id, quantity in left.items() if quantity}
        for line_id, quantity in wanted.items():
            if line_id not in left:
                raise LineUnknown(line_id=line_id)
            if not 1 <= quantity <= left[line_id]:
                raise QuantityNotPossible(line_id=line_id, left=left[line_id])
        return dict(wanted)

    def require(self, *states: OrderState) -> None:
        """Go on only in one of these states.

        Raises:
            WrongState: the order is in another.
        """
        if self.state not in states:
            raise WrongState(state=self.order.state)


@requires_transaction
def hold(*, order_id: UUID, buyer_id: int | None = None) -> Held:
    """Lock an order, then read what belongs to it, so that nothing read is out of date.

    Locks: the order row.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
    """
    mine = Order.objects.all() if buyer_id is None else Order.objects.of_buyer(buyer_id)
    order = mine.filter(pk=order_id).locked().first()
    if order is None:
        raise NotFound
    lines = OrderLine.objects.filter(order=order).select_related("part").order_by("pk")
    return _held(order, lines)


@requires_transaction
def hold_unpaid(*, order_id: UUID, buyer_id: int | None = None) -> Held:
    """Lock an order and read what belongs to it in one statement.

    What is read beside the lock may be as old as the wait for it. Lines and parts of an order
    never change while it is placed, so they are right wherever the state, which is the locked
    row's, still says so: to be called where any other state is refused.

    Locks: the order row.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
    """
    found = _locked_lines(order_id=order_id, buyer_id=buyer_id)
    if not found:
        raise NotFound
    return _held(found[0].order, found)


@prepared.prepared
def _locked_lines(*, order_id: UUID, buyer_id: int | None) -> QuerySet[OrderLine]:
    """Lock an order, which is its buyer's where one is named, and find its lines and parts."""
    lines = OrderLine.objects.filter(order_id=order_id).select_related("order", "part")
    if buyer_id is not None:
        lines = lines.filter(order__buyer_id=buyer_id)
    return lines.locked("order")


def _held(order: Order, lines: Iterable[OrderLine]) -> Held:
    by_id = {line.pk: line for line in lines}
    parts = {line.part_id: line.part for line in by_id.values()}
    return Held(order=order, parts=parts, lines=by_id)


@requires_transaction
def advance(
    held: Held, *, parts_to: Mapping[int, OrderState], at: datetime, reason: str = ""
) -> None:
    """Take parts of a held order to new states, and the order to that of its slowest part.

    Each state on the way is passed and recorded; those of the order are published as facts
    (``order.paid``, ``order.delivered`` …). The order is saved with its money.

    Raises:
        WrongState: no way leads there.
    """
    passed = [
        Transition(order=held.order, part=held.parts[part_id], from_state=start, to_state=end)
        for part_id, target in parts_to.items()
        for start, end in _steps(held.parts[part_id].state, target)
    ]
    _move_parts(passed)
    slowest_part = slowest([OrderState(part.state) for part in held.parts.values()])
    for start, end in _steps(held.order.state, slowest_part):
        passed.append(Transition(order=held.order, from_state=start, to_state=end))
        held.order.state = end
        save(held.order)
        _publish(held, at=at)
    for step in passed:
        step.at, step.reason = at, reason
    writes.append(passed)


@requires_transaction
def advance_all(held: Held, *, to: OrderState, at: datetime, reason: str = "") -> None:
    """Take all of a held order to a state.

    Raises:
        WrongState: no way leads there.
    """
    advance(held, parts_to=dict.fromkeys(held.parts, to), at=at, reason=reason)


@requires_transaction
def add(held: Held, **increments: Mapping[int, int]) -> None:
    """Add to counters of held lines, each named with what to add by line.

    The rows are changed relative to what they say, so that the constraints would stop even a
    caller who forgot the lock.
    """
    changes = {}
    for name, by_line in increments.items():
        for line_id, amount in by_line.items():
            line = held.lines[line_id]
            setattr(line, name, getattr(line, name) + amount)
        if by_line:
            changes[name] = F(name) + _case(by_line)
    line_ids = {line_id for by_line in increments.values() for line_id in by_line}
    OrderLine.objects.filter(pk__in=line_ids).update(**changes)


def _case(by_line: Mapping[int, int]) -> Case:
    amounts = (When(pk=line_id, then=Value(amount)) for line_id, amount in by_line.items())
    return Case(*amounts, default=Value(0), output_field=BigIntegerField())


def save(order: Order) -> None:
    """Save what changes in the life of a held order."""
    writes.update(order, "state", "payment_state", "paid_at", "refunded_minor", "expires_at")


def _publish(held: Held, *, at: datetime) -> None:
    """Tell whoever waits for it that the order reached its state, and what it is about."""
    state, key = held.order.state, str(held.order.pk)
    payload = {
        "order_id": key,
        "buyer_id": held.order.buyer_id,
        "product_ids": sorted({line.product_id for line in held.lines.values() if line.is_going}),
        f"{state}_at": at.isoformat(),
    }
    outbox.publish(f"order.{state}", key=key, payload=payload, at=at)


def _steps(start: str, end: OrderState) -> list[tuple[str, str]]:
    """Return each step on the way as a pair of states."""
    try:
        passed = [start, *route(OrderState(start), end)]
    except ValueError as error:
        raise WrongState(state=start) from error
    return list(pairwise(passed))


_MOVE: Final = "UPDATE orders_orderpart SET state = %s WHERE id = ANY(%s)"


def _move_parts(steps: Sequence[Transition]) -> None:
    """Write the states that parts pass: one statement a state, in the order of life."""
    by_state: dict[str, list[OrderPart]] = {}
    for step in steps:
        if step.part is not None:
            by_state.setdefault(step.to_state, []).append(step.part)
    for state in sorted(by_state, key=LIFE.index):
        for part in by_state[state]:
            part.state = state
        writes.write(_MOVE, [state, [part.pk for part in by_state[state]]])
