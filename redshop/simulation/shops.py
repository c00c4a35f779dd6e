"""The shops that the population meets: pictures, merchants, brands, categories, products, stock.

Everything is found by its natural key first, so that a second population, or a run that goes on
after an interruption, meets the same shops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.files.base import ContentFile
from django.db import transaction

from notes.models import Topic
from redshop.catalog.models import Brand, Category, Media, Merchant, Product, ProductMedia, Sku
from redshop.catalog.services import lending, stock
from redshop.catalog.services import media as uploads
from redshop.simulation.assortment import Assortment
from redshop.simulation.pictures import draw_picture

#: Pictures of each top category, shared by its products and notes.
PICTURES: Final = 8
#: Units of each SKU at first, the level below which more is ordered, and how many come (assumed).
FIRST_STOCK: Final = 30
LOW_STOCK: Final = 12
DELIVERY: Final = 24
#: Topics besides the shelves, by the kind of note that bears them.
KIND_TOPICS: Final = {
    "experience": ("honest-reviews", "Honest reviews"),
    "list": ("how-to", "How to"),
    "mood": ("slow-life", "Slow life"),
    "brand": ("from-brands", "From brands"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shops:
    """The rows' ids, by the places that the assortment gives them."""

    brand_ids: tuple[int, ...]
    product_ids: tuple[int, ...]
    sku_ids: tuple[tuple[int, ...], ...]
    pictures: Mapping[str, tuple[Media, ...]]

    def place_of_product(self) -> dict[int, int]:
        """Return the place of each product's id."""
        return {product_id: place for place, product_id in enumerate(self.product_ids)}


def open_shops(*, world: Assortment, at: datetime) -> Shops:
    """Find or make everything that is sold; what is new dates from ``at``."""
    pictures = {top: _pictures(top, at=at) for top in world.tops}
    with transaction.atomic():
        merchants = {
            name: Merchant.objects.get_or_create(name=name, defaults={"created_at": at})[0]
            for name in world.merchants
        }
        brands = [
            Brand.objects.get_or_create(
                name=plan.name,
                defaults={
                    "merchant": merchants[plan.merchant],
                    "story": plan.story,
                    "logo": pictures[_top_of_brand(world, place)][place % PICTURES],
                    "created_at": at,
                },
            )[0]
            for place, plan in enumerate(world.brands)
        ]
        categories = _categories(world)
        _topics(world)
        products = [
            _product(world, place, brands, categories, pictures, at=at)
            for place in range(len(world.products))
        ]
        skus = _skus(world, products, at=at)
    return Shops(
        brand_ids=tuple(brand.pk for brand in brands),
        product_ids=tuple(product.pk for product in products),
        sku_ids=skus,
        pictures=pictures,
    )


@transaction.atomic(durable=True)
def lend_pictures(
    *, shops: Shops, top: str, places: Sequence[int], owner_id: int, at: datetime
) -> list[int]:
    """Return uploads of the owner's own that show the category's pictures, one file for all."""
    wanted = [shops.pictures[top][place].pk for place in places]
    return lending.lend(media_ids=wanted, owner_id=owner_id, at=at)


@transaction.atomic(durable=True)
def refill(*, shops: Shops, at: datetime) -> int:
    """Order more of what runs low; return how many SKUs were refilled."""
    ids = [sku_id for skus in shops.sku_ids for sku_id in skus]
    low = [sku.pk for sku in Sku.objects.filter(pk__in=ids).order_by("pk") if _is_low(sku)]
    stock.receive(dict.fromkeys(low, DELIVERY), at=at)
    return len(low)


def _is_low(sku: Sku) -> bool:
    return sku.available < LOW_STOCK


def _pictures(top: str, *, at: datetime) -> tuple[Media, ...]:
    """Find the pictures that products of the category have, or draw new ones."""
    found = list(
        Media.objects.filter(productmedia__product__category__parent__slug=top, owner=None)
        .order_by("pk")
        .distinct()[:PICTURES]
    )
    missing = range(len(found), PICTURES)
    new = [
        uploads.store(
            owner_id=None,
            upload=ContentFile(draw_picture(top=top, number=number), name=f"{top}-{number}.jpg"),
            at=at,
        )
        for number in missing
    ]
    return (*found, *new)


def _top_of_brand(world: Assortment, brand: int) -> str:
    shelf = next(product.shelf for product in world.products if product.brand == brand)
    return world.shelves[shelf].top


def _categories(world: Assortment) -> list[Category]:
    tops = {
        slug: Category.objects.get_or_create(slug=slug, defaults={"name": name})[0]
        for slug, name in world.tops.items()
    }
    return [
        Category.objects.get_or_create(
            slug=shelf.slug, defaults={"name": shelf.name, "parent": tops[shelf.top]}
        )[0]
        for shelf in world.shelves
    ]


def _topics(world: Assortment) -> None:
    named = [(shelf.slug, shelf.name) for shelf in world.shelves] + list(KIND_TOPICS.values())
    Topic.objects.bulk_create(
        [Topic(slug=slug, name=name) for slug, name in named], ignore_conflicts=True
    )


def _product(
    world: Assortment,
    place: int,
    brands: Sequence[Brand],
    categories: Sequence[Category],
    pictures: Mapping[str, Sequence[Media]],
    *,
    at: datetime,
) -> Product:
    plan = world.products[place]
    product, is_new = Product.objects.get_or_create(
        name=plan.name,
        brand=brands[plan.brand],
        defaults={
            "category": categories[plan.shelf],
            "description": plan.description,
            "created_at": at,
        },
    )
    if is_new:
        shown = pictures[world.shelves[plan.shelf].top]
        ProductMedia.objects.bulk_create(
            ProductMedia(product=product, media=shown[(place + turn) % len(shown)], position=turn)
            for turn in range(2)
        )
    return product


def _skus(
    world: Assortment, products: Sequence[Product], *, at: datetime
) -> tuple[tuple[int, ...], ...]:
    """Find or make the SKUs; new ones are in stock."""
    offered = Sku.objects.filter(product__in=products)
    known = set(offered.values_list("code", flat=True))
    Sku.objects.bulk_create(
        [
            Sku(
                product=product,
                code=sku.code,
                options=dict(sku.options),
                price_minor=sku.price_minor,
            )
            for plan, product in zip(world.products, products, strict=True)
            for sku in plan.skus
        ],
        ignore_conflicts=True,
    )
    ids = dict(offered.order_by("pk").values_list("code", "pk"))
    new = [pk for code, pk in ids.items() if code not in known]
    stock.enter(dict.fromkeys(new, FIRST_STOCK), at=at)
    return tuple(tuple(ids[sku.code] for sku in plan.skus) for plan in world.products)
