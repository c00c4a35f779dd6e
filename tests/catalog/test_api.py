"""The catalogue as mobile clients see it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from redshop.catalog import selectors
from redshop.catalog.factories import (
    BrandFactory,
    CategoryFactory,
    MediaFactory,
    ProductFactory,
    ProductMediaFactory,
    SkuFactory,
)
from redshop.catalog.models import Product, Sku
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def _no_notes() -> Iterator[None]:
    """Forget who counts notes, and remember it afterwards."""
    before = selectors._notes_count
    yield
    selectors._notes_count = before


def get(path: str, **query: Any) -> Any:
    return APIClient().get(path if path.startswith("http") else f"/api/v1{path}", query or None)


def ids(path: str, **query: Any) -> list[int]:
    return [product["id"] for product in get(path, **query).json()["results"]]


def priced(*prices: int, **rest: Any) -> Product:
    """Make a product with a variant at each price."""
    product = ProductFactory.create(**rest)
    for price in prices:
        SkuFactory.create(product=product, price_minor=price)
    return product


def walk(path: str, *, link: str = "next") -> list[list[int]]:
    """Follow the links of a list to its end; return the ids of each page."""
    pages = []
    address: str | None = path
    while address:
        page = get(address).json()
        pages.append([row["id"] for row in page["results"]])
        address = page[link]
    return pages


def test_a_product_shows_what_it_is_and_what_can_be_bought() -> None:
    lips = CategoryFactory.create(slug="lips", name="Lips")
    brand = BrandFactory.create(name="花西子", logo=MediaFactory.create())
    product = ProductFactory.create(name="Velvet", description="Soft.", brand=brand, category=lips)
    dear = SkuFactory.create(product=product, price_minor=9_900, on_hand=3, reserved=1)
    cheap = SkuFactory.create(product=product, price_minor=5_000, options={"shade": "01"})
    SkuFactory.create(product=product, price_minor=1, is_active=False)
    picture = ProductMediaFactory.create(product=product).media

    body = get(f"/products/{product.pk}").json()

    assert body["skus"] == [
        {
            "id": cheap.pk,
            "options": {"shade": "01"},
            "price": {"amount_minor": 5_000, "currency": "CNY"},
            "available": 10,
        },
        {
            "id": dear.pk,
            "options": dear.options,
            "price": {"amount_minor": 9_900, "currency": "CNY"},
            "available": 2,
        },
    ]
    assert body["price"] == {"amount_minor": 5_000, "currency": "CNY"}
    assert (body["id"], body["name"], body["description"]) == (product.pk, "Velvet", "Soft.")
    assert (body["brand"]["id"], body["brand"]["name"]) == (brand.pk, "花西子")
    assert body["brand"]["logo"]["kind"] == "image"
    assert body["category"] == {"id": lips.pk, "slug": "lips", "name": "Lips"}
    assert body["media"][0]["id"] == picture.pk
    assert body["media"][0]["sizes"]["thumb"]["url"].startswith("http://testserver/media/20")
    assert "external_url" not in body


def test_a_picture_is_served_where_its_address_says() -> None:
    address = MediaFactory.create().sizes["thumb"].url

    response = APIClient().get(address)

    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    assert response["Cache-Control"] == "public, max-age=86400"
    assert b"".join(response.streaming_content)[:3] == b"\xff\xd8\xff"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "status"),
    [("nothing.jpg", 404), ("../../manage.py", 400), ("%2e%2e/%2e%2e/manage.py", 400), ("", 404)],
)
def test_nothing_else_is_served(path: str, status: int) -> None:
    assert APIClient().get(f"/media/{path}").status_code == status


def test_a_product_that_is_sold_elsewhere_says_where_and_has_no_price() -> None:
    product = ProductFactory.create(external_url="https://shop.example/1")

    body = get(f"/products/{product.pk}").json()

    assert (body["external_url"], body["price"], body["skus"]) == (
        "https://shop.example/1",
        None,
        [],
    )


@pytest.mark.parametrize("path", ["/products/{product}", "/brands/{brand}"])
def test_what_a_client_has_is_not_sent_again_until_it_changes(path: str) -> None:
    product = priced(100)
    address = "/api/v1" + path.format(product=product.pk, brand=product.brand.pk)
    tag = APIClient().get(address)["ETag"]

    again = APIClient().get(address, headers={"If-None-Match": tag})
    product.brand.name = "Renamed"
    product.brand.save()
    changed = APIClient().get(address, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert changed["ETag"] != tag


def test_stock_that_moved_is_news() -> None:
    sku = SkuFactory.create()
    address = f"/api/v1/products/{sku.product_id}"
    tag = APIClient().get(address)["ETag"]
    Sku.objects.update(reserved=1)

    response = APIClient().get(address, headers={"If-None-Match": tag})

    assert response.json()["skus"][0]["available"] == 9


@pytest.mark.parametrize("pk", ["{hidden}", "999999999", "99999999999999999999999"])
def test_what_is_not_listed_is_not_there(pk: str) -> None:
    hidden = ProductFactory.create(is_listed=False)

    response = get(f"/products/{pk.format(hidden=hidden.pk)}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert ids("/products") == []


@pytest.mark.usefixtures("_no_notes")
def test_the_notes_are_counted_by_who_knows_them() -> None:
    shown, other = priced(100), priced(100)

    def count(product_ids: Collection[int]) -> Mapping[int, int]:
        assert set(product_ids) == {shown.pk, other.pk}
        return {shown.pk: 7}

    selectors.register_notes_count(count)
    results = get("/products").json()["results"]

    assert {row["id"]: row["notes_count"] for row in results} == {shown.pk: 7, other.pk: 0}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "velvet"}, {"tint", "throw"}),
        ({"q": "VELVET tint"}, {"tint"}),
        ({"q": "cardea"}, {"throw"}),
        ({"q": "丝绒"}, {"silk"}),
        ({"q": "  "}, {"tint", "throw", "silk"}),
        ({"price_min": 5_000}, {"throw", "silk"}),
        ({"price_max": 5_000}, {"tint", "throw"}),
        ({"price_min": 4_001, "price_max": 5_000}, {"throw"}),
        ({"in_stock": "true"}, {"tint", "silk"}),
        ({"in_stock": "false"}, {"throw"}),
        ({"category": "beauty"}, {"tint", "silk"}),
        ({"category": "lips"}, {"tint"}),
        ({"category": "{beauty}"}, {"tint", "silk"}),
        ({"brand": "{cardea}"}, {"throw"}),
    ],
)
def test_products_are_narrowed(query: dict[str, Any], found: set[str]) -> None:
    beauty = CategoryFactory.create(slug="beauty")
    lips = CategoryFactory.create(slug="lips", parent=beauty)
    cardea = BrandFactory.create(name="Cardea")
    home = CategoryFactory.create(slug="home")
    tint = priced(9_000, 4_000, name="Velvet lip tint", category=lips)
    throw = priced(5_000, name="Velvet throw", brand=cardea, category=home)
    silk = priced(6_000, name="丝绒粉底", category=beauty)
    throw.skus.update(reserved=10)
    names = {tint.pk: "tint", throw.pk: "throw", silk.pk: "silk"}
    wanted = {
        key: str(value).format(beauty=beauty.pk, cardea=cardea.pk) for key, value in query.items()
    }

    assert {names[pk] for pk in ids("/products", **wanted)} == found


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("brand", "999999", "does_not_exist"),
        ("brand", "abc", "incorrect_type"),
        ("brand", "9" * 40, "does_not_exist"),
        ("category", "nowhere", "does_not_exist"),
        ("category", "9" * 40, "does_not_exist"),
        ("price_min", "-1", "min_value"),
        ("price_max", "1e9", "invalid"),
        ("price_max", "9" * 2_000, "max_string_length"),
        ("in_stock", "perhaps", "invalid"),
        ("ordering", "cheapest", "invalid_choice"),
        ("page_size", "0", "invalid"),
        ("page_size", "101", "invalid"),
        ("page_size", "many", "invalid"),
        ("q", "x" * 101, "max_length"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(name: str, value: str, code: str) -> None:
    response = get("/products", **{name: value})

    errors = [(error["pointer"], error["code"]) for error in response.json()["errors"]]
    assert (response.status_code, errors) == (400, [(f"/{name}", code)])


@pytest.fixture
def crowd() -> list[Product]:
    """Twenty-three products, many of them alike in moment, price and popularity."""
    products = [
        priced(
            *([1_000 + 500 * (n % 4)] if n % 5 else []),
            created_at=NOW + timedelta(hours=n // 6),
            popularity=n % 3,
        )
        for n in range(23)
    ]
    SkuFactory.create(product=products[3], price_minor=1, currency="USD")
    return products


def price_of(product: Product) -> int | None:
    return min(
        product.skus.filter(currency="CNY").values_list("price_minor", flat=True), default=None
    )


ORDERS: dict[str, Callable[[Product], tuple[Any, ...]]] = {
    "newest": lambda p: (-p.created_at.timestamp(), -p.pk),
    "popular": lambda p: (-p.popularity, -p.pk),
    "price": lambda p: (price_of(p) is None, price_of(p), p.pk),
    "-price": lambda p: (price_of(p) is None, -(price_of(p) or 0), -p.pk),
}


@pytest.mark.parametrize("ordering", ORDERS)
def test_pages_have_no_repeats_and_no_gaps(ordering: str, crowd: list[Product]) -> None:
    expected = [product.pk for product in sorted(crowd, key=ORDERS[ordering])]

    pages = walk(f"/products?ordering={ordering}&page_size=4")

    assert [len(page) for page in pages] == [4, 4, 4, 4, 4, 3]
    assert list(chain(*pages)) == expected


@pytest.mark.parametrize("ordering", ORDERS)
def test_pages_are_the_same_on_the_way_back(ordering: str, crowd: list[Product]) -> None:
    there = walk(f"/products?ordering={ordering}&page_size=4")
    address = f"/products?ordering={ordering}&page_size=4"
    for _ in range(len(there) - 1):
        address = get(address).json()["next"]

    back = walk(address, link="previous")

    assert back == there[::-1]


@pytest.mark.usefixtures("crowd")
def test_what_comes_and_goes_meanwhile_shifts_nothing() -> None:
    first = get("/products", page_size=10).json()
    rest = sorted(
        set(Product.objects.values_list("pk", flat=True)) - {row["id"] for row in first["results"]},
        reverse=True,
    )
    priced(100, created_at=NOW + timedelta(days=1))
    Product.objects.filter(pk=first["results"][-1]["id"]).update(is_listed=False)

    assert list(chain(*walk(first["next"]))) == rest


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%",
        "é",
        "bnVsbA",  # null
        "WyItY3JlYXRlZF9hdCIsZmFsc2UsIngiLCIxIl0",  # the moment is "x"
        "WyItY3JlYXRlZF9hdCIsZmFsc2UsIjIwMjYtMDMtMDFUMTI6MDA6MDArMDA6MDAiLCJ4Il0",  # the id is "x"
        "WyJyaXNpbmciLGZhbHNlLCIxIiwiMSJd",  # of the order by price
        "cD1hYmM=",
    ],
)
def test_a_cursor_of_another_list_leads_nowhere(cursor: str) -> None:
    response = get("/products", cursor=cursor)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_brands_are_listed_by_name() -> None:
    for name in ("Uchi", "Alder", "Lucciola"):
        BrandFactory.create(name=name, story=f"The story of {name}.")

    pages = [get("/brands", page_size=2).json()]
    pages.append(get(pages[0]["next"]).json())

    names = [[row["name"] for row in page["results"]] for page in pages]
    assert names == [["Alder", "Lucciola"], ["Uchi"]]


def test_a_brand_tells_its_story() -> None:
    brand = BrandFactory.create(name="Uchi", story="From Kyoto.")

    body = get(f"/brands/{brand.pk}").json()

    assert body == {"id": brand.pk, "name": "Uchi", "logo": None, "story": "From Kyoto."}
    assert get("/brands/0").status_code == 404


def test_categories_are_a_tree() -> None:
    beauty = CategoryFactory.create(name="Beauty")
    lips = CategoryFactory.create(name="Lips", parent=beauty)
    CategoryFactory.create(name="Art")

    body = get("/categories").json()

    assert [(row["slug"], len(row["children"])) for row in body["results"]] == [
        ("art", 0),
        ("beauty", 1),
    ]
    assert body["results"][1]["children"] == [
        {"id": lips.pk, "slug": "lips", "name": "Lips", "children": []}
    ]
    assert (body["next"], body["previous"]) == (None, None)


def ask(path: str, *, rows: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        for _ in range(rows):
            product = priced(100, 200)
            product.brand.logo = MediaFactory.create()
            product.brand.save()
            ProductMediaFactory.create(product=product)
            ProductMediaFactory.create(product=product)
        return lambda: get(path).json()

    return prepare


@pytest.mark.parametrize(
    "path",
    [
        "/products",
        "/products?ordering=price&q=e&in_stock=true&category=beauty&brand={brand}",
        "/brands",
        "/categories",
    ],
)
def test_a_longer_list_takes_no_more_queries(path: str) -> None:
    brand = BrandFactory.create()
    CategoryFactory.create(slug="beauty")
    path = path.format(brand=brand.pk)
    name = f"GET {path.replace(f'brand={brand.pk}', 'brand=')}"

    assert_query_count(name, ask(path, rows=1), ask(path, rows=7))


@override_settings(PLATFORM_CURRENCY="EUR")
def test_prices_in_other_currencies_do_not_compare() -> None:
    product = priced(100)
    SkuFactory.create(product=product, price_minor=900, currency="EUR")

    body = get("/products", price_max=500).json()

    assert body["results"] == []
    assert get(f"/products/{product.pk}").json()["price"] == {
        "amount_minor": 900,
        "currency": "EUR",
    }
