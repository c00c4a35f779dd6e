"""A small world to convert in: people, notes that show products, events, orders, refunds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from notes.models import Note, ProductTag, Topic
from orders.models import Order, OrderLine, OrderPart, Refund, RefundLine
from redshop.accounts.models import User
from redshop.catalog.models import Brand, Category, Merchant, Product, Sku
from redshop.conversion.services import attribution
from redshop.core.ids import uuid7
from redshop.events import partitions
from redshop.events.models import Event, Identity

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
_numbers = count(1)


def person(**rest: Any) -> User:
    n = next(_numbers)
    defaults = {"handle": f"person{n}", "email": f"person{n}@example.com"}
    user: User = User.objects.create(**{**defaults, **rest})
    return user


def category(slug: str = "books", parent: Category | None = None) -> Category:
    return Category.objects.get_or_create(
        slug=slug, defaults={"name": slug.title(), "parent": parent}
    )[0]


def brand(name: str = "Maison") -> Brand:
    merchant = Merchant.objects.get_or_create(name=f"{name} Ltd")[0]
    return Brand.objects.get_or_create(name=name, defaults={"merchant": merchant})[0]


def product(*, shelf: Category | None = None, made_by: Brand | None = None) -> Product:
    return Product.objects.create(
        name=f"product {next(_numbers)}", category=shelf or category(), brand=made_by or brand()
    )


def sku(of: Product, *, price: int = 1000, currency: str = "CNY") -> Sku:
    return Sku.objects.create(
        product=of, code=f"sku{next(_numbers)}", price_minor=price, currency=currency, on_hand=99
    )


def note(
    *products: Product,
    author: User | None = None,
    topics: Sequence[str] = (),
    shown_from: datetime = NOW - 400 * DAY,
    shown_until: datetime | None = None,
    **rest: Any,
) -> Note:
    made = Note.objects.create(
        author=author or person(),
        title=f"note {next(_numbers)}",
        state="published",
        published_at=NOW - 400 * DAY,
        **rest,
    )
    made.topics.set(
        Topic.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]
        for slug in topics
    )
    for each in products:
        ProductTag.objects.create(
            note=made, product=each, valid_from=shown_from, valid_until=shown_until
        )
    return made


def event(
    kind: str,
    at: datetime,
    who: User | UUID,
    on: Note | None = None,
    *,
    of: Product | None = None,
    surface: str = "explore",
    **rest: Any,
) -> Event:
    partitions.ensure(since=at, until=at)
    defaults = {
        "id": uuid7(at),
        "received_at": at,
        "population": who.population if isinstance(who, User) else "real",
        "source": "client",
        "person_id": who.pk if isinstance(who, User) else None,
        "visitor_id": who if isinstance(who, UUID) else None,
    }
    return Event.objects.create(
        kind=kind,
        occurred_at=at,
        note_id=on.pk if on else None,
        product_id=of.pk if of else None,
        surface=surface,
        **{**defaults, **rest},
    )


def join(visitor: UUID, who: User, at: datetime = NOW) -> None:
    Identity.objects.create(visitor_id=visitor, person_id=who.pk, joined_at=at)


def order(
    buyer: User,
    *bought: tuple[Product, int],
    at: datetime = NOW,
    quantity: int = 1,
    currency: str = "CNY",
    is_paid: bool = True,
    led_by: Note | None = None,
) -> Order:
    made = Order.objects.create(
        number=f"N{next(_numbers)}",
        buyer=buyer,
        state="paid" if is_paid else "placed",
        payment_state="paid" if is_paid else "none",
        address={},
        currency=currency,
        total_minor=sum(price * quantity for _, price in bought),
        placed_at=at,
        expires_at=at + HOUR,
        paid_at=at if is_paid else None,
        population=buyer.population,
    )
    for each, price in bought:
        part = OrderPart.objects.get_or_create(
            order=made, merchant=each.brand.merchant, defaults={"state": made.state}
        )[0]
        OrderLine.objects.create(
            order=made,
            part=part,
            sku=sku(each, price=price, currency=currency),
            product=each,
            quantity=quantity,
            unit_price_minor=price,
            total_minor=price * quantity,
            note_id=led_by.pk if led_by else None,
        )
        if is_paid:
            event("order_paid", at, buyer, led_by, of=each, surface="", order_id=made.pk,
                  source="server", amount_minor=price * quantity, quantity=quantity)  # fmt: skip
    return made


def refund(of: Order, *, line: OrderLine | None = None, units: int = 1, at: datetime = NOW + DAY):  # type: ignore[no-untyped-def]
    chosen = line or of.lines.get()
    amount = units * chosen.unit_price_minor
    made = Refund.objects.create(
        order=of, amount_minor=amount, currency=of.currency, refunded_at=at
    )
    RefundLine.objects.create(refund=made, line=chosen, quantity=units, amount_minor=amount)
    chosen.refunded_quantity += units
    chosen.withdrawn_quantity += units
    chosen.refunded_minor += amount
    chosen.save()
    return made


def attribute(*orders: Order, at: datetime = NOW, **rest: Any) -> int:
    lines = [line.pk for each in orders for line in each.lines.all()]
    with transaction.atomic():
        return attribution.attribute(line_ids=lines, at=at, **rest)
