"""A few rows for developers: a shop, some people, what they wrote, liked and bought.

Not a population: nobody here has motives, and everything happened in the last days. Each row is
made by the factory or the service of its room, so that it is as the API would have made it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, pairwise
from itertools import product as pairs
from typing import Final

from django.db import transaction

from notes.factories import CommentFactory, LikeFactory, NoteFactory, SaveFactory, TopicFactory
from notes.models import Note
from orders import factories as orders
from orders.models import Coupon
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.accounts.services import follows
from redshop.catalog.factories import (
    CATEGORIES,
    BrandFactory,
    CategoryFactory,
    MediaFactory,
    MerchantFactory,
    ProductFactory,
    ProductMediaFactory,
    SkuFactory,
)
from redshop.catalog.models import Brand, Category, Media, Product
from redshop.catalog.services import stock
from redshop.core.ids import uuid7

#: Shelves inside the top ones.
INSIDE: Final = {
    "beauty": ("Skincare", "Lips"),
    "fashion": ("Dresses", "Bags"),
    "home": ("Kitchen",),
}
MOST_BRANDS: Final = 6
WELCOME: Final = "WELCOME"
THIRTY_OFF: Final = "THIRTY-OFF"
#: Different pictures each author has to write with.
ALBUM: Final = 4
NAMES: Final = ("Lin", "Giulia", "Wei", "Sophie", "Marco", "Mei", "Tom", "Chiara")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many of each to make; ``stock`` is the units of each SKU."""

    people: int = 5
    products: int = 12
    notes: int = 12
    orders: int = 4
    stock: int = 25


def seed(*, sizes: Sizes, at: datetime) -> None:
    """Make so many rows of everything; the moments lie in the days before ``at``."""
    opened_at = at - timedelta(days=30)
    shop = open_shop(products=sizes.products, units=sizes.stock, at=opened_at)
    hand_out_coupons(brand=shop[0].brand if shop else None, at=at)
    people = meet(count=sizes.people, at=at)
    notes = write_notes(count=sizes.notes, people=people, products=shop, at=at)
    react(notes=notes, people=people, at=at)
    buy(count=sizes.orders, people=people, notes=notes, at=at)


def open_shop(*, products: int, units: int, at: datetime) -> list[Product]:
    """Make brands, shelves and products, each product with two variants and a picture.

    So many units of each variant are in stock from ``at`` on.
    """
    shelves = make_shelves()
    brands = [make_brand(number) for number in range(min(products, MOST_BRANDS))]
    return [
        make_product(
            brand=brands[number % len(brands)],
            shelf=shelves[number % len(shelves)],
            units=units,
            at=at,
        )
        for number in range(products)
    ]


def make_shelves() -> list[Category]:
    """Find or make the tree of categories; return the shelves that products stand on."""
    shelves = []
    for slug, name in CATEGORIES:
        top = CategoryFactory.create(slug=slug, name=name)
        inside = [CategoryFactory.create(name=child, parent=top) for child in INSIDE.get(slug, ())]
        shelves += inside or [top]
    return shelves


def make_brand(number: int) -> Brand:
    """Make a brand with a logo; the second one's merchant ships from abroad."""
    abroad = {"merchant": MerchantFactory.create(name="Ferri e Figli", country="IT")}
    brand = BrandFactory.create(**(abroad if number == 1 else {}))
    if brand.logo is None:
        brand.logo = MediaFactory.create(width=240, height=240)
        brand.save(update_fields=["logo"])
    return brand


@transaction.atomic
def make_product(*, brand: Brand, shelf: Category, units: int, at: datetime) -> Product:
    product = ProductFactory.create(brand=brand, category=shelf)
    ProductMediaFactory.create(product=product, media=picture())
    skus = [
        SkuFactory.create(product=product, price_minor=price + 500 * (product.pk % 7), on_hand=0)
        for price in (8_900, 12_900)
    ]
    stock.enter({sku.pk: units for sku in skus}, at=at)
    return product


