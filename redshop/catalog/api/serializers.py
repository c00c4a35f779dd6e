"""How the catalogue shows itself; nothing here asks the database."""

from typing import Any

from rest_framework import serializers

from redshop.catalog.models import Brand, Category, Media, Product, Sku
from redshop.catalog.types import Shelf
from redshop.core.api.serializers import MoneyField, StrictSerializer


class AbsoluteUrlField(serializers.CharField):
    """An address that works wherever it is read, where the request is known."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: str) -> str:
        request = self.context.get("request")
        return request.build_absolute_uri(value) if request is not None else value


class SizeSerializer(serializers.Serializer[Any]):
    """One form in which a picture or video is served; a video's measures may be unknown."""

    url = AbsoluteUrlField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)


class MediaSerializer(serializers.Serializer[Media]):
    """A picture (sizes thumb, feed, full) or a video (full)."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Media.Kind.choices)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    sizes = serializers.DictField(child=SizeSerializer())


class UploadSerializer(StrictSerializer):
    """A file, as multipart/form-data; its type is read from its bytes."""

    file = serializers.FileField(max_length=255)


class BrandRefSerializer(serializers.Serializer[Brand]):
    """A brand, where something else is shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    logo = MediaSerializer(allow_null=True)


class BrandSerializer(BrandRefSerializer):
    """A brand."""

    story = serializers.CharField()


class CategoryRefSerializer(serializers.Serializer[Category]):
    """A category, where something else is shown."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()


class ShelfSerializer(serializers.Serializer[Shelf]):
    """A category with those inside it."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "children": ShelfSerializer(many=True)}


class ShelvesSerializer(serializers.Serializer[Any]):
    """The tree of categories; always one page."""

    results = ShelfSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SkuSerializer(serializers.Serializer[Sku]):
    """One variant of a product that can be put into the cart."""

    id = serializers.IntegerField()
    options = serializers.DictField(help_text="Such as size and colour.")
    price = MoneyField()
    available = serializers.IntegerField(help_text="Units that can be bought now.")


class _WithShopElsewhere(serializers.Serializer[Product]):
    external_url = serializers.URLField(
        required=False, help_text="The shop elsewhere; absent for what is only sold here."
    )

    def to_representation(self, instance: Product) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not shown["external_url"]:
            del shown["external_url"]
        return shown


# asks for Product.objects.as_cards()
class ProductCardSerializer(_WithShopElsewhere):
    """A product in few words."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = MoneyField(allow_null=True, help_text="Of the cheapest variant; null: not sold now.")
    picture = MediaSerializer(allow_null=True)


# asks for Product.objects.as_cards(), and for notes_counts in the context
class ProductSerializer(_WithShopElsewhere):
    """A product with its variants."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    brand = BrandRefSerializer()
    category = CategoryRefSerializer()
    media = MediaSerializer(many=True, source="shown_media")
    price = MoneyField(allow_null=True, help_text="Of the cheapest variant; null: not sold now.")
    skus = SkuSerializer(many=True, source="skus_on_sale")
    notes_count = serializers.SerializerMethodField(help_text="Published notes that show it.")

    def get_notes_count(self, product: Product) -> int:
        counts: dict[int, int] = self.context["notes_counts"]
        return counts[product.pk]
