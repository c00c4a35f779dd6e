"""What the simulated shops sell: shelves, brands, products and SKUs, read from the material."""

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from redshop.simulation.streams import stream
from redshop.simulation.types import Floats, Ints

MATERIAL: Final = Path(__file__).with_name("material")
LANGUAGES: Final = ("zh", "en", "it")
#: The assortment is the same for every population, so that a second one meets the same shops.
ASSORTMENT_SEED: Final = 20131


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A leaf of the category tree, also a topic, and the words people use for it."""

    slug: str
    name: str
    top: str
    lean: float
    nouns: Mapping[str, tuple[str, ...]]
    virtues: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandPlan:
    """A brand to be: its merchant, its story, and a slug for its account."""

    name: str
    merchant: str
    story: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuPlan:
    """One variant to be: a code, its options and its price in minor units."""

    code: str
    options: Mapping[str, str]
    price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPlan:
    """A product to be, with the places of its shelf and brand in their lists."""

    name: str
    description: str
    shelf: int
    brand: int
    skus: tuple[SkuPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assortment:
    """Everything on sale; places in these tuples are the indices that behaviour works with."""

    tops: Mapping[str, str]
    merchants: tuple[str, ...]
    brands: tuple[BrandPlan, ...]
    shelves: tuple[Shelf, ...]
    products: tuple[ProductPlan, ...]

    def shelf_of_product(self) -> Ints:
        """Return each product's shelf."""
        return np.array([product.shelf for product in self.products])

    def relative_price(self) -> Floats:
        """Return each product's first price over the middle price of its shelf."""
        prices = np.array([float(product.skus[0].price_minor) for product in self.products])
        shelves = self.shelf_of_product()
        middle = np.array([np.median(prices[shelves == s]) for s in range(len(self.shelves))])
        return np.asarray(prices / middle[shelves])


@cache
def assortment() -> Assortment:
    """Read the material and lay out products and SKUs; the same each time."""
    document = tomllib.loads((MATERIAL / "assortment.toml").read_text(encoding="utf-8"))
    shelves = tuple(_shelf(entry) for entry in document["shelves"])
    products = tuple(
        _product(document, index, number, name)
        for index, entry in enumerate(document["shelves"])
        for number, name in enumerate(entry["products"])
    )
    return Assortment(
        tops=document["tops"],
        merchants=tuple(document["merchants"]),
        brands=tuple(_brand(entry) for entry in document["brands"]),
        shelves=shelves,
        products=products,
    )


def ascii_slug(name: str) -> str:
    """Return the latin letters and digits of a name, lower case and without accents."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain.lower() if c.isascii() and c.isalnum())


def _shelf(entry: Mapping[str, Any]) -> Shelf:
    return Shelf(
        slug=entry["slug"],
        name=entry["name"],
        top=entry["parent"],
        lean=entry["lean"],
        nouns={language: tuple(entry["nouns"][language]) for language in LANGUAGES},
        virtues={language: tuple(entry["virtues"][language]) for language in LANGUAGES},
    )


def _brand(entry: Mapping[str, Any]) -> BrandPlan:
    return BrandPlan(
        name=entry["name"],
        merchant=entry["merchant"],
        story=entry["story"],
        slug=ascii_slug(entry["name"]),
    )


def _product(document: Mapping[str, Any], shelf: int, number: int, name: str) -> ProductPlan:
    entry = document["shelves"][shelf]
    makers = [i for i, b in enumerate(document["brands"]) if entry["parent"] in b["tops"]]
    virtues = entry["virtues"]
    return ProductPlan(
        name=name,
        description=f"{virtues['en'][number].capitalize()}. {virtues['zh'][number]}。",
        shelf=shelf,
        brand=makers[(shelf + number) % len(makers)],
        skus=_skus(entry, shelf, number),
    )


def _skus(entry: Mapping[str, Any], shelf: int, number: int) -> tuple[SkuPlan, ...]:
    """Price a product somewhere in its shelf's range; larger options cost a little more."""
    low, high = entry["price"]
    draw = stream(seed=ASSORTMENT_SEED, purpose="price", day=number, person=shelf).random()
    price = low * (high / low) ** draw
    ((option, values),) = entry["option"].items()
    grows = option in {"size", "set", "pack", "weight"} and entry["parent"] != "fashion"
    return tuple(
        SkuPlan(
            code=f"{entry['slug']}-{number + 1}-{step + 1}",
            options={option: value},
            price_minor=round(price * (1.6**step if grows else 1) / 1_000) * 1_000 + 900,
        )
        for step, value in enumerate(values)
    )