def hand_out_coupons(*, brand: Brand | None, at: datetime) -> None:
    """Find or make a welcome from the platform, and a coupon that a brand funds."""
    month_ago = at - timedelta(days=30)
    if not Coupon.objects.filter(code=WELCOME).exists():
        orders.CouponFactory.create(
            code=WELCOME,
            description="A tenth off the first order",
            minimum_minor=5_000,
            valid_from=month_ago,
        )
    if brand is not None and not Coupon.objects.filter(code=THIRTY_OFF).exists():
        orders.CouponFactory.create(
            code=THIRTY_OFF,
            description="Thirty off, from the brand, for the first hundred",
            percent_basis_points=None,
            amount_minor=3_000,
            minimum_minor=10_000,
            most_uses=100,
            funded_by=Coupon.Funder.BRAND,
            brand=brand,
            valid_from=month_ago,
            valid_until=at + timedelta(days=60),
        )


def meet(*, count: int, at: datetime) -> list[User]:
    """Make people, each of whom follows the next; their password is the factories'."""
    people = [
        UserFactory.create(
            handle=f"{first.lower()}_{uuid7().hex[-5:]}",
            display_name=first,
            joined_at=at - timedelta(days=30),
        )
        for first in islice(cycle(NAMES), count)
    ]
    for one, next_one in pairwise(people):
        moment = at - timedelta(days=5)
        follows.follow(follower_id=one.pk, followed_id=next_one.pk, at=moment)
    return people


def write_notes(
    *, count: int, people: Sequence[User], products: Sequence[Product], at: datetime
) -> list[Note]:
    """Write and publish notes, each about one topic and, two of three, about a product."""
    albums = [[picture() for _ in range(min(ALBUM, count))] for _ in people]
    notes = []
    for number in range(count if people else 0):
        author = number % len(people)
        shown = [products[number % len(products)]] if products and number % 3 else []
        notes.append(
            NoteFactory.create(
                author=people[author],
                topics=[TopicFactory.create()],
                products=shown,
                media=[albums[author][number // len(people) % ALBUM]],
                published_at=at - timedelta(days=3, hours=number),
            )
        )
    return notes


def react(*, notes: Sequence[Note], people: Sequence[User], at: datetime) -> None:
    """Let people like, save and comment on some of each other's notes."""
    for (place, note), (number, person) in pairs(enumerate(notes), enumerate(people)):
        if note.author_id == person.pk:
            continue
        turn = (7 * place + 3 * number) % 20
        if turn < 6:
            LikeFactory.create(note=note, person=person, created_at=at - timedelta(minutes=50))
        if turn < 2:
            SaveFactory.create(note=note, person=person, created_at=at - timedelta(minutes=40))
        if turn == 7:
            CommentFactory.create(note=note, author=person, created_at=at - timedelta(minutes=30))


def buy(*, count: int, people: Sequence[User], notes: Sequence[Note], at: datetime) -> None:
    """Let people buy what notes show, led there by the note; the orders stand differently."""
    showing = [(tag.note, tag.product) for note in notes for tag in note.product_tags.all()]
    for number in range(count if showing and people else 0):
        note, product = showing[number % len(showing)]
        buyer = people[(number + 1) % len(people)]
        skus = product.skus.order_by("pk")[:1]
        moment = at - timedelta(days=2, minutes=number)
        match number % 4:
            case 0:
                coupon = "" if number else WELCOME
                orders.paid(buyer, *skus, note_id=note.pk, coupon=coupon, at=moment)
            case 1:
                orders.delivered(buyer, *skus, at=moment)
            case 2:
                orders.shipped(buyer, *skus, at=moment)
            case _:
                home = orders.ADDRESSES[(number // 4 + 1) % len(orders.ADDRESSES)]
                orders.placed(buyer, *skus, note_id=note.pk, address=home, at=at)


def picture() -> Media:
    """Draw a picture as large as a telephone shows it."""
    return MediaFactory.create(width=480, height=640)
