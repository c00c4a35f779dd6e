"""Brands, categories, products and pictures in the admin, modelled by hand."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Case, Count, F, IntegerField, QuerySet, Sum, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from redshop.catalog import selectors
from redshop.catalog.admin.base import CatalogAdmin, thumbnail
from redshop.catalog.admin.stock import RestockingAdmin
from redshop.catalog.forms import (
    CategoryForm,
    FetchForm,
    FormWithUpload,
    MediaForm,
    ProductForm,
    SkuForm,
)
from redshop.catalog.models import (
    Brand,
    BrandMember,
    Category,
    Media,
    Merchant,
    Product,
    ProductMedia,
    Sku,
)
from redshop.catalog.services import fetching, media
from redshop.catalog.types import Shelf
from redshop.core.admin import back_to
from redshop.core.errors import DomainError

FETCH: Final = ActionDialog(
    title="Fetch a picture",
    description="A copy of it is kept as the shop's own. Mind whose it is.",
    form_class=FetchForm,
    form_submit_text="Fetch",
)


@admin.register(Media)
class MediaAdmin(CatalogAdmin):
    list_display = ["preview", "kind", "measures", "owner", "created_at"]
    list_display_links = ["kind"]
    list_filter = ["kind", ("owner", AutocompleteSelectFilter)]
    list_select_related = ["owner"]
    search_fields = ["=id", "owner__handle__istartswith"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["preview", "kind", "measures", "created_at"]
    actions_list: Any = ["fetch"]

    def has_fetch_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_add_permission(request)

    @action(  # type: ignore[operator]
        description="Fetch a picture", url_path="fetch", icon="cloud_download",
        permissions=["fetch"], dialog=FETCH,
    )  # fmt: skip
    def fetch(self, request: HttpRequest, form: Any) -> HttpResponse:
        """Keep a copy of a picture that is on the internet, as the shop's own."""
        try:
            found = fetching.fetch(form.cleaned_data["address"])
            kept = media.store(owner_id=None, upload=found, at=timezone.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return back_to(request, reverse("admin:catalog_media_changelist"))
        messages.success(request, "A copy was kept.")
        return back_to(request, reverse("admin:catalog_media_change", args=[kept.pk]))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: Any = None, **kwargs: Any
    ) -> Any:
        form = {} if obj else {"form": MediaForm}
        return super().get_form(request, obj, change, **form, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            ["preview", "kind", "measures", "owner", "created_at"] if obj else ["upload", "owner"]
        )

    @display(description="picture")
    def preview(self, media: Media) -> SafeString | str:
        return thumbnail(media)

    @display(description="pixels")
    def measures(self, media: Media) -> str:
        return f"{media.width} x {media.height}" if media.width else "unknown"


@admin.register(Merchant)
class MerchantAdmin(CatalogAdmin):
    list_display = ["name", "country", "brands", "created_at"]
    list_filter = ["country"]
    search_fields = ["name__istartswith"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merchant]:
        return Merchant.objects.annotate(brand_count=Count("brands"))

    @display(description="brands", ordering="brand_count")
    def brands(self, merchant: Any) -> int:
        return int(merchant.brand_count)


class BrandForm(FormWithUpload):
    media_field = "logo"

    class Meta:
        model = Brand
        fields = ["name", "story", "merchant", "logo"]


class BrandMemberInline(TabularInline):
    model = BrandMember
    extra = 0
    hide_title = True
    autocomplete_fields = ["user"]
    verbose_name = "member"
    verbose_name_plural = "members: they read the brand's statistics and publish in its name"


