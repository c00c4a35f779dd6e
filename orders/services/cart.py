"""The cart: what a person means to buy, and the note that led them to each thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orders.errors import CartEmpty, CartFull, MixedCurrencies
from orders.models import CartItem
from orders.types import TakenCart, Wanted
from redshop.accounts.models import User
from redshop.catalog.models import Sku
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound
from redshop.core.prepared import prepared
from redshop.events.kinds import EventKind
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent

#: Different things that a cart holds; each checkout locks them all.
MOST_ITEMS: Final = 100

_PUT: Final = """
INSERT INTO orders_cartitem AS item (person_id, sku_id, quantity, note_id, request_id, added_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (person_id, sku_id) DO UPDATE SET
    quantity = EXCLUDED.quantity,
    note_id = COALESCE(EXCLUDED.note_id, item.note_id),
    request_id = CASE WHEN EXCLUDED.note_id IS NULL
                      THEN item.request_id ELSE EXCLUDED.request_id END
RETURNING note_id, request_id, xmax = 0
"""
_TAKE: Final = """
DELETE FROM orders_cartitem item USING accounts_user person
WHERE item.person_id = %s AND person.id = item.person_id
RETURNING person.population, (SELECT edition FROM orders_rulesedition),
          item.sku_id, item.quantity, item.note_id, item.request_id,
          nextval('orders_orderline_id_seq'), nextval('orders_orderpart_id_seq')
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

    Units that come in addition become a ``cart_add`` event, once where a finger tapped twice. A
    call without a note (such as a change of the quantity) keeps the note of the one before.

    Locks: the item in the cart.

    Raises:
        NotFound: there is no such SKU on sale.
        CartFull: the cart holds as many different things as it can.
        MixedCurrencies: the cart holds things priced in another currency.
    """
    offer = _offer(sku_id=sku_id, person_id=person_id)
    with connection.cursor() as cursor:
        cursor.execute(_PUT, [person_id, sku_id, quantity, note_id, request_id, at])
        note_id, request_id, is_new = cursor.fetchone()
    was_there_meanwhile = offer.quantity == 0 and not is_new
    if quantity > offer.quantity and not was_there_meanwhile:
        added = quantity - offer.quantity
        _report(offer, added, person_id, note_id=note_id, request_id=request_id, at=at)


@requires_transaction
def import_items(items: Sequence[CartItem]) -> None:
    """Have in carts what was put there earlier, whose events are in the log already.

    What a person has in their cart of the same SKU stays as it is.
    """
    CartItem.objects.bulk_create(items, ignore_conflicts=True, batch_size=5_000)


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
    """Empty a person's cart; return what was in it, by SKU.

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
    items = sorted((Wanted(*row[2:]) for row in rows), key=lambda item: item.sku_id)
    population, edition = rows[0][:2]
    return TakenCart(population=population, edition=edition, items=items)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A SKU on sale, and how it stands to a person and their cart."""

    product_id: int
    price_minor: int
    currency: str
    population: str
    quantity: int
    others: int
    is_of_another_currency: bool


def _offer(*, sku_id: int, person_id: int) -> _Offer:
    """Return the SKU as it stands to the cart; checkout looks again, under lock.

    Raises:
        NotFound: there is no such SKU on sale.
        CartFull: the cart holds as many different things as it can.
        MixedCurrencies: the cart holds things priced in another currency.
    """
    found = _standing(sku_id=sku_id, person_id=person_id)
    if not found:
        raise NotFound
    offer = _Offer(*found[0])
    if offer.is_of_another_currency:
        raise MixedCurrencies
    if offer.others >= MOST_ITEMS:
        raise CartFull
    return offer


@prepared
def _standing(*, sku_id: int, person_id: int) -> QuerySet[Sku, tuple[Any, ...]]:
    """Find a SKU on sale as ``_Offer`` describes it."""
    mine = CartItem.objects.filter(person_id=person_id).order_by()
    this, others = mine.filter(sku=OuterRef("pk")), mine.exclude(sku=OuterRef("pk"))
    count = others.values("person").annotate(count=Count("pk")).values("count")
    person = User.objects.filter(pk=person_id)
    return (
        Sku.objects.on_sale()
        .filter(pk=sku_id, product__is_listed=True)
        .values_list(
            "product_id",
            "price_minor",
            "currency",
            Subquery(person.values("population")),
            Coalesce(Subquery(this.values("quantity")), 0),
            Coalesce(Subquery(count), 0),
            Exists(others.exclude(sku__currency=OuterRef("currency"))),
        )
    )


def _report(
    offer: _Offer,
    added: int,
    person_id: int,
    *,
    note_id: int | None,
    request_id: UUID | None,
    at: datetime,
) -> None:
    """Record the units that came in addition."""
    event = ServerEvent(
        kind=EventKind.CART_ADD,
        occurred_at=at,
        person_id=person_id,
        population=offer.population,
        request_id=request_id,
        note_id=note_id,
        product_id=offer.product_id,
        quantity=added,
        amount_minor=added * offer.price_minor,
        currency=offer.currency,
    )
    recording.record([event])
