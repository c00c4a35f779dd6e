"""The cart: what a person means to buy, and the note that led them to each thing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from orders.errors import CartEmpty, CartFull, MixedCurrencies
from orders.models import CartItem
from orders.types import TakenCart, Wanted
from redshop.accounts.models import User
from redshop.catalog.models import Sku
from redshop.core.db import LockableQuerySet, requires_transaction
from redshop.core.errors import NotFound
from redshop.events.kinds import EventKind
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent

#: Different things that a cart holds; each checkout locks them all.
MOST_ITEMS: Final = 100

_TAKE: Final = """
DELETE FROM orders_cartitem item USING accounts_user person
WHERE item.person_id = %s AND person.id = item.person_id
RETURNING person.population, item.sku_id, item.quantity, item.note_id, item.request_id
"""


@transaction.atomic(durable=True)
def put_item(
    *,
    person_id: int,
    sku_id: int,
    quantity: int,
    note_id: int | None = None,
    request_id: UUID | None = None,
    at: datetime,
) -> None:
    """Have so many units of a SKU in a person's cart, and remember which note led to it.

    Units that come in addition become a ``cart_add`` event. A later call without a note keeps
    the note of the earlier one.

    Locks: the person's row, so that each change sees the one before.

    Raises:
        NotFound: there is no such SKU on sale.
        CartFull: the cart holds as many different things as it can.
        MixedCurrencies: the cart holds things priced in another currency.
    """
    people: LockableQuerySet[User] = LockableQuerySet(User)
    person = people.only("population").filter(pk=person_id).locked().get()
    offer = _offer(sku_id=sku_id, person_id=person_id)
    item = CartItem(
        person_id=person_id,
        sku_id=sku_id,
        quantity=quantity,
        note_id=note_id or offer.note_id,
        request_id=request_id or offer.request_id,
        added_at=at,
    )
    CartItem.objects.bulk_create(
        [item],
        update_conflicts=True,
        unique_fields=["person", "sku"],
        update_fields=["quantity", "note_id", "request_id"],
    )
    if quantity > offer.quantity:
        _report(item, offer, population=person.population)


@transaction.atomic(durable=True)
def remove_item(*, person_id: int, sku_id: int) -> bool:
    """Take a SKU out of a person's cart; tell whether it was there.

    Raises:
        NotFound: there is no such SKU.
    """
    was_there = CartItem.objects.filter(person_id=person_id, sku_id=sku_id).delete()[0] > 0
    if not was_there and not Sku.objects.filter(pk=sku_id).exists():
        raise NotFound
    return was_there


@requires_transaction
def take(*, person_id: int) -> TakenCart:
    """Empty a person's cart; return what was in it.

    Of two checkouts at once, one gets everything.

    Locks: the cart's items.

    Raises:
        CartEmpty: there is nothing in it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [person_id])
        rows = cursor.fetchall()
    if not rows:
        raise CartEmpty
    return TakenCart(population=rows[0][0], items=[Wanted(*row[1:]) for row in rows])


@dataclass(frozen=True, slots=True)
class _Offer:
    """A SKU on sale, and how it stands to a person's cart."""

    product_id: int
    price_minor: int
    currency: str
    quantity: int
    note_id: int | None
    request_id: UUID | None
    others: int
    is_of_another_currency: bool


def _offer(*, sku_id: int, person_id: int) -> _Offer:
    """Return the SKU for the cart of a person that is locked.

    Raises:
        NotFound: there is no such SKU on sale.
        CartFull: the cart holds as many different things as it can.
        MixedCurrencies: the cart holds things priced in another currency.
    """
    mine = CartItem.objects.filter(person_id=person_id).order_by()
    this, others = mine.filter(sku=OuterRef("pk")), mine.exclude(sku=OuterRef("pk"))
    count = others.values("person").annotate(count=Count("pk")).values("count")
    row = (
        Sku.objects.on_sale()
        .filter(pk=sku_id, product__is_listed=True)
        .values_list(
            "product_id",
            "price_minor",
            "currency",
            Coalesce(Subquery(this.values("quantity")), 0),
            Subquery(this.values("note_id")),
            Subquery(this.values("request_id")),
            Coalesce(Subquery(count), 0),
            Exists(others.exclude(sku__currency=OuterRef("currency"))),
        )
        .first()
    )
    if row is None:
        raise NotFound
    offer = _Offer(*row)
    if offer.is_of_another_currency:
        raise MixedCurrencies
    if offer.others >= MOST_ITEMS:
        raise CartFull
    return offer


def _report(item: CartItem, offer: _Offer, *, population: str) -> None:
    """Record the units that came in addition."""
    added = item.quantity - offer.quantity
    recording.record(
        [
            ServerEvent(
                kind=EventKind.CART_ADD,
                occurred_at=item.added_at,
                person_id=item.person_id,
                population=population,
                request_id=item.request_id,
                note_id=item.note_id,
                product_id=offer.product_id,
                quantity=added,
                amount_minor=added * offer.price_minor,
                currency=offer.currency,
            )
        ]
    )
