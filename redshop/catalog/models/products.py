"""Brands and what they sell: categories, products, pictures."""

from collections.abc import Iterable
from typing import ClassVar, Self

import pgtrigger
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from redshop.catalog.models import changes
from redshop.catalog.models.stock import Sku
from redshop.catalog.types import Size
from redshop.core.money import Money


class Media(models.Model):
    """An uploaded picture or video, checked and measured."""

    class Kind(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.IMAGE)
    file = models.FileField(
        upload_to="media/%Y/%m/",
        help_text="JPEG, PNG or WebP; MP4 or WebM. What the camera wrote into it is left out.",
    )
    renditions = models.JSONField(
        default=dict, editable=False, help_text="Where each size is kept, and its measures."
    )
    width = models.PositiveIntegerField(null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(null=True, blank=True, editable=False)
    fingerprint = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="What a picture is recognised by."
    )
    aigc = models.JSONField(
        "AI mark",
        default=dict,
        blank=True,
        editable=False,
        help_text="The mark of AI in its metadata, as it came or as it was written here.",
    )
    manifest = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The manifest of the note that showed it first, with its seal: checked where it "
        "came with an upload.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Who uploaded it; only they may put it into a note.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def sizes(self) -> dict[str, Size]:
        """The forms in which it is served, by name; no query."""
        return {
            name: Size(default_storage.url(kept["file"]), kept["width"], kept["height"])
            for name, kept in self.renditions.items()
        }


class Merchant(models.Model):
    """The company that is paid, ships and takes returns; brands sell through one."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    country = models.CharField(
        max_length=2,
        default="CN",
        help_text="Where its parcels come from, such as CN; to elsewhere they cross a border.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"),
                name="merchant_country_is_iso",
                violation_error_message="A country is two capitals, such as CN.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    """A name that people know products by."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    story = models.TextField(blank=True)
    logo = models.ForeignKey(Media, on_delete=models.SET_NULL, null=True, blank=True)
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        related_name="brands",
        help_text="Who is paid for what this brand sells, and ships it.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        triggers = [changes.of_name("brand_renamed", "brand_id", is_renamed=True)]

    def __str__(self) -> str:
        return self.name


class BrandMember(models.Model):
    """A person who works for a brand: reads its statistics, publishes in its name."""

    id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="brand_memberships"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "user"], name="brand_member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.brand_id}"


class Category(models.Model):
    """A shelf of the catalogue, inside another or on top."""

    id = models.BigAutoField(primary_key=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")), name="category_not_its_own_parent"
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="category_never_inside_itself",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("parent_id"),  # type: ignore[no-untyped-call]
                func="""
                    IF EXISTS (
                        WITH RECURSIVE above AS (
                            SELECT id, parent_id FROM catalog_category WHERE id = NEW.parent_id
                            UNION
                            SELECT upper.id, upper.parent_id
                            FROM catalog_category upper JOIN above ON upper.id = above.parent_id
                        )
                        SELECT 1 FROM above WHERE id = NEW.id
                    ) THEN
                        RAISE EXCEPTION 'a category cannot be inside itself'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            changes.of_name("category_renamed", "category_id", is_renamed=False),
        ]

    def __str__(self) -> str:
        return self.name


#: Where a product without a price stands when prices rise: behind every price there is.
NO_PRICE_LAST = 2**63 - 1


class ProductQuerySet(models.QuerySet["Product"]):
    def listed(self) -> Self:
        """Keep what the shop shows."""
        return self.filter(is_listed=True)

    def matching(self, words: Iterable[str]) -> Self:
        """Keep the products whose name, or whose brand's, has every word."""
        found = self
        for word in words:
            found = found.filter(Q(name__icontains=word) | Q(brand__name__icontains=word))
        return found

    def in_stock(self, wanted: bool = True) -> Self:  # noqa: FBT001, FBT002 - reads as prose
        """Keep the products of which some variant (or, where not wanted, none) can be bought."""
        left = Sku.objects.on_sale().filter(product=OuterRef("pk"), on_hand__gt=F("reserved"))
        return self.filter(Exists(left) if wanted else ~Exists(left))

    def with_price(self) -> Self:
        """Add ``cheapest_minor``, the price of the cheapest variant on sale (null: none is).

        Only variants in the platform's currency count: amounts of others do not compare.
        ``rising`` and ``falling`` are the same for sorting, with the unpriced last both times.
        """
        in_currency = Sku.objects.on_sale().filter(currency=settings.PLATFORM_CURRENCY)
        cheapest = in_currency.filter(product=OuterRef("pk")).order_by("price_minor")
        price = Subquery(cheapest.values("price_minor")[:1], models.BigIntegerField())
        return self.annotate(
            cheapest_minor=price,
            rising=Coalesce(F("cheapest_minor"), Value(NO_PRICE_LAST, models.BigIntegerField())),
            falling=Coalesce(F("cheapest_minor"), Value(-1)),
        )

    def as_cards(self) -> Self:
        """Bring along what the API shows of a product: three queries, whatever their number."""
        return self.select_related("brand__logo", "category").prefetch_related(
            Prefetch("pictures", ProductMedia.objects.select_related("media")),
            Prefetch("skus", Sku.objects.on_sale().order_by("price_minor", "pk"), "skus_on_sale"),
        )


class Product(models.Model):
    """Something that a brand sells, in one or more variants."""

    id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="products")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    external_url = models.URLField(
        blank=True, help_text="The shop elsewhere, for products that are not sold here."
    )
    is_listed = models.BooleanField(default=True, help_text="Shown in the shop.")
    commission_bp = models.PositiveSmallIntegerField(
        "creators' commission (basis points)",
        null=True,
        blank=True,
        help_text="1000 gives creators whose notes sell it 10 %; empty: nothing is offered.",
    )
    popularity = models.PositiveIntegerField(
        default=0, editable=False, help_text="Units paid, kept by the orders."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    media = models.ManyToManyField(Media, through="ProductMedia", blank=True)

    objects: ClassVar[ProductQuerySet] = ProductQuerySet.as_manager()  # type: ignore[assignment]

    skus_on_sale: list[Sku]  # set by ``as_cards``

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["-popularity", "-id"], name="product_popular"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(commission_bp=None) | Q(commission_bp__range=(0, 10_000)),
                name="product_commission",
                violation_error_message="At most 10000 basis points: all of it.",
            )
        ]
        triggers = changes.of_product()

    def __str__(self) -> str:
        return self.name

    @property
    def shown_media(self) -> list[Media]:
        """Its pictures in order; asks for ``as_cards``."""
        return [picture.media for picture in self.pictures.all()]

    @property
    def picture(self) -> Media | None:
        """The first of its pictures; asks for ``as_cards``."""
        return next(iter(self.shown_media), None)

    @property
    def price(self) -> Money | None:
        """The cheapest price in the platform's currency; asks for ``as_cards``."""
        prices = (sku.price for sku in self.skus_on_sale)
        return next(
            (price for price in prices if price.currency == settings.PLATFORM_CURRENCY), None
        )


class ProductMedia(models.Model):
    """A picture's place among the pictures of a product."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="pictures")
    media = models.ForeignKey(Media, on_delete=models.CASCADE)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "product media"
        constraints = [
            models.UniqueConstraint(fields=["product", "media"], name="product_media_once")
        ]

    def __str__(self) -> str:
        return f"picture {self.position} of {self.product_id}"
