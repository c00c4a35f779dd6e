"""What lists of products can be narrowed and ordered by."""

from typing import Any, Final

from rest_framework import serializers

from redshop.catalog import selectors
from redshop.catalog.models import Brand, Category, ProductQuerySet

#: What each order is called in the API, and the field or annotation behind it.
ORDERINGS: Final = {
    "newest": "-created_at",
    "price": "rising",
    "-price": "-falling",
    "popular": "-popularity",
}
MOST_WORDS: Final = 8
MOST_MINOR: Final = 2**53


class ProductQuery(serializers.Serializer[Any]):
    """Prices are minor units of the platform's currency and concern the cheapest variant."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Words of the name or the brand.",
    )
    brand = serializers.PrimaryKeyRelatedField(queryset=Brand.objects.all(), required=False)
    category = serializers.CharField(
        required=False,
        max_length=60,
        help_text="A slug or an id; what is in categories inside it is found too.",
    )
    price_min = serializers.IntegerField(required=False, min_value=0, max_value=MOST_MINOR)
    price_max = serializers.IntegerField(required=False, min_value=0, max_value=MOST_MINOR)
    in_stock = serializers.BooleanField(required=False)
    ordering = serializers.ChoiceField(
        choices=list(ORDERINGS),
        required=False,
        allow_blank=True,
        help_text="newest unless said. Products without a price come last by price.",
    )

    def validate_category(self, value: str) -> Category:
        """Find the category by its slug, or else by its id."""
        by_id = {"pk": value} if value.isascii() and value.isdigit() else {"slug": value}
        found = Category.objects.filter(slug=value).first()
        if found := found or Category.objects.filter(**by_id).first():
            return found
        raise serializers.ValidationError("There is no such category.", code="does_not_exist")


def narrow(products: ProductQuerySet, wanted: dict[str, Any]) -> ProductQuerySet:
    """Keep what the validated query asks for."""
    bounds = {
        f"cheapest_minor__{lookup}": wanted[name]
        for name, lookup in (("price_min", "gte"), ("price_max", "lte"))
        if name in wanted
    }
    products = products.matching(wanted.get("q", "").split()[:MOST_WORDS]).filter(**bounds)
    if "brand" in wanted:
        products = products.filter(brand=wanted["brand"])
    if "category" in wanted:
        shelf = selectors.with_descendants(category_id=wanted["category"].pk)
        products = products.filter(category__in=shelf)
    return products.in_stock(wanted["in_stock"]) if "in_stock" in wanted else products
