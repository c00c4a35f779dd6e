"""What a checkout costs: pure arithmetic on whole minor units, alike for quotes and orders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orders.errors import CouponMinimumNotReached, CouponNotForThese, MixedCurrencies
from redshop.core.money import Money, split_minor

#: A whole in basis points.
WHOLE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """So many units of a SKU, and what its price follows from."""

    sku_id: int
    category_id: int
    brand_id: int
    merchant_id: int
    merchant_country: str
    quantity: int
    unit_price_minor: int
    currency: str

    @property
    def goods_minor(self) -> int:
        """What the units cost before any discount."""
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a coupon takes off: a share of the goods or an amount; a brand's only off its own."""

    percent_basis_points: int | None = None
    amount_minor: int | None = None
    currency: str
    minimum_minor: int = 0
    brand_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingRule:
    """What a part costs to ship and how long that takes; empty criteria fit everything."""

    merchant_id: int | None = None
    country: str = ""
    is_cross_border: bool = False
    currency: str = ""
    fee_minor: int = 0
    free_from_minor: int | None = None
    days_least: int
    days_most: int

    def fee(self, *, goods_minor: int) -> int:
        """Return the fee of a part whose goods, after discount, cost so much."""
        is_free = self.free_from_minor is not None and goods_minor >= self.free_from_minor
        return 0 if is_free else self.fee_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules in force.

    ``duty`` holds basis points by destination and category slug, each empty for everything else;
    ``shelves`` the slugs of each category and of those above it, nearest first, ``marketplace``
    the basis points that the platform keeps, by category slug, empty for everything else.
    """

    shipping: Sequence[ShippingRule] = ()
    marketplace: Mapping[str, int] = field(default_factory=dict)
    payment_fee_bp: int = 0
    duty: Mapping[tuple[str, str], int]
    shelves: Mapping[int, Sequence[str]]

    def knows(self, category_ids: Collection[int]) -> bool:
        """Tell whether each of the categories was there when the rules were read."""
        return self.shelves.keys() >= set(category_ids)

    def shipping_of(
        self, *, merchant_id: int, country: str, is_cross_border: bool, currency: str
    ) -> ShippingRule | None:
        """Return the most specific rule that fits: by merchant, then destination, then currency."""
        fitting = (
            rule
            for rule in self.shipping
            if rule.merchant_id in {None, merchant_id}
            and rule.country in {"", country}
            and rule.is_cross_border == is_cross_border
            and rule.currency in {"", currency}
        )
        return max(
            fitting,
            key=lambda rule: (rule.merchant_id is not None, rule.country, rule.currency),
            default=None,
        )

    def duty_basis_points(self, *, country: str, category_id: int) -> int:
        """Return the rate of a category's nearest shelf with one, the country's own rows first."""
        slugs = (*self.shelves.get(category_id, ()), "")
        places = ((where, slug) for where in (country, "") for slug in slugs)
        return next((self.duty[place] for place in places if place in self.duty), 0)

    def marketplace_basis_points(self, *, category_id: int) -> int:
        """Return the rate of a category's nearest shelf with one."""
        slugs = (*self.shelves.get(category_id, ()), "")
        return next((self.marketplace[slug] for slug in slugs if slug in self.marketplace), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """What the units of one SKU cost."""

    item: Item
    discount_minor: int
    duty_minor: int
    marketplace_bp: int

    @property
    def total_minor(self) -> int:
        """What is paid for the goods: without duty and shipping."""
        return self.item.goods_minor - self.discount_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPart:
    """What one merchant ships, what that costs, and the days it is promised to take."""

    merchant_id: int
    is_cross_border: bool
    lines: Sequence[PricedLine]
    shipping_minor: int
    days_least: int | None
    days_most: int | None

    @property
    def duty_minor(self) -> int:
        return sum(line.duty_minor for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a checkout costs, by merchant and by SKU, both in the order of their ids."""

    currency: str
    parts: Sequence[PricedPart]
    payment_fee_bp: int

    @property
    def lines(self) -> list[PricedLine]:
        """All lines, by SKU."""
        lines = (line for part in self.parts for line in part.lines)
        return sorted(lines, key=lambda line: line.item.sku_id)

    @property
    def discount(self) -> Money:
        return self._money(sum(line.discount_minor for line in self.lines))

    @property
    def shipping(self) -> Money:
        return self._money(sum(part.shipping_minor for part in self.parts))

    @property
    def duty(self) -> Money:
        return self._money(sum(part.duty_minor for part in self.parts))

    @property
    def total(self) -> Money:
        """What is charged."""
        goods = self._money(sum(line.total_minor for line in self.lines))
        return goods + self.shipping + self.duty

    def _money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)


def price(items: Sequence[Item], *, country: str, rules: Rules, offer: Offer | None) -> Price:
    """Return what the items cost, shipped to a country.

    The discount is split over the lines it applies to by largest remainder; duty is a share of
    what is paid for the goods of parts that cross a border, rounded half up on each line.

    Raises:
        MixedCurrencies: they are priced in several currencies.
        CouponNotForThese: the offer applies to none of them.
        CouponMinimumNotReached: those it applies to cost too little.
    """
    currencies = {item.currency for item in items}
    if len(currencies) != 1:
        raise MixedCurrencies
    (currency,) = currencies
    ordered = sorted(items, key=lambda item: item.sku_id)
    discounts = _discounts(ordered, offer=offer, currency=currency) if offer else {}
    merchants = {item.merchant_id: item.merchant_country for item in ordered}
    parts = [
        _part(
            [item for item in ordered if item.merchant_id == merchant_id],
            discounts,
            is_cross_border=merchants[merchant_id] != country,
            country=country,
            rules=rules,
        )
        for merchant_id in sorted(merchants)
    ]
    return Price(currency=currency, parts=parts, payment_fee_bp=rules.payment_fee_bp)


def share_of(total_minor: int, *, units: int, of: int) -> int:
    """Return the money of so many units of a total, rounded down; all of it for all units."""
    return total_minor * units // of


def half_up(amount_minor: int, *, basis_points: int) -> int:
    """Return a share of an amount that is not negative, rounded half up."""
    return (amount_minor * basis_points + WHOLE // 2) // WHOLE


def _discounts(items: Sequence[Item], *, offer: Offer, currency: str) -> dict[int, int]:
    """Return what the offer takes off, by SKU."""
    meant = [item for item in items if offer.brand_id in {None, item.brand_id}]
    goods = sum(item.goods_minor for item in meant)
    if offer.currency != currency or goods == 0:
        raise CouponNotForThese
    if goods < offer.minimum_minor:
        missing = {"amount_minor": offer.minimum_minor - goods, "currency": currency}
        raise CouponMinimumNotReached(missing=missing)
    if offer.amount_minor is not None:
        discount = min(offer.amount_minor, goods)
    else:
        discount = half_up(goods, basis_points=offer.percent_basis_points or 0)
    split = split_minor(discount, [item.goods_minor for item in meant])
    return {item.sku_id: part for item, part in zip(meant, split, strict=True)}


def _part(
    items: Sequence[Item],
    discounts: Mapping[int, int],
    *,
    is_cross_border: bool,
    country: str,
    rules: Rules,
) -> PricedPart:
    lines = [
        _line(
            item,
            discounts.get(item.sku_id, 0),
            country=country if is_cross_border else None,
            rules=rules,
        )
        for item in items
    ]
    rule = rules.shipping_of(
        merchant_id=items[0].merchant_id,
        country=country,
        is_cross_border=is_cross_border,
        currency=items[0].currency,
    )
    return PricedPart(
        merchant_id=items[0].merchant_id,
        is_cross_border=is_cross_border,
        lines=lines,
        shipping_minor=rule.fee(goods_minor=sum(line.total_minor for line in lines)) if rule else 0,
        days_least=rule.days_least if rule else None,
        days_most=rule.days_most if rule else None,
    )


def _line(item: Item, discount_minor: int, *, country: str | None, rules: Rules) -> PricedLine:
    """Price one line; ``country`` is the one that takes duty on it, None where none does."""
    taxed = item.goods_minor - discount_minor
    rate = rules.duty_basis_points(country=country, category_id=item.category_id) if country else 0
    return PricedLine(
        item=item,
        discount_minor=discount_minor,
        duty_minor=half_up(taxed, basis_points=rate),
        marketplace_bp=rules.marketplace_basis_points(category_id=item.category_id),
    )
