"""From a cart to a placed order whose stock is held."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from orders import selectors
from orders.errors import CartEmpty, PriceChanged
from orders.models import Coupon, Order, OrderLine, OrderPart, Transition
from orders.prices import Price, PricedLine, PricedPart
from orders.services import cart, coupons, pricing, timers
from orders.services.reporting import report, whole
from orders.states import OrderState
from orders.types import (
    Address,
    MerchantRef,
    Offered,
    Quote,
    QuotedItem,
    QuotedPart,
    TakenCart,
    Wanted,
    days_of,
)
from redshop.catalog.models import Merchant, Sku
from redshop.catalog.services import stock
from redshop.core import outbox, writes
from redshop.core.db import requires_transaction, use_case
from redshop.core.ids import uuid7
from redshop.core.money import Money
from redshop.events.kinds import EventKind

#: Letters and digits that cannot be taken for one another (Crockford's base 32).
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS: Final = 8


def quote(*, buyer_id: int, address: Address, coupon: str = "", at: datetime) -> Quote:
    """Return what the buyer's cart would cost now, sent to an address; nothing is reserved.

    Raises:
        CartEmpty: there is nothing in the cart.
        MixedCurrencies: what is in it is priced in several currencies.
        CouponUnknown and the other refusals of a coupon: see ``coupons.find`` and ``pricing``.
    """
    edition, offered = selectors.offered(person_id=buyer_id)
    if not offered:
        raise CartEmpty
    found = coupons.find(code=coupon, person_id=buyer_id, at=at) if coupon else None
    price = pricing.price_of(
        [thing.item for thing in offered],
        country=address["country"],
        coupon=found,
        edition=edition,
    )
    return _quote(offered, price, coupon=found)


@requires_transaction
def place(
    *,
    buyer_id: int,
    address: Address,
    coupon: str = "",
    expected_total_minor: int | None = None,
    at: datetime,
) -> Order:
    """Make an order of the buyer's whole cart and hold its stock until it expires.

    The order comes with its story (``with_story``).

    Locks: the cart's items, then the SKUs in primary-key order, then the coupon.

    Raises:
        CartEmpty: there is nothing in the cart.
        OutOfStock: some SKU cannot cover its quantity.
        MixedCurrencies: what is in the cart is priced in several currencies.
        PriceChanged: the total is not what was expected.
        CouponUnknown and the other refusals of a coupon: see ``coupons.claim`` and ``pricing``.
    """
    taken = cart.take(person_id=buyer_id)
    order_id = uuid7(at)
    reserved = stock.reserve(taken.quantities, reference=order_id, at=at)
    skus = {sku.pk: sku for sku in reserved}
    claimed = coupons.claim(code=coupon, person_id=buyer_id, at=at) if coupon else None
    price = pricing.price_of(
        [selectors.item_of(skus[item.sku_id], quantity=item.quantity) for item in taken.items],
        country=address["country"],
        coupon=claimed.coupon if claimed else None,
        edition=taken.edition,
    )
    _refuse_another_total(price, expected_total_minor)
    order = _order(order_id, buyer_id, address, price, population=taken.population, at=at)
    order.coupon = claimed.coupon if claimed else None
    writes.insert([order])
    order.story_history = _history(order, at=at)
    lines = _lines(order, price, taken, skus)
    if claimed:
        coupons.use(claimed, order, at=at)
    _tell(order, lines, at=at)
    return order


#: ``place`` in a transaction of its own.
place_order = use_case(place)


def _refuse_another_total(price: Price, expected_minor: int | None) -> None:
    """Go on only with the total that the buyer has seen, where they say which.

    Raises:
        PriceChanged: it is another.
    """
    total = price.total
    if expected_minor not in {None, total.amount_minor}:
        raise PriceChanged(total={"amount_minor": total.amount_minor, "currency": total.currency})


def _order(
    order_id: UUID,
    buyer_id: int,
    address: Address,
    price: Price,
    *,
    population: str,
    at: datetime,
) -> Order:
    return Order(
        id=order_id,
        number=number(at=at),
        buyer_id=buyer_id,
        address=address,
        currency=price.currency,
        discount_minor=price.discount.amount_minor,
        shipping_minor=price.shipping.amount_minor,
        duty_minor=price.duty.amount_minor,
        payment_fee_bp=price.payment_fee_bp,
        total_minor=price.total.amount_minor,
        placed_at=at,
        expires_at=at + timedelta(minutes=settings.RESERVATION_MINUTES),
        population=population,
    )


def _history(order: Order, *, at: datetime) -> list[Transition]:
    history = [Transition(order=order, to_state=OrderState.PLACED, at=at)]
    writes.append(history)
    return history


def number(*, at: datetime) -> str:
    """Return a new order number: the day and eight characters that nobody can guess."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"RS-{at:%y%m%d}-{random}"


