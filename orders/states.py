"""The life of an order, of its money and of a payment, as tables; a part lives as its order."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class OrderState(StrEnum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ALLOWED: Final[dict[OrderState, frozenset[OrderState]]] = {
    OrderState.PLACED: frozenset({OrderState.PAID, OrderState.CANCELLED, OrderState.EXPIRED}),
    OrderState.PAID: frozenset({OrderState.SHIPPED, OrderState.CANCELLED}),
    OrderState.SHIPPED: frozenset({OrderState.DELIVERED}),
    OrderState.DELIVERED: frozenset({OrderState.COMPLETED}),
    OrderState.COMPLETED: frozenset(),
    OrderState.CANCELLED: frozenset(),
    OrderState.EXPIRED: frozenset(),
}
EDGES: Final = sorted((s.value, t.value) for s, targets in ALLOWED.items() for t in targets)

#: The way of an order that nothing stops.
PROGRESS: Final = (
    OrderState.PLACED,
    OrderState.PAID,
    OrderState.SHIPPED,
    OrderState.DELIVERED,
    OrderState.COMPLETED,
)


def route(start: OrderState, end: OrderState) -> list[OrderState]:
    """Return the states to pass on the way, ``end`` included; none where start is end.

    Raises:
        ValueError: no way leads there.
    """
    if start == end:
        return []
    if end in ALLOWED[start]:
        return [end]
    if start in PROGRESS and end in PROGRESS[PROGRESS.index(start) :]:
        return list(PROGRESS[PROGRESS.index(start) + 1 : PROGRESS.index(end) + 1])
    raise ValueError(f"no way leads from {start} to {end}")


def slowest(states: Collection[OrderState]) -> OrderState:
    """Return the state of an order whose parts are in these; parts that ended early don't count,
    unless all did."""
    going = [state for state in states if state in PROGRESS]
    return min(going, key=PROGRESS.index) if going else next(iter(states))


class PaymentState(StrEnum):
    NONE = "none"
    PENDING = "pending"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


PAYMENT_ALLOWED: Final[dict[PaymentState, frozenset[PaymentState]]] = {
    PaymentState.NONE: frozenset({PaymentState.PENDING, PaymentState.PAID}),
    PaymentState.PENDING: frozenset({PaymentState.NONE, PaymentState.PAID}),
    PaymentState.PAID: frozenset({PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}),
    PaymentState.PARTIALLY_REFUNDED: frozenset({PaymentState.REFUNDED}),
    PaymentState.REFUNDED: frozenset(),
}
PAYMENT_EDGES: Final = sorted(
    (s.value, t.value) for s, targets in PAYMENT_ALLOWED.items() for t in targets
)


class PaymentAttempt(StrEnum):
    """How one attempt to pay stands."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


ATTEMPT_ALLOWED: Final[dict[PaymentAttempt, frozenset[PaymentAttempt]]] = {
    PaymentAttempt.PENDING: frozenset(
        {PaymentAttempt.REQUIRES_ACTION, PaymentAttempt.SUCCEEDED, PaymentAttempt.FAILED}
    ),
    PaymentAttempt.REQUIRES_ACTION: frozenset({PaymentAttempt.SUCCEEDED, PaymentAttempt.FAILED}),
    PaymentAttempt.SUCCEEDED: frozenset(),
    # what was given up may succeed after all: companies have the last word
    PaymentAttempt.FAILED: frozenset({PaymentAttempt.SUCCEEDED}),
}
ATTEMPT_EDGES: Final = sorted(
    (s.value, t.value) for s, targets in ATTEMPT_ALLOWED.items() for t in targets
)


class RepaymentState(StrEnum):
    """How money on its way back through a company stands."""

    DUE = "due"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REPAYMENT_ALLOWED: Final[dict[RepaymentState, frozenset[RepaymentState]]] = {
    RepaymentState.DUE: frozenset(
        {RepaymentState.PENDING, RepaymentState.SUCCEEDED, RepaymentState.FAILED}
    ),
    RepaymentState.PENDING: frozenset({RepaymentState.SUCCEEDED, RepaymentState.FAILED}),
    RepaymentState.SUCCEEDED: frozenset(),
    RepaymentState.FAILED: frozenset(),
}
REPAYMENT_EDGES: Final = sorted(
    (s.value, t.value) for s, targets in REPAYMENT_ALLOWED.items() for t in targets
)


class ReturnState(StrEnum):
    """How a return stands; ``refused`` is also how one ends that the buyer gave up."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    REFUNDED = "refunded"
    REFUSED = "refused"


RETURN_ALLOWED: Final[dict[ReturnState, frozenset[ReturnState]]] = {
    ReturnState.REQUESTED: frozenset({ReturnState.APPROVED, ReturnState.REFUSED}),
    ReturnState.APPROVED: frozenset({ReturnState.RECEIVED, ReturnState.REFUSED}),
    ReturnState.RECEIVED: frozenset({ReturnState.REFUNDED}),
    ReturnState.REFUNDED: frozenset(),
    ReturnState.REFUSED: frozenset(),
}
RETURN_EDGES: Final = sorted(
    (s.value, t.value) for s, targets in RETURN_ALLOWED.items() for t in targets
)
#: A return that still claims units; ``received`` is passed within one transaction.
OPEN_RETURNS: Final = frozenset({ReturnState.REQUESTED, ReturnState.APPROVED, ReturnState.RECEIVED})
