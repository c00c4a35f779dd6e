"""Brands and what they sell: categories, products, SKUs, prices, stock, pictures."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from redshop.core.db import LockableQuerySet
from redshop.core.money import Money


class Media(models.Model):
    """An uploaded picture or video, checked and measured."""

    class Kind(models.TextChoices):
        IMAGE = "image"
        VIDEO = "video"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.IMAGE)
    file = models.FileField(upload_to="media/%Y/%m/")
    width = models.PositiveIntegerField(null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(null=True, blank=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Merchant(models.Model):
    """The company that is paid, ships and takes returns; brands sell through one."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    """A name that people know products by."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    story = models.TextField(blank=True)
    logo = models.ForeignKey(Media, on_delete=models.SET_NULL, null=True, blank=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="brands")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class BrandMember(models.Model):
    """A person who works for a brand: reads its statistics, publishes in its name."""

    id = models.BigAutoField(primary_key=True)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="brand_memberships"
    )
    created_at = models.DateTimeField(default=timezone.now)

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

    def __str__(self) -> str:
        return self.name


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
    is_listed = models.BooleanField(default=True)
    popularity = models.PositiveIntegerField(
        default=0, editable=False, help_text="Units paid, kept by the orders."
    )
    created_at = models.DateTimeField(default=timezone.now)
    media = models.ManyToManyField(Media, through="ProductMedia", blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["-popularity", "-id"], name="product_popular"),
        ]

    def __str__(self) -> str:
        return self.name


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


class SkuQuerySet(LockableQuerySet["Sku"]):
    pass


class Sku(models.Model):
    """One variant of a product: what is priced, stocked and sold."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="skus")
    code = models.CharField(max_length=64, unique=True)
    options = models.JSONField(default=dict, blank=True, help_text="Such as size and colour.")
    price_minor = models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")
    currency = models.CharField(max_length=3, default=settings.PLATFORM_CURRENCY)
    on_hand = models.PositiveIntegerField(default=0, help_text="Units in the warehouse.")
    reserved = models.PositiveIntegerField(
        default=0, editable=False, help_text="Units that placed orders hold."
    )
    is_active = models.BooleanField(default=True)

    objects: ClassVar[SkuQuerySet] = SkuQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "SKU"
        verbose_name_plural = "SKUs"
        constraints = [
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")),
                name="sku_reserved_within_on_hand",
            ),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="sku_on_hand_not_negative"),
            models.CheckConstraint(condition=Q(price_minor__gte=0), name="sku_price_not_negative"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="sku_currency_is_iso"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.currency)

    @property
    def available(self) -> int:
        """Units that can still be sold."""
        return self.on_hand - self.reserved