def _lines(
    order: Order, price: Price, taken: TakenCart, skus: Mapping[int, Sku]
) -> Sequence[OrderLine]:
    """Write a part for each merchant and a line for each SKU."""
    merchants = {sku.product.brand.merchant_id: sku.product.brand.merchant for sku in skus.values()}
    wanted = {item.sku_id: item for item in taken.items}
    keys = (item.part_id for item in taken.items)  # as many as items, so as many as parts at least
    parts = {
        part.merchant_id: _part(next(keys), order, part, merchants[part.merchant_id])
        for part in price.parts
    }
    order.story_parts = writes.insert(list(parts.values()))
    for part in order.story_parts:
        part.story_lines, part.story_shipments = [], []
    lines = writes.insert(
        [
            _line(
                parts[line.item.merchant_id], line, wanted[line.item.sku_id], skus[line.item.sku_id]
            )
            for line in price.lines
        ]
    )
    for line in lines:
        line.part.story_lines.append(line)
    return lines


def _part(part_id: int, order: Order, priced: PricedPart, merchant: Merchant) -> OrderPart:
    return OrderPart(
        id=part_id,
        order=order,
        merchant=merchant,
        is_cross_border=priced.is_cross_border,
        shipping_minor=priced.shipping_minor,
        days_least=priced.days_least,
        days_most=priced.days_most,
    )


def _line(part: OrderPart, priced: PricedLine, wanted: Wanted, sku: Sku) -> OrderLine:
    return OrderLine(
        id=wanted.line_id,
        order=part.order,
        part=part,
        sku=sku,
        product=sku.product,
        quantity=priced.item.quantity,
        unit_price_minor=priced.item.unit_price_minor,
        discount_minor=priced.discount_minor,
        total_minor=priced.total_minor,
        duty_minor=priced.duty_minor,
        subsidy_minor=priced.discount_minor if _is_platforms(part.order.coupon) else 0,
        marketplace_bp=priced.marketplace_bp,
        commission_bp=sku.product.commission_bp or 0,
        note_id=wanted.note_id,
        request_id=wanted.request_id,
    )


def _is_platforms(coupon: Coupon | None) -> bool:
    """Tell whether the platform pays for what the coupon takes off."""
    return coupon is not None and coupon.funded_by == Coupon.Funder.PLATFORM


def _tell(order: Order, lines: Sequence[OrderLine], *, at: datetime) -> None:
    """Record the checkout, set the timer of the expiry and say that the order was placed."""
    report(EventKind.CHECKOUT, order, whole(lines), at=at)
    timers.start(order, at=at)
    payload = {
        "order_id": str(order.pk),
        "buyer_id": order.buyer_id,
        "product_ids": sorted({line.product_id for line in lines}),
        "placed_at": at.isoformat(),
    }
    outbox.publish("order.placed", key=str(order.pk), payload=payload, at=at)


def _quote(offered: Sequence[Offered], price: Price, *, coupon: Coupon | None) -> Quote:
    names = {thing.item.merchant_id: thing.merchant_name for thing in offered}
    priced = {line.item.sku_id: line for line in price.lines}
    return Quote(
        items=[
            _quoted_item(thing, priced[thing.item.sku_id], currency=price.currency)
            for thing in offered
        ],
        parts=[
            _quoted_part(part, names[part.merchant_id], currency=price.currency)
            for part in price.parts
        ],
        coupon=coupon.code if coupon else None,
        discount=price.discount,
        shipping=price.shipping,
        duty=price.duty,
        total=price.total,
    )


def _quoted_item(thing: Offered, line: PricedLine, *, currency: str) -> QuotedItem:
    return QuotedItem(
        sku_id=thing.item.sku_id,
        product_id=thing.product_id,
        quantity=thing.item.quantity,
        unit_price=Money(thing.item.unit_price_minor, currency),
        discount=Money(line.discount_minor, currency),
        duty=Money(line.duty_minor, currency),
        available=thing.available,
        note_id=thing.note_id,
    )


def _quoted_part(part: PricedPart, name: str, *, currency: str) -> QuotedPart:
    return QuotedPart(
        merchant=MerchantRef(part.merchant_id, name),
        is_cross_border=part.is_cross_border,
        shipping=Money(part.shipping_minor, currency),
        duty=Money(part.duty_minor, currency),
        delivery_days=days_of(part.days_least, part.days_most),
    )
