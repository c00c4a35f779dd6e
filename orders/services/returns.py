"""What buyers send back: asked for, decided on, received, and paid back in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from orders import selectors
from orders.errors import (
    NothingDelivered,
    NothingToReturn,
    QuantityNotPossible,
    ReturnWindowClosed,
    WrongReturnState,
)
from orders.models import Return, ReturnLine, ReturnStep
from orders.services import timers
from orders.services.holding import Held, add, hold
from orders.services.refunds import refund_held
from orders.states import RETURN_ALLOWED, ReturnState
from redshop.core import outbox
from redshop.core.db import requires_transaction, use_case
from redshop.core.errors import NotFound
from redshop.core.ids import uuid7

#: Why its refunds were made; the buyer's own words stay with the return, where they can be erased.
REFUND_REASON: Final = "returned"
CANCELLED: Final = "cancelled by the buyer"
_MOMENTS: Final = ("approved_at", "refused_at", "received_at", "refunded_at")
_MONEY: Final = ("restock_refund", "write_off_refund")


@requires_transaction
def request(
    *, order_id: UUID, buyer_id: int, quantities: Mapping[int, int], reason: str = "", at: datetime
) -> Return:
    """Ask to send back delivered units, by line, within RETURN_DAYS of their delivery.

    Units that were refunded or that another return claims are taken to be the oldest ones.

    Locks: the order row.

    Raises:
        NotFound: there is no such order, or it is another buyer's.
        NothingToReturn: no unit is named.
        NothingDelivered: no parcel of the order has arrived.
        LineUnknown: a line is not of this order.
        QuantityNotPossible: a line has not that many delivered units left.
        ReturnWindowClosed: it has, but too few of them arrived recently enough.
    """
    held = hold(order_id=order_id, buyer_id=buyer_id)
    _require_returnable(held, quantities, at=at)
    asked = Return.objects.create(
        id=uuid7(at), order=held.order, buyer_id=buyer_id, reason=reason, requested_at=at
    )
    ReturnLine.objects.bulk_create(
        ReturnLine(of_return=asked, line_id=line_id, quantity=quantity)
        for line_id, quantity in quantities.items()
    )
    add(held, returning_quantity=quantities)
    _record(asked, "", ReturnState.REQUESTED, actor_id=buyer_id, reason="", at=at)
    return asked


@requires_transaction
def approve(*, return_id: UUID, actor_id: int | None, decision: str = "", at: datetime) -> Return:
    """Let the buyer send the units.

    Locks: the order row.

    Raises:
        NotFound: there is no such return.
        WrongReturnState: it was decided before.
    """
    opened = _open(return_id=return_id)
    opened.asked.decision, opened.asked.approved_at = decision, at
    _move(opened, ReturnState.APPROVED, actor_id=actor_id, reason=decision, at=at)
    return opened.asked


@requires_transaction
def refuse(*, return_id: UUID, actor_id: int | None, decision: str, at: datetime) -> Return:
    """End a return without a refund: it is not accepted, or never arrived.

    Locks: the order row.

    Raises:
        NotFound: there is no such return.
        WrongReturnState: it was received, or has ended.
    """
    opened = _open(return_id=return_id)
    _end_unpaid(opened, actor_id=actor_id, decision=decision, at=at)
    return opened.asked


@requires_transaction
def cancel(*, return_id: UUID, buyer_id: int, at: datetime) -> Return:
    """Let the buyer keep the units after all; the return ends as refused.

    Locks: the order row.

    Raises:
        NotFound: there is no such return, or it is another buyer's.
        WrongReturnState: it was received, or has ended.
    """
    opened = _open(return_id=return_id, buyer_id=buyer_id)
    _end_unpaid(opened, actor_id=buyer_id, decision=CANCELLED, at=at)
    return opened.asked


@requires_transaction
def receive(
    *,
    return_id: UUID,
    restocked: Mapping[int, int],
    written_off: Mapping[int, int],
    actor_id: int | None,
    at: datetime,
) -> Return:
    """Take in units by line, back on sale or written off, and give back exactly their money.

    What was announced and did not arrive is the buyer's again.

    Locks: the order row, then the SKUs in primary-key order.

    Raises:
        NotFound: there is no such return.
        WrongReturnState: it was not approved, or has ended.
        NothingToReturn: no unit arrived.
        QuantityNotPossible: more of a line arrived than was announced, or another line.
    """
    opened = _open(return_id=return_id)
    _require_announced(opened, restocked, written_off)
    asked, held = opened.asked, opened.held
    asked.received_at = at
    _move(opened, ReturnState.RECEIVED, actor_id=actor_id, reason="", at=at)
    _let_go(opened)
    for line_id, line in opened.lines.items():
        line.restocked_quantity = restocked.get(line_id, 0)
        line.written_off_quantity = written_off.get(line_id, 0)
    ReturnLine.objects.bulk_update(
        opened.lines.values(), ["restocked_quantity", "written_off_quantity"]
    )
    _pay_back(opened, restocked, written_off, at=at)
    _move(opened, ReturnState.REFUNDED, actor_id=actor_id, reason="", at=at)
    timers.resume_completion(held.order, at=at)
    return asked


#: The steps above, each in a transaction of its own.
request_return = use_case(request)
approve_return = use_case(approve)
refuse_return = use_case(refuse)
cancel_return = use_case(cancel)
receive_return = use_case(receive)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A return whose order is locked, with its lines by line of the order."""

    held: Held
    asked: Return
    lines: Mapping[int, ReturnLine]


