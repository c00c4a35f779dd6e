"""Brands, products and pictures that could be real, for tests and for developers."""

from typing import Any, Final

import factory
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from redshop.catalog import pictures
from redshop.catalog.models import (
    Brand,
    BrandMember,
    Category,
    Media,
    Merchant,
    Product,
    ProductChange,
    ProductMedia,
    Sku,
    StockMovement,
)
from redshop.catalog.services import media, stock
from redshop.core.ids import uuid7

BRANDS: Final = (
    "Perfect Diary",
    "花西子",
    "Officina Bellini",
    "Northlight",
    "山茶花",
    "Maison Alder",
    "Lucciola",
    "Uchi Home",
    "毛戈平",
    "Terra di Siena",
)
CATEGORIES: Final = (
    ("beauty", "Beauty"),
    ("fashion", "Fashion"),
    ("home", "Home"),
    ("mother-and-baby", "Mother and baby"),
    ("food", "Food"),
    ("electronics", "Electronics"),
)
PRODUCTS: Final = (
    ("Velvet lip tint", "Stays through tea and talk; six shades, no drying."),
    ("玻尿酸保湿精华", "三重玻尿酸，清爽不黏，敏感肌可用。"),
    ("Borsa in pelle martellata", "Pelle di vitello conciata al vegetale, fatta a mano."),
    ("Linen shirt dress", "Washed European linen with deep pockets."),
    ("汉服马面裙", "织金马面裙，三米摆，日常通勤皆宜。"),
    ("Caffettiera da tre tazze", "Alluminio lucido, guarnizione di ricambio inclusa."),
    ("Ceramic pour-over set", "Dripper, server and two cups, glazed by hand."),
    ("婴儿纯棉连体衣", "A类纯棉，无骨缝制，0 到 18 个月。"),
    ("Noise-cancelling earbuds", "Thirty hours with the case; a quiet metro ride."),
    ("桂花乌龙茶", "秋摘桂花窨制，冷泡热泡都香。"),
    ("Crema mani alla camomilla", "Camomilla toscana, si assorbe in un minuto."),
    ("Foldable yoga mat", "Natural rubber, folds to the size of a laptop."),
)
OPTIONS: Final = (
    {"size": "S"},
    {"size": "M"},
    {"size": "L"},
    {"colour": "red"},
    {"颜色": "米白"},
    {"colore": "verde salvia"},
)


class MediaFactory(DjangoModelFactory[Media]):
    """A drawn picture, stored as an upload would be; small unless ``width`` says else."""

    class Meta:
        model = Media

    seed = factory.Sequence(lambda n: f"picture {n}")
    width = 96
    height = 128
    owner = None
    created_at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[Media], *args: Any, **kwargs: Any) -> Media:
        drawn = pictures.draw(seed=kwargs["seed"], width=kwargs["width"], height=kwargs["height"])
        return media.store(
            owner_id=kwargs["owner"].pk if kwargs["owner"] else None,
            upload=ContentFile(drawn),
            at=kwargs["created_at"],
        )


class MerchantFactory(DjangoModelFactory[Merchant]):
    """A company that ships."""

    class Meta:
        model = Merchant
        django_get_or_create = ["name"]

    name = factory.Sequence(lambda n: f"Trading company {n + 1}")


class BrandFactory(DjangoModelFactory[Brand]):
    """A brand with a merchant of its own and no logo."""

    class Meta:
        model = Brand
        django_get_or_create = ["name"]

    name = factory.Sequence(
        lambda n: BRANDS[n % len(BRANDS)] + (f" {n // len(BRANDS) + 1}" if n >= len(BRANDS) else "")
    )
    story = factory.LazyAttribute(lambda brand: f"{brand.name} began at a kitchen table.")
    merchant = factory.SubFactory(MerchantFactory)


class BrandMemberFactory(DjangoModelFactory[BrandMember]):
    """A person who works for a brand."""

    class Meta:
        model = BrandMember

    brand = factory.SubFactory(BrandFactory)
    user = factory.SubFactory("redshop.accounts.factories.UserFactory")


class CategoryFactory(DjangoModelFactory[Category]):
    """A category on top; one of the six that the lookback table knows, again and again."""

    class Meta:
        model = Category
        django_get_or_create = ["slug"]

    name = factory.Sequence(lambda n: CATEGORIES[n % len(CATEGORIES)][1])
    slug = factory.LazyAttribute(lambda category: slugify(category.name))


class ProductFactory(DjangoModelFactory[Product]):
    """A product without variants or pictures; ``SkuFactory`` makes one that can be bought."""

    class Meta:
        model = Product

    brand = factory.SubFactory(BrandFactory)
    category = factory.SubFactory(CategoryFactory)
    name = factory.Sequence(lambda n: PRODUCTS[n % len(PRODUCTS)][0])
    description = factory.LazyAttribute(lambda product: dict(PRODUCTS).get(product.name, ""))


class ProductChangeFactory(DjangoModelFactory[ProductChange]):
    """What making a product left to be looked at."""

    class Meta:
        model = ProductChange
        django_get_or_create = ("product",)

    product = factory.SubFactory(ProductFactory)


class ProductMediaFactory(DjangoModelFactory[ProductMedia]):
    """A picture of a product."""

    class Meta:
        model = ProductMedia

    product = factory.SubFactory(ProductFactory)
    media = factory.SubFactory(MediaFactory)


class SkuFactory(DjangoModelFactory[Sku]):
    """A variant with ten units at 129.00."""

    class Meta:
        model = Sku

    product = factory.SubFactory(ProductFactory)
    code = factory.LazyFunction(lambda: f"SKU-{uuid7().hex[-8:].upper()}")
    options = factory.Sequence(lambda n: dict(OPTIONS[n % len(OPTIONS)]))
    price_minor = 12_900
    on_hand = 10


class StockMovementFactory(DjangoModelFactory[StockMovement]):
    """A delivery of 24 units; the stock of its SKU grows by them."""

    class Meta:
        model = StockMovement

    sku = factory.SubFactory(SkuFactory)
    on_hand = 24
    reason = ""
    at = factory.LazyFunction(timezone.now)

    @classmethod
    def _create(cls, model_class: type[StockMovement], *args: Any, **kwargs: Any) -> StockMovement:
        sku: Sku = kwargs["sku"]
        with transaction.atomic():
            stock.receive({sku.pk: kwargs["on_hand"]}, reason=kwargs["reason"], at=kwargs["at"])
        sku.refresh_from_db()
        return sku.movements.latest("pk")
