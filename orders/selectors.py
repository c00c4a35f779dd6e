"""Questions about carts and orders."""

from collections.abc import Sequence

from django.conf import settings

from orders.models import CartItem
from orders.types import Cart, PricedItem
from redshop.core.money import Money, total


def cart(*, person_id: int) -> Cart:
    """Return what a person means to buy, oldest first, at today's prices."""
    items = [
        PricedItem(
            sku_id=item.sku_id,
            product_id=item.sku.product_id,
            quantity=item.quantity,
            unit_price=item.sku.price,
            available=_buyable(item),
            note_id=item.note_id,
        )
        for item in CartItem.objects.filter(person_id=person_id).select_related("sku__product")
    ]
    return Cart(items=items, total=sum_of(items))


def sum_of(items: Sequence[PricedItem]) -> Money | None:
    """Return what the items cost together, None where their currencies differ."""
    currencies = {item.unit_price.currency for item in items} or {settings.PLATFORM_CURRENCY}
    if len(currencies) > 1:
        return None
    return total((item.total for item in items), currency=currencies.pop())


def _buyable(item: CartItem) -> int:
    is_on_sale = item.sku.is_active and item.sku.product.is_listed
    return item.sku.available if is_on_sale else 0