def _open(*, return_id: UUID, buyer_id: int | None = None) -> _Opened:
    """Lock the order of a return, then read the return, so that it is not out of date."""
    mine = Return.objects.all() if buyer_id is None else Return.objects.of_buyer(buyer_id)
    order_id = mine.filter(pk=return_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise NotFound
    held = hold(order_id=order_id)
    asked = Return.objects.get(pk=return_id)
    lines = ReturnLine.objects.filter(of_return=asked).order_by("pk")
    return _Opened(held=held, asked=asked, lines={line.line_id: line for line in lines})


def _require_returnable(held: Held, quantities: Mapping[int, int], *, at: datetime) -> None:
    """Go on only if the buyer may send these units back now; see ``request``."""
    if not quantities:
        raise NothingToReturn
    since = at - timedelta(days=settings.RETURN_DAYS)
    arrived = selectors.arrivals(order_id=held.order.pk, since=since)
    if not arrived:
        raise NothingDelivered
    left = {
        line.pk: max(0, arrived[line.pk].units - line.claimed_quantity) if line.pk in arrived else 0
        for line in held.lines.values()
    }
    held.units(left, wanted=quantities)
    for line_id, quantity in quantities.items():
        in_time = min(left[line_id], arrived[line_id].recent_units)
        if quantity > in_time:
            raise ReturnWindowClosed(line_id=line_id, left=in_time)


def _require_announced(
    opened: _Opened, restocked: Mapping[int, int], written_off: Mapping[int, int]
) -> None:
    opened_state = ReturnState(opened.asked.state)
    if opened_state != ReturnState.APPROVED:
        raise WrongReturnState(state=opened_state.value)
    if not any((*restocked.values(), *written_off.values())):
        raise NothingToReturn
    for line_id in {**restocked, **written_off}:
        parts = (restocked.get(line_id, 0), written_off.get(line_id, 0))
        announced = opened.lines[line_id].quantity if line_id in opened.lines else 0
        if min(parts) < 0 or sum(parts) > announced:
            raise QuantityNotPossible(line_id=line_id, left=announced)


def _pay_back(
    opened: _Opened, restocked: Mapping[int, int], written_off: Mapping[int, int], *, at: datetime
) -> None:
    """Make one refund of what goes back on sale and one of what does not."""
    for name, units, restock in (
        ("restock_refund", restocked, True),
        ("write_off_refund", written_off, False),
    ):
        came = {line_id: quantity for line_id, quantity in units.items() if quantity}
        if came:
            refund = refund_held(
                opened.held,
                quantities=came,
                reason=REFUND_REASON,
                restock=restock,
                is_sent_back=True,
                at=at,
            )
            setattr(opened.asked, name, refund)
    opened.asked.refunded_at = at


def _end_unpaid(opened: _Opened, *, actor_id: int | None, decision: str, at: datetime) -> None:
    opened.asked.decision, opened.asked.refused_at = decision, at
    _move(opened, ReturnState.REFUSED, actor_id=actor_id, reason=decision, at=at)
    _let_go(opened)
    timers.resume_completion(opened.held.order, at=at)


def _let_go(opened: _Opened) -> None:
    """Claim the units no longer."""
    back = {line_id: -line.quantity for line_id, line in opened.lines.items()}
    add(opened.held, returning_quantity=back)


def _move(
    opened: _Opened, to: ReturnState, *, actor_id: int | None, reason: str, at: datetime
) -> None:
    """Take a return to a state, record the step and save what came with it."""
    asked = opened.asked
    start = ReturnState(asked.state)
    if to not in RETURN_ALLOWED[start]:
        raise WrongReturnState(state=start.value)
    asked.state = to
    asked.save(update_fields=["state", "decision", *_MOMENTS, *_MONEY])
    _record(asked, start, to, actor_id=actor_id, reason=reason, at=at)


def _record(
    asked: Return, start: str, to: ReturnState, *, actor_id: int | None, reason: str, at: datetime
) -> None:
    """Write the step down and tell whoever waits for it."""
    ReturnStep.objects.create(
        of_return=asked, from_state=start, to_state=to, actor_id=actor_id, reason=reason, at=at
    )
    key = str(asked.pk)
    payload = {
        "return_id": key,
        "order_id": str(asked.order_id),
        "buyer_id": asked.buyer_id,
        "is_by_buyer": actor_id == asked.buyer_id,
        f"{to}_at": at.isoformat(),
    }
    outbox.publish(f"return.{to}", key=key, payload=payload, at=at)
