"""What this app does when something becomes true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from redshop.conversion.selectors import paths
from redshop.conversion.services import (
    attribution,
    funnel_rollup,
    markov,
    sale_rollup,
    snapshots,
)
from redshop.core import outbox
from redshop.core.db import session_lock


@dataclass(frozen=True, slots=True)
class Look:
    """A later look at what was paid within a stretch of time, so long after it ended."""

    name: str
    stretch: timedelta
    after: timedelta


#: A phone may report a touch long after the payment it led to; after 30 days none is taken any
#: more. Looking at stretches of time instead of orders keeps it to a few facts a day.
LOOKS: Final = {
    look.name: look
    for look in (
        Look("soon", stretch=timedelta(minutes=10), after=timedelta(minutes=1)),
        Look("next_day", stretch=timedelta(days=1), after=timedelta(days=1)),
        Look("at_last", stretch=timedelta(days=1), after=timedelta(days=30, hours=1)),
    )
}
Payloads = Sequence[Mapping[str, Any]]
LINES_AT_ONCE: Final = 500
#: The advisory lock that one task of roll-ups at a time holds.
ROLL_UP_LOCK: Final = 0x726F6C6C
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@outbox.subscribe("order.paid", takes_many=True)
def attribute_paid(*, kind: str, payloads: Payloads, at: datetime) -> None:
    """Credit the notes that led to orders, and look again when late touches may have come."""
    _attribute(payloads, at=at)
    moments = [datetime.fromisoformat(payload["paid_at"]) for payload in payloads]
    timers = [_later(look, moment) for moment in moments for look in LOOKS.values()]
    by_key = {key: (key, payload, due_at) for key, payload, due_at in timers}
    outbox.publish_timers("conversion.settling", facts=list(by_key.values()))


def _later(look: Look, paid_at: datetime) -> tuple[str, Mapping[str, Any], datetime]:
    """Return the timer of a look at the stretch of time in which something was paid."""
    since = paid_at - (paid_at - _EPOCH) % look.stretch
    payload = {"look": look.name, "since": since.isoformat()}
    return f"{look.name}/{since.isoformat()}", payload, since + look.stretch + look.after


@outbox.subscribe("order.refunded", takes_many=True)
def reverse_refunded(*, kind: str, payloads: Payloads, at: datetime) -> None:
    """Take credits back by what was refunded; attributes first where payment is not yet known."""
    _attribute(payloads, at=at)
    funnel_rollup.mark_buyers(order_ids={UUID(payload["order_id"]) for payload in payloads})


@outbox.subscribe("conversion.settling", is_alone=True)
def settle(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Take touches into account that were reported after the payment was attributed."""
    since = datetime.fromisoformat(payload["since"])
    until = since + LOOKS[payload["look"]].stretch
    lines = paths.lines_with_late_events(paid_since=since, paid_until=until)
    for start in range(0, len(lines), LINES_AT_ONCE):
        attribution.attribute(line_ids=lines[start : start + LINES_AT_ONCE], at=at)


@outbox.subscribe("visitor.joined", is_alone=True)
def reattribute_joined(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Credit what a person had seen before they logged in."""
    lines = paths.lines_after_visit(
        visitor_id=UUID(payload["visitor_id"]), person_id=payload["person_id"]
    )
    attribution.attribute(line_ids=lines, at=at)


@shared_task(name="redshop.conversion.tasks.report_markov")
def report_markov(**_newer: Any) -> None:
    """Have fresh reports of removal effects on what is asked for most: the last 28 days."""
    at = timezone.now()
    for question in markov.usual_questions(at=at):
        markov.compute(question, at=at)


@shared_task(name="redshop.conversion.tasks.take_snapshots")
def take_snapshots(**_newer: Any) -> None:
    """Keep what notes had done at T+1, 7, 15, 30, 60 and 90."""
    snapshots.take(at=timezone.now())


#: The first turn after a large import takes longer than tasks usually may.
@shared_task(name="redshop.conversion.tasks.roll_up", time_limit=3_600, soft_time_limit=3_500)
def roll_up(**_newer: Any) -> None:
    """Bring sums up to what was written since; whoever comes meanwhile sees the lock and ends."""
    with session_lock(ROLL_UP_LOCK, waits=False) as is_mine:
        for sums in (funnel_rollup, sale_rollup):
            while is_mine and sums.turn(at=timezone.now()) == sums.MARKS:
                pass


def _attribute(payloads: Payloads, *, at: datetime) -> None:
    order_ids = {UUID(payload["order_id"]) for payload in payloads}
    attribution.attribute_orders(order_ids=sorted(order_ids), at=at)
