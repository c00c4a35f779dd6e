"""What crosses the boundaries of the orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

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
    """So many units of a SKU, and the note that led to it."""

    sku_id: int
    quantity: int
    note_id: int | None
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class TakenCart:
    """A cart that was emptied into an order, and the population of the person it was of."""

    population: str
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
class Quote:
    """What a checkout would cost now."""

    items: Sequence[PricedItem]
    discount: Money
    shipping: Money
    duty: Money
    total: Money
