"""What another shop sells: brands, a tree of categories, products with one SKU each."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.text import slugify

from redshop.catalog.models import Brand, Category, Merchant, Product, Sku
from redshop.conversion.history.types import Act
from redshop.core.db import requires_transaction

UNBRANDED: Final = "Unbranded"
UNSORTED: Final = ("other",)
_LONGEST_SLUG: Final = 60
_LONGEST_CODE: Final = 64
_LONGEST_CATEGORY: Final = 80
_LONGEST_BRAND: Final = 120
_LONGEST_PRODUCT: Final = 160


@dataclass(frozen=True, slots=True)
class Article:
    """A product of another shop, as it is known here."""

    product_id: int
    sku_id: int
    merchant_id: int


@requires_transaction
def find_or_add(acts: Sequence[Act], *, shop: str, currency: str) -> tuple[dict[str, Article], int]:
    """Return the products of these acts by the shop's own keys, and how many are new.

    A new product gets the name, brand and category of its first line, the last price that these
    lines name, and no stock: a log does not say what lies in the warehouse.
    """
    first: dict[str, Act] = {}
    prices: dict[str, int] = {}
    for act in acts:
        first.setdefault(act.product, act)
        if act.price_minor is not None:
            prices[act.product] = act.price_minor
    codes = {key: code_of(key, shop=shop) for key in first}
    there = _articles(codes.values())
    new = {key: act for key, act in first.items() if codes[key] not in there}
    if new:
        there |= _added(new, codes=codes, prices=prices, shop=shop, currency=currency)
    return {key: there[code] for key, code in codes.items()}, len(new)


def code_of(key: str, *, shop: str) -> str:
    """Return the code of a product's SKU: the shop and the key, shortened where too long."""
    return _fitting(f"{shop}-{key}", _LONGEST_CODE)


def _articles(codes: Iterable[str]) -> dict[str, Article]:
    rows = Sku.objects.filter(code__in=list(codes)).values_list(
        "code", "product_id", "pk", "product__brand__merchant_id"
    )
    return {code: Article(*ids) for code, *ids in rows}


def _added(
    new: Mapping[str, Act],
    *,
    codes: Mapping[str, str],
    prices: Mapping[str, int],
    shop: str,
    currency: str,
) -> dict[str, Article]:
    merchant = Merchant.objects.get_or_create(name=shop)[0]
    brands = _brands({act.brand for act in new.values()}, merchant=merchant)
    shelves = _categories({act.category or UNSORTED for act in new.values()})
    products = Product.objects.bulk_create(
        Product(
            brand_id=brands[act.brand],
            category_id=shelves[act.category or UNSORTED],
            name=_name(act),
            created_at=act.occurred_at,
        )
        for act in new.values()
    )
    skus = Sku.objects.bulk_create(
        Sku(
            product=product,
            code=codes[key],
            price_minor=prices.get(key, 0),
            currency=currency,
            is_active=key in prices,
        )
        for key, product in zip(new, products, strict=True)
    )
    return {sku.code: Article(sku.product_id, sku.pk, merchant.pk) for sku in skus}


def _name(act: Act) -> str:
    if act.product_name:
        return act.product_name[:_LONGEST_PRODUCT]
    kind = _spoken(act.category[-1]) if act.category else "Product"
    return f"{_spoken(act.brand)} {kind} {act.product}".strip()[:_LONGEST_PRODUCT]


def _brands(names: Iterable[str], *, merchant: Merchant) -> dict[str, int]:
    """Return brands by the log's names; one that another merchant sells here is another brand."""
    shown = {name: _fitting(_spoken(name) or UNBRANDED, _LONGEST_BRAND) for name in names}
    others = set(
        Brand.objects.filter(name__in=shown.values())
        .exclude(merchant=merchant)
        .values_list("name", flat=True)
    )
    for name, title in shown.items():
        if title in others or not name:
            shown[name] = _fitting(f"{title} ({merchant.name})", _LONGEST_BRAND)
    Brand.objects.bulk_create(
        [Brand(name=title, merchant=merchant) for title in sorted(set(shown.values()))],
        ignore_conflicts=True,
    )
    ids = dict(Brand.objects.filter(name__in=shown.values()).values_list("name", "pk"))
    return {name: ids[title] for name, title in shown.items()}


def _categories(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Return the shelves by their paths, those above them made first."""
    wanted = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    ids: dict[tuple[str, ...], int] = {}
    for path in sorted(wanted, key=lambda path: (len(path), path)):
        ids[path] = Category.objects.get_or_create(
            slug=_slug(path),
            defaults={
                "name": _spoken(path[-1])[:_LONGEST_CATEGORY],
                "parent_id": ids.get(path[:-1]),
            },
        )[0].pk
    return ids


def _slug(path: tuple[str, ...]) -> str:
    return _fitting("-".join(slugify(part) or _digest(part) for part in path), _LONGEST_SLUG)


def _spoken(word: str) -> str:
    return word.replace("_", " ").strip().title()


def _fitting(text: str, longest: int) -> str:
    """Shorten what is too long so that it stays different from everything else."""
    return text if len(text) <= longest else f"{text[: longest - 13]}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
