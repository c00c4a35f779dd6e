"""The life of an order, and of its money, as tables."""

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
