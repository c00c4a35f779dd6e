"""What crosses the boundaries of the orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from orders.prices import Item
from orders.sampling import Estimate
from redshop.core.money import Money


class Address(TypedDict):
    """Where an order goes."""

    name: str
    phone: str
    line1: str
    city: str
    region: str
    postcode: str
    country: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many units of a SKU, and the note that led to it; with keys for its line, and for the
    part of the order that it may be the first of."""

    sku_id: int
    quantity: int
    note_id: int | None
    request_id: UUID | None
    line_id: int
    part_id: int


@dataclass(frozen=True, slots=True)
class TakenCart:
    """A cart that was emptied into an order, the population of the person it was of, and the
    edition of the rules for prices that was in force then."""

    population: str
    edition: UUID | None
    items: Sequence[Wanted]

    @property
    def quantities(self) -> Mapping[int, int]:
        """Units by SKU."""
        return {item.sku_id: item.quantity for item in self.items}


@dataclass(frozen=True, slots=True)
class PricedItem:
    """A thing in the cart at today's price."""

    sku_id: int
    product_id: int
    quantity: int
    unit_price: Money
    available: int
    note_id: int | None

    @property
    def total(self) -> Money:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """What a person means to buy, at today's prices; no total where currencies are mixed."""

    items: Sequence[PricedItem]
    total: Money | None


@dataclass(frozen=True, slots=True)
class Days:
    """How long a delivery is promised to take."""

    least: int
    most: int


def days_of(least: int | None, most: int | None) -> Days | None:
    """Return the promise, None where none is made."""
    return None if least is None or most is None else Days(least, most)


@dataclass(frozen=True, slots=True)
class Offered:
    """A thing in the cart, with what its price follows from."""

    item: Item
    product_id: int
    merchant_name: str
    available: int
    note_id: int | None


@dataclass(frozen=True, slots=True)
class QuotedItem:
    """A thing in the cart, and what it would cost now."""

    sku_id: int
    product_id: int
    quantity: int
    unit_price: Money
    discount: Money
    duty: Money
    available: int
    note_id: int | None


@dataclass(frozen=True, slots=True)
class MerchantRef:
    """Who sells and ships."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class QuotedPart:
    """What one merchant would ship."""

    merchant: MerchantRef
    is_cross_border: bool
    shipping: Money
    duty: Money
    delivery_days: Days | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a checkout would cost now."""

    items: Sequence[QuotedItem]
    parts: Sequence[QuotedPart]
    coupon: str | None
    discount: Money
    shipping: Money
    duty: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Arrival:
    """How many units of a line arrived, and how many of them recently."""

    units: int
    recent_units: int


@dataclass(frozen=True, slots=True)
class LinkOutTotals:
    """What is known of sales elsewhere: clicks and reports as counted, sales as estimated.

    ``sampled`` sales were reported of known clicks, ``unmatched`` ones of unknown clicks; the
    latter are in no estimate. ``gross`` is in minor units by currency.
    """

    clicks: int
    reports: int
    sampled: int
    unmatched: int
    sales: Estimate
    gross: Mapping[str, Estimate]