@admin.register(Brand)
class BrandAdmin(CatalogAdmin):
    form = BrandForm
    list_display = ["shown", "merchant", "products", "created_at"]
    list_filter = [("merchant", AutocompleteSelectFilter)]
    list_select_related = ["merchant", "logo"]
    search_fields = ["name__istartswith"]
    autocomplete_fields = ["merchant", "logo"]
    readonly_fields = ["preview"]
    fields = ["name", "story", "merchant", "preview", "upload", "logo"]
    inlines = [BrandMemberInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        return Brand.objects.annotate(product_count=Count("products"))

    @display(description="brand", ordering="name", header=True)
    def shown(self, brand: Brand) -> list[Any]:
        return _with_picture(brand.name, "", brand.logo)

    @display(description="products", ordering="product_count")
    def products(self, brand: Any) -> int:
        return int(brand.product_count)

    @display(description="logo")
    def preview(self, brand: Brand) -> SafeString | str:
        return thumbnail(brand.logo)


@admin.register(Category)
class CategoryAdmin(CatalogAdmin):
    form = CategoryForm
    list_display = ["indented", "slug", "products"]
    list_per_page = 200
    search_fields = ["name__istartswith", "slug__istartswith"]
    autocomplete_fields = ["parent"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        """Return the categories in the order of the tree, each with its depth."""
        places = _walk(selectors.category_tree())
        order = [When(pk=pk, then=Value(n)) for n, (pk, _) in enumerate(places)]
        depth = [When(pk=pk, then=Value(depth)) for pk, depth in places]
        return Category.objects.annotate(
            product_count=Count("products"),
            depth=Case(*depth, default=Value(0), output_field=IntegerField()),
            place=Case(*order, default=Value(len(places)), output_field=IntegerField()),
        ).order_by("place")

    @display(description="category", ordering="place")
    def indented(self, category: Any) -> SafeString:
        branch = "└ " if category.depth else ""
        return format_html(
            '<span style="padding-left:{}rem">{}{}</span>',
            1.5 * category.depth,
            branch,
            category.name,
        )

    @display(description="products here", ordering="product_count")
    def products(self, category: Any) -> int:
        return int(category.product_count)


class SkuInline(TabularInline):
    model = Sku
    form = SkuForm
    extra = 0
    hide_title = True
    show_change_link = True
    fields = [
        "code",
        "options",
        "price_minor",
        "currency",
        "shown_price",
        "on_hand",
        "available",
        "is_active",
    ]
    readonly_fields = ["shown_price", "available"]
    verbose_name_plural = "SKUs: units on hand are entered once, then restocked or counted"

    @display(description="price")
    def shown_price(self, sku: Sku) -> str:
        return str(sku.price) if sku.price_minor is not None else "–"

    @display(description="available")
    def available(self, sku: Sku) -> str:
        return f"{sku.available} ({sku.reserved} reserved)" if sku.pk else "–"


class ProductMediaForm(FormWithUpload):
    class Meta:
        model = ProductMedia
        fields = ["media", "position"]


class ProductMediaInline(TabularInline):
    model = ProductMedia
    form = ProductMediaForm
    extra = 1
    hide_title = True
    autocomplete_fields = ["media"]
    readonly_fields = ["preview"]
    fields = ["preview", "upload", "media", "position"]
    verbose_name = "picture"
    verbose_name_plural = "pictures: upload a file, or choose one that is already there"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductMedia]:
        return super().get_queryset(request).select_related("media")

    @display(description="")
    def preview(self, picture: ProductMedia) -> SafeString | str:
        return thumbnail(picture.media) if picture.pk else "–"


@admin.register(Product)
class ProductAdmin(RestockingAdmin):
    form = ProductForm
    list_display = ["shown", "category", "price", "left", "sold", "is_listed"]
    list_filter = [
        "is_listed",
        ("brand", AutocompleteSelectFilter),
        ("category", AutocompleteSelectFilter),
    ]
    list_select_related = ["brand", "category"]
    search_fields = ["name__istartswith", "brand__name__istartswith"]
    autocomplete_fields = ["brand", "category"]
    inlines = [SkuInline, ProductMediaInline]
    fields = [
        "name",
        "brand",
        "category",
        "description",
        "external_url",
        "commission_bp",
        "is_listed",
    ]
    ordering = ["-created_at", "-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return (
            Product.objects.with_price()
            .as_cards()
            .annotate(units=Sum(F("skus__on_hand") - F("skus__reserved")))
        )

    def skus_of(self, object_id: Any) -> QuerySet[Sku]:
        return Sku.objects.filter(product=object_id, is_active=True)

    @display(description="product", ordering="name", header=True)
    def shown(self, product: Product) -> list[Any]:
        return _with_picture(product.name, product.brand.name, product.picture)

    @display(description="from", ordering="cheapest_minor")
    def price(self, product: Product) -> str:
        return str(product.price) if product.price else "–"

    @display(description="sold", ordering="popularity")
    def sold(self, product: Product) -> int:
        return product.popularity

    @display(description="available", ordering="units")
    def left(self, product: Any) -> int:
        return product.units or 0


def _with_picture(title: str, subtitle: str, media: Media | None) -> list[Any]:
    """Return what unfold shows as a title with a picture beside it."""
    initials = "".join(word[0] for word in title.split()[:2])
    if media is None or "thumb" not in media.renditions:
        return [title, subtitle, initials]
    path = media.sizes["thumb"].url
    return [
        title,
        subtitle,
        initials,
        {"path": path, "squared": True, "width": 40, "height": 40, "borderless": True},
    ]


def _walk(shelves: list[Shelf], depth: int = 0) -> list[tuple[int, int]]:
    """Return the ids of a tree from top to bottom, each with its depth."""
    places: list[tuple[int, int]] = []
    for shelf in shelves:
        places += [(shelf.id, depth), *_walk(shelf.children, depth + 1)]
    return places
