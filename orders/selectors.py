"""Questions about carts and orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, Subquery, Sum

from orders.models import (
    CartItem,
    LinkOut,
    LinkOutConversion,
    LinkOutReport,
    RulesEdition,
    ShipmentLine,
)
from orders.prices import Item, Rules, ShippingRule
from orders.sampling import total_amount, total_over
from orders.types import Arrival, Cart, LinkOutTotals, Offered, PricedItem
from redshop.catalog.models import Sku
from redshop.core.money import Money, total

#: Everything that prices follow from besides the goods, as one moment saw it.
_RULES: Final = """
WITH RECURSIVE above (category_id, height, slug, parent_id) AS (
    SELECT id, 0, slug, parent_id FROM catalog_category
    UNION ALL
    SELECT above.category_id, above.height + 1, parent.slug, parent.parent_id
    FROM above JOIN catalog_category AS parent ON parent.id = above.parent_id
), shelf AS (
    SELECT category_id, array_agg(slug ORDER BY height) AS slugs FROM above GROUP BY category_id
)
SELECT (SELECT edition FROM orders_rulesedition),
       (SELECT coalesce(json_agg(rate), '[]') FROM (
           SELECT merchant_id, country, is_cross_border, currency, fee_minor, free_from_minor,
                  days_least, days_most
           FROM orders_shippingrate) AS rate),
       (SELECT coalesce(json_agg(json_build_array(country, category_slug, basis_points)), '[]')
        FROM orders_dutyrate),
       (SELECT coalesce(json_object_agg(category_slug, basis_points), '{}')
        FROM orders_commissionrate WHERE charge = 'marketplace'),
       (SELECT coalesce(sum(basis_points), 0) FROM orders_commissionrate WHERE charge = 'payment'),
       (SELECT coalesce(json_agg(json_build_array(category_id, slugs)), '[]') FROM shelf)
"""


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


def arrivals(*, order_id: UUID, since: datetime) -> Mapping[int, Arrival]:
    """Return what arrived of an order by line, and how much of it at ``since`` or later."""
    arrived = ShipmentLine.objects.filter(
        shipment__part__order_id=order_id, shipment__delivered_at__isnull=False
    )
    recently = Q(shipment__delivered_at__gte=since)
    rows = arrived.values_list("line_id").annotate(
        Sum("quantity"), recent=Sum("quantity", filter=recently, default=0)
    )
    return {line_id: Arrival(units, recent_units) for line_id, units, recent_units in rows}


def link_out_totals(
    *, since: datetime, until: datetime, product_id: int | None = None
) -> LinkOutTotals:
    """Return what shops elsewhere sold, as far as their reports received in this time tell.

    Clicks are those of the same time; ``until`` is excluded. In-app orders are no part of it. The
    reports are taken to be of different times: where two cover the same, both are counted. See
    ``orders.sampling`` for the formulas.
    """
    clicks = LinkOut.objects.filter(clicked_at__gte=since, clicked_at__lt=until)
    reports = LinkOutReport.objects.filter(received_at__gte=since, received_at__lt=until)
    sales = LinkOutConversion.objects.filter(report__in=reports)
    matched = sales.filter(click__isnull=False)
    if product_id is not None:
        clicks = clicks.filter(product_id=product_id)
        matched = matched.filter(click__product_id=product_id)
    counts = dict.fromkeys(reports.order_by().values_list("sample_share", flat=True), 0)
    amounts: dict[str, dict[float, list[int]]] = {}
    rows = matched.values_list("report__sample_share", "currency", "amount_minor")
    for share, currency, amount_minor in rows:
        counts[share] += 1
        amounts.setdefault(currency, {}).setdefault(share, []).append(amount_minor)
    return LinkOutTotals(
        clicks=clicks.count(),
        reports=reports.count(),
        sampled=sum(counts.values()),
        unmatched=sales.filter(click=None).count(),
        sales=total_over(counts),
        gross={currency: total_amount(by_share) for currency, by_share in amounts.items()},
    )


def _buyable(item: CartItem) -> int:
    is_on_sale = item.sku.is_active and item.sku.product.is_listed
    return item.sku.available if is_on_sale else 0


def rules() -> tuple[UUID | None, Rules]:
    """Return the rules for shipping, duty and what the platform keeps; and their edition."""
    with connection.cursor() as cursor:
        cursor.execute(_RULES)
        edition, shipping, duty, marketplace, payment_fee, shelves = cursor.fetchone()
    return edition, Rules(
        shipping=[ShippingRule(**rule) for rule in shipping],
        duty={(country, slug): basis_points for country, slug, basis_points in duty},
        shelves=dict(shelves),
        marketplace=marketplace,
        payment_fee_bp=int(payment_fee),
    )


def offered(*, person_id: int) -> tuple[UUID | None, list[Offered]]:
    """Return the cart with what its price follows from, and the edition of the rules; one query."""
    edition = Subquery(RulesEdition.objects.values("edition"))
    found = (
        CartItem.objects.filter(person_id=person_id)
        .select_related("sku__product__brand__merchant")
        .annotate(edition=edition)
    )
    items: Sequence[Any] = list(found)
    return (items[0].edition if items else None), [_offered(item) for item in items]


def _offered(item: CartItem) -> Offered:
    return Offered(
        item=item_of(item.sku, quantity=item.quantity),
        product_id=item.sku.product_id,
        merchant_name=item.sku.product.brand.merchant.name,
        available=_buyable(item),
        note_id=item.note_id,
    )


def item_of(sku: Sku, *, quantity: int) -> Item:
    """Return what the price of so many units follows from; asks for brand and merchant."""
    merchant = sku.product.brand.merchant
    return Item(
        sku_id=sku.pk,
        category_id=sku.product.category_id,
        brand_id=sku.product.brand_id,
        merchant_id=merchant.pk,
        merchant_country=merchant.country,
        quantity=quantity,
        unit_price_minor=sku.price_minor,
        currency=sku.currency,
    )
