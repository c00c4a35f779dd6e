"""Posting what happens to orders, in the transaction in which it happens."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from orders.ledger import rules
from orders.ledger.rules import Entries, ReturnedUnits, Scope, SoldLine, SoldShipping
from orders.models import Order, OrderLine, OrderPart, Payment, PostingKind, Refund, Repayment
from orders.services.books import Draft, post
from orders.services.history import METHOD as ELSEWHERE
from orders.services.holding import Held
from redshop.core.db import requires_transaction


@requires_transaction
def post_paid(held: Held, payment: Payment, *, at: datetime) -> None:
    """Post the sale of a held order and the payment that made it paid, in one statement.

    Raises:
        IntegrityError: the order was posted before.
    """
    post([_sale(held, at=at), _payment(held.order, payment, at=at)])


@requires_transaction
def post_refund(
    held: Held,
    refund: Refund,
    *,
    units: Mapping[int, int],
    goods: Mapping[int, int],
    duty: Mapping[int, int],
    shipping: Mapping[int, int],
    at: datetime,
) -> None:
    """Post what a refund undoes, once its units are counted on the held order's lines.

    ``units``, ``goods`` and ``duty`` are by line, ``shipping`` by part. An imported order never
    was in the books, so its refund is not either.

    Raises:
        IntegrityError: the refund was posted before.
    """
    order = held.order
    if was_paid_elsewhere(order.pk):
        return
    returned = [
        ReturnedUnits(
            line=sold_line(held.lines[pk], order),
            before=held.lines[pk].refunded_quantity - quantity,
            units=quantity,
            goods_minor=goods[pk],
            duty_minor=duty[pk],
        )
        for pk, quantity in units.items()
    ]
    unshipped = [sold_shipping(held.parts[pk], order) for pk, minor in shipping.items() if minor]
    entries = rules.refund(scope_of(order), returned, unshipped)
    post([_draft(PostingKind.REFUND, str(refund.pk), order, entries, refund_id=refund.pk, at=at)])


@requires_transaction
def post_late_capture(payment: Payment, *, at: datetime) -> None:
    """Post money that came when its order had ended, or was paid: it is owed back.

    Raises:
        IntegrityError: the payment was posted before.
    """
    order = payment.order
    entries = rules.late_capture(
        scope_of(order), method=payment.method, amount_minor=payment.amount_minor
    )
    kind, key = PostingKind.LATE_CAPTURE, str(payment.pk)
    post([_draft(kind, key, order, entries, payment_id=payment.pk, at=at)])


@requires_transaction
def post_repayment(repayment: Repayment, *, at: datetime) -> None:
    """Post money that a company gave back, once it says so.

    Raises:
        IntegrityError: the repayment was posted before.
    """
    payment = repayment.payment
    if payment.method == ELSEWHERE:
        return
    order = payment.order
    entries = rules.repayment(
        scope_of(order), method=payment.method, amount_minor=repayment.amount_minor
    )
    kind, key = PostingKind.REPAYMENT, str(repayment.pk)
    draft = _draft(
        kind, key, order, entries, payment_id=payment.pk, repayment_id=repayment.pk, at=at
    )
    post([draft])


def was_paid_elsewhere(order_id: UUID) -> bool:
    """Tell whether an order was imported: no money of it ever passed through this shop."""
    return Payment.objects.filter(order=order_id, method=ELSEWHERE).exists()


def scope_of(order: Order) -> Scope:
    """Return the money that an order is in."""
    return Scope(order.currency, order.population)


def sold_line(line: OrderLine, order: Order) -> SoldLine:
    """Return what the books want to know of a line; asks for its part."""
    return SoldLine(
        merchant_id=line.part.merchant_id,
        quantity=line.quantity,
        goods_minor=line.total_minor,
        duty_minor=line.duty_minor,
        subsidy_minor=line.subsidy_minor,
        marketplace_bp=line.marketplace_bp,
        payment_fee_bp=order.payment_fee_bp,
    )


def sold_shipping(part: OrderPart, order: Order) -> SoldShipping:
    """Return what the books want to know of a part's shipping."""
    return SoldShipping(
        merchant_id=part.merchant_id,
        amount_minor=part.shipping_minor,
        payment_fee_bp=order.payment_fee_bp,
    )


def sale_of(order: Order, lines: Iterable[OrderLine], parts: Iterable[OrderPart]) -> Entries:
    """Return what the sale of an order puts in the books."""
    return rules.sale(
        scope_of(order),
        [sold_line(line, order) for line in lines],
        [sold_shipping(part, order) for part in parts],
    )


def _sale(held: Held, *, at: datetime) -> Draft:
    order = held.order
    entries = sale_of(order, held.lines.values(), held.parts.values())
    return _draft(PostingKind.SALE, str(order.pk), order, entries, at=at)


def _payment(order: Order, payment: Payment, *, at: datetime) -> Draft:
    entries = rules.payment(
        scope_of(order), method=payment.method, amount_minor=payment.amount_minor
    )
    kind, key = PostingKind.PAYMENT, str(payment.pk)
    return _draft(kind, key, order, entries, payment_id=payment.pk, at=at)


def _draft(
    kind: PostingKind,
    event: str,
    order: Order,
    entries: Entries,
    *,
    payment_id: UUID | None = None,
    refund_id: UUID | None = None,
    repayment_id: UUID | None = None,
    at: datetime,
) -> Draft:
    return Draft(
        kind=kind,
        key=f"{kind}/{event}",
        entries=entries,
        order_id=order.pk,
        payment_id=payment_id,
        refund_id=refund_id,
        repayment_id=repayment_id,
        at=at,
        population=order.population,
    )
