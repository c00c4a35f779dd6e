"""From a cart to a placed order whose stock is held."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from orders import selectors
from orders.errors import CartEmpty, CouponUnknown, MixedCurrencies, PriceChanged
from orders.models import Order, OrderLine, OrderPart, Transition
from orders.services import cart, timers
from orders.services.reporting import report, whole
from orders.states import OrderState
from orders.types import Address, Quote, TakenCart
from redshop.catalog.models import Sku
from redshop.catalog.services import stock
from redshop.core import outbox
from redshop.core.db import requires_transaction, use_case
from redshop.core.ids import uuid7
from redshop.core.money import Money
from redshop.events.kinds import EventKind

#: Letters and digits that cannot be taken for one another (Crockford's base 32).
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS: Final = 8


def quote(*, buyer_id: int, coupon: str = "") -> Quote:
    """Return what the buyer's cart would cost now; nothing is reserved.

    Shipping is free; nothing crosses a border, so there is no duty.

    Raises:
        CartEmpty: there is nothing in the cart.
        MixedCurrencies: what is in it is priced in several currencies.
        CouponUnknown: there is no such coupon.
    """
    refuse_coupon(coupon)
    wanted = selectors.cart(person_id=buyer_id)
    if not wanted.items:
        raise CartEmpty
    if wanted.total is None:
        raise MixedCurrencies
    nothing = Money(0, wanted.total.currency)
    return Quote(wanted.items, discount=nothing, shipping=nothing, duty=nothing, total=wanted.total)


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

    Locks: the cart's items, then the SKUs in primary-key order.

    Raises:
        CartEmpty: there is nothing in the cart.
        OutOfStock: some SKU cannot cover its quantity.
        MixedCurrencies: what is in the cart is priced in several currencies.
        PriceChanged: the total is not what was expected.
        CouponUnknown: there is no such coupon.
    """
    refuse_coupon(coupon)
    taken = cart.take(person_id=buyer_id)
    order_id = uuid7(at)
    held = stock.reserve(taken.quantities, reference=order_id, at=at)
    skus = {sku.pk: sku for sku in held}
    total = _total(taken.quantities, skus)
    if expected_total_minor not in {None, total.amount_minor}:
        raise PriceChanged(total={"amount_minor": total.amount_minor, "currency": total.currency})
    order = _order(order_id, buyer_id, address, total, population=taken.population, at=at)
    lines = _lines(order, taken, skus)
    _tell(order, lines, at=at)
    return order


#: ``place`` in a transaction of its own.
place_order = use_case(place)


def refuse_coupon(coupon: str) -> None:
    """Refuse any coupon: this shop has issued none.

    Raises:
        CouponUnknown: a coupon was given.
    """
    if coupon:
        raise CouponUnknown


def _total(quantities: Mapping[int, int], skus: Mapping[int, Sku]) -> Money:
    """Return the sum of the locked SKUs' prices.

    Raises:
        MixedCurrencies: they are of several currencies.
    """
    currencies = {sku.currency for sku in skus.values()}
    if len(currencies) > 1:
        raise MixedCurrencies
    amount = sum(skus[sku_id].price_minor * quantity for sku_id, quantity in quantities.items())
    return Money(amount, currencies.pop())


def _order(
    order_id: UUID,
    buyer_id: int,
    address: Address,
    total: Money,
    *,
    population: str,
    at: datetime,
) -> Order:
    order = Order.objects.create(
        id=order_id,
        number=number(at=at),
        buyer_id=buyer_id,
        address=address,
        currency=total.currency,
        total_minor=total.amount_minor,
        placed_at=at,
        expires_at=at + timedelta(minutes=settings.RESERVATION_MINUTES),
        population=population,
    )
    first = Transition(order=order, to_state=OrderState.PLACED, at=at)
    order.story_history = Transition.objects.bulk_create([first])
    return order


def number(*, at: datetime) -> str:
    """Return a new order number: the day and eight characters that nobody can guess."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"RS-{at:%y%m%d}-{random}"


def _lines(order: Order, taken: TakenCart, skus: Mapping[int, Sku]) -> Sequence[OrderLine]:
    """Write a part for each merchant and a line for each SKU."""
    merchants = {sku.product.brand.merchant for sku in skus.values()}
    ordered = sorted(merchants, key=lambda merchant: merchant.pk)
    order.story_parts = OrderPart.objects.bulk_create(
        OrderPart(order=order, merchant=merchant) for merchant in ordered
    )
    parts = {part.merchant_id: part for part in order.story_parts}
    for part in order.story_parts:
        part.story_lines, part.story_shipments = [], []
    lines = OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            part=parts[skus[item.sku_id].product.brand.merchant_id],
            sku=skus[item.sku_id],
            product=skus[item.sku_id].product,
            quantity=item.quantity,
            unit_price_minor=skus[item.sku_id].price_minor,
            total_minor=item.quantity * skus[item.sku_id].price_minor,
            note_id=item.note_id,
            request_id=item.request_id,
        )
        for item in taken.items
    )
    for line in lines:
        line.part.story_lines.append(line)
    return lines


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
