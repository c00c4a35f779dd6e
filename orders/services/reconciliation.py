"""The books, compared with the orders, payments, refunds and credits that they follow from."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders import selectors_ledger as ledger
from orders.ledger import rules
from orders.ledger.rules import Entries, ReturnedUnits
from orders.models import Order, OrderLine, OrderPart, Payment, Posting, Repayment
from orders.services import bookkeeping, commissions, history
from orders.states import PaymentAttempt, RepaymentState
from redshop.core.money import Money
from redshop.core.reconciliation import Comparison

#: Orders that are read at once.
CHUNK: Final = 500


def compare() -> Comparison:
    """Compare, by order and account, what should be in the books with what is.

    What differs at first sight is looked at again under the locks of its order and
    of what is being sent back of it, so that what happens meanwhile makes no difference.

    Locks: each order that differs, alone, then its repayments.
    """
    scope = f"{_to_compare().count()} orders, {Posting.objects.count()} postings"
    return Comparison(scope=scope, differences=_differences())


def _to_compare() -> QuerySet[Order]:
    """Return the orders that are or should be in the books.

    Imported orders were paid elsewhere: no money of theirs ever passed through this shop.
    """
    elsewhere = Payment.objects.filter(order=OuterRef("pk"), method=history.METHOD)
    posted = Posting.objects.filter(order=OuterRef("pk"))
    paid_here = Q(paid_at__isnull=False) & ~Exists(elsewhere)
    return Order.objects.filter(paid_here | Exists(posted))


def _differences() -> Iterator[str]:
    order_ids = _to_compare().order_by("pk").values_list("pk", flat=True).iterator()
    while chunk := list(islice(order_ids, CHUNK)):
        for order_id in differing(chunk):
            with transaction.atomic():
                orders = list(Order.objects.filter(pk=order_id).locked())
                list(Repayment.objects.filter(payment__order=order_id).locked())
                sentences = _sentences(orders[0], differing([order_id]).get(order_id, {}))
            yield from sentences


def _sentences(order: Order, difference: Entries) -> list[str]:
    return [
        f"order {order.number}: {account} lacks {Money(amount, account.currency)}"
        for account, amount in sorted(difference.items())
    ]


def differing(order_ids: Collection[UUID]) -> dict[UUID, Entries]:
    """Return what the books lack (or, negative, have too much of), by order, where anything."""
    orders = list(Order.objects.filter(pk__in=order_ids))
    should_stand, stands = expected(orders), ledger.standing(order_ids=order_ids)
    found = {
        order.pk: rules.difference(should_stand[order.pk], stands.get(order.pk, {}))
        for order in orders
    }
    return {order_id: difference for order_id, difference in found.items() if difference}


def expected(orders: Sequence[Order]) -> dict[UUID, Entries]:
    """Return what should be in the books of each order, computed from everything but the books."""
    order_ids = [order.pk for order in orders]
    lines = list(OrderLine.objects.filter(order__in=order_ids).select_related("part"))
    parts = list(OrderPart.objects.filter(order__in=order_ids))
    payments = list(
        Payment.objects.filter(order__in=order_ids, state=PaymentAttempt.SUCCEEDED)
        .exclude(method=history.METHOD)
        .prefetch_related("repayments")
    )
    earned = commissions.earned(orders, lines)
    return {
        order.pk: rules.together(
            [
                *_sold(
                    order,
                    [line for line in lines if line.order_id == order.pk],
                    [part for part in parts if part.order_id == order.pk],
                ),
                *_paid(order, [each for each in payments if each.order_id == order.pk]),
                earned[order.pk],
            ]
        )
        for order in orders
    }


def _sold(order: Order, lines: Sequence[OrderLine], parts: Sequence[OrderPart]) -> list[Entries]:
    """Return the sale of a paid order, and what was given back of it in all."""
    if order.paid_at is None:
        return []
    returned = [
        ReturnedUnits(
            line=bookkeeping.sold_line(line, order),
            before=0,
            units=line.refunded_quantity,
            goods_minor=line.refunded_minor,
            duty_minor=line.duty_refunded_minor,
        )
        for line in lines
    ]
    unshipped = [
        bookkeeping.sold_shipping(part, order) for part in parts if part.shipping_refunded_minor
    ]
    given_back = rules.refund(bookkeeping.scope_of(order), returned, unshipped)
    return [bookkeeping.sale_of(order, lines, parts), given_back]


def _paid(order: Order, payments: Sequence[Payment]) -> list[Entries]:
    """Return what companies took, in time or too late, and what they gave back."""
    scope, found = bookkeeping.scope_of(order), []
    for each in payments:
        came = rules.late_capture if each.is_late else rules.payment
        found.append(came(scope, method=each.method, amount_minor=each.amount_minor))
        found += [
            rules.repayment(scope, method=each.method, amount_minor=repayment.amount_minor)
            for repayment in each.repayments.all()
            if repayment.state == RepaymentState.SUCCEEDED
        ]
    return found
