"""The catalogue in the admin: modelled by hand, except stock, which only deliveries change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, Count, F, IntegerField, Model, QuerySet, Sum, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from redshop.catalog import selectors
from redshop.catalog.forms import (
    CategoryForm,
    DeliveryForm,
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
from redshop.catalog.services import stock
from redshop.catalog.types import Shelf
from redshop.core.admin import EditableAdmin
from redshop.core.errors import DomainError

RESTOCK = ActionDialog(
    title="Restock",
    description="Adds what a supplier delivered to the units in the warehouse.",
    form_class=DeliveryForm,
    form_submit_text="Restock",
)


def thumbnail(media: Media | None, *, width: int = 64) -> SafeString | str:
    """Return a small picture that links to the large one; a dash where there is none."""
    if media is None or not media.renditions:
        return "–"
    sizes = media.sizes
    full = sizes["full"].url
    if media.kind == Media.Kind.VIDEO:
        return format_html('<a href="{}">video</a>', full)
    return format_html(
        '<a href="{}"><img src="{}" width="{}" class="rounded-default" alt="" loading="lazy"></a>',
        full,
        sizes["thumb"].url,
        width,
    )


class CatalogAdmin(EditableAdmin):
    """Writes the fields that were changed and no others, so that counters kept by orders stay."""

    list_filter_submit = True
    warn_unsaved_form = True

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: Any) -> None:
        if change:
            touched = {*form.changed_data, getattr(form, "media_field", "")}
            obj.save(update_fields=[f.name for f in obj._meta.concrete_fields if f.name in touched])
        else:
            super().save_model(request, obj, form, change)


@admin.register(Media)
class MediaAdmin(CatalogAdmin):
    list_display = ["preview", "kind", "measures", "owner", "created_at"]
    list_display_links = ["kind"]
    list_filter = ["kind", ("owner", AutocompleteSelectFilter)]
    list_select_related = ["owner"]
    search_fields = ["=id", "owner__handle__istartswith"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["preview", "kind", "measures", "created_at"]

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
    verbose_name_plural = "SKUs: units on hand are entered once, then changed by restocking"

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


class RestockingAdmin(CatalogAdmin):
    """Has the action that adds a delivery to the stock of some SKUs."""

    actions_detail: Any = ["restock"]
    actions_row: Any = ["restock"]

    def skus_of(self, object_id: Any) -> QuerySet[Sku]:
        """Return what the action restocks."""
        return Sku.objects.filter(pk=object_id)

    @action(  # type: ignore[operator]
        description="Restock",
        url_path="restock",
        icon="add_shopping_cart",
        permissions=["change"],
        dialog=RESTOCK,
    )
    def restock(self, request: HttpRequest, form: DeliveryForm, object_id: Any) -> HttpResponse:
        """Put the units of the form into the warehouse."""
        quantity = form.cleaned_data["quantity"]
        ids = list(self.skus_of(object_id).values_list("pk", flat=True))
        try:
            stock.receive_delivery(quantities=dict.fromkeys(ids, quantity))
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"{quantity} units added to each of {len(ids)} SKUs.")
        back = request.headers.get("HX-Current-URL") or reverse(
            f"admin:catalog_{self.opts.model_name}_change", args=[object_id]
        )
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Redirect": back})
        return redirect(back)


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
    fields = ["name", "brand", "category", "description", "external_url", "is_listed"]
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


@admin.register(Sku)
class SkuAdmin(RestockingAdmin):
    form = SkuForm
    list_display = ["code", "product", "shown_price", "on_hand", "reserved", "left", "is_active"]
    list_filter = ["is_active", "currency", ("product", AutocompleteSelectFilter)]
    list_select_related = ["product"]
    search_fields = ["code__istartswith", "product__name__istartswith"]
    autocomplete_fields = ["product"]
    readonly_fields = ["shown_price", "reserved"]
    fields = [
        "product",
        "code",
        "options",
        "price_minor",
        "currency",
        "shown_price",
        "on_hand",
        "reserved",
        "is_active",
    ]

    @display(description="price", ordering="price_minor")
    def shown_price(self, sku: Sku) -> str:
        return str(sku.price) if sku.price_minor is not None else "–"

    @display(description="available")
    def left(self, sku: Sku) -> int:
        return sku.available


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
