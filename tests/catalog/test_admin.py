"""A developer models a shop in the admin without leaving the page; stock only moves by actions."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F
from django.test import Client

from redshop.accounts.models import User
from redshop.catalog import pictures
from redshop.catalog.factories import (
    BrandFactory,
    CategoryFactory,
    MediaFactory,
    MerchantFactory,
    ProductFactory,
    ProductMediaFactory,
    SkuFactory,
)
from redshop.catalog.forms import SkuForm
from redshop.catalog.models import Brand, Category, Media, Product, Sku
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

MODELS = ["brand", "category", "media", "merchant", "product", "sku"]


@pytest.fixture
def admin() -> Client:
    return entered(User.objects.create_superuser("root", "root@example.com", "pw"))


def entered(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def a_picture() -> SimpleUploadedFile:
    drawn = pictures.draw(seed="shoe", width=60, height=80)
    return SimpleUploadedFile("shoe.jpg", drawn, content_type="image/jpeg")


def a_product(**over: Any) -> dict[str, Any]:
    """What a developer sends: a product, one SKU, one picture uploaded in its row."""
    return {
        "name": "Linen dress",
        "brand": BrandFactory.create().pk,
        "category": CategoryFactory.create().pk,
        "description": "",
        "external_url": "",
        "is_listed": "on",
        "skus-TOTAL_FORMS": "1",
        "skus-INITIAL_FORMS": "0",
        "skus-0-code": "DRESS-S",
        "skus-0-options": '{"size": "S"}',
        "skus-0-price_minor": "12900",
        "skus-0-currency": "CNY",
        "skus-0-on_hand": "7",
        "skus-0-is_active": "on",
        "pictures-TOTAL_FORMS": "1",
        "pictures-INITIAL_FORMS": "0",
        "pictures-0-upload": a_picture(),
        "pictures-0-media": "",
        "pictures-0-position": "0",
        **over,
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_table_can_be_listed_searched_and_added_to(admin: Client, model: str) -> None:
    ProductMediaFactory.create(product=SkuFactory.create().product)

    for path in ("", "?q=a", "add/"):
        assert admin.get(f"/admin/catalog/{model}/{path}").status_code == 200


def fill(model: str) -> None:
    SkuFactory.create(product__category__parent=CategoryFactory.create(slug="top"))
    product = ProductFactory.create(brand__logo=MediaFactory.create())
    ProductMediaFactory.create(product=product)
    CategoryFactory.create(slug=f"{model}-{Category.objects.count()}")


@pytest.mark.parametrize("model", MODELS)
def test_a_longer_table_takes_no_more_queries(admin: Client, model: str) -> None:
    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            for _ in range(rows):
                fill(model)
            return lambda: admin.get(f"/admin/catalog/{model}/")

        return prepare

    assert_query_count(f"admin catalog/{model}", ask(2), ask(6))


def test_a_product_with_variant_and_picture_is_one_page(admin: Client) -> None:
    response = admin.post("/admin/catalog/product/add/", a_product())

    assert response.status_code == 302
    product = Product.objects.as_cards().get()
    sku = product.skus_on_sale[0]
    assert (sku.code, str(sku.price), sku.on_hand) == ("DRESS-S", "129.00 CNY", 7)
    assert product.picture is not None
    assert (product.picture.width, product.picture.owner) == (60, None)
    page = admin.get(f"/admin/catalog/product/{product.pk}/change/").content.decode()
    assert product.picture.sizes["thumb"].url in page
    assert "129.00 CNY" in page


def test_a_bad_picture_is_an_error_of_its_row_and_nothing_is_saved(admin: Client) -> None:
    bad = SimpleUploadedFile("shoe.jpg", b"GIF89a" + bytes(50))

    response = admin.post("/admin/catalog/product/add/", a_product(**{"pictures-0-upload": bad}))

    assert response.status_code == 200
    assert "Pictures are taken as JPEG, PNG or WebP" in response.content.decode()
    assert not Product.objects.exists()
    assert not Media.objects.exists()


def test_a_picture_row_needs_a_picture(admin: Client) -> None:
    empty = {"pictures-0-upload": "", "pictures-0-position": "3"}

    response = admin.post("/admin/catalog/product/add/", a_product(**empty))

    assert "Upload a picture or choose one." in response.content.decode()
    assert not Product.objects.exists()


def test_a_picture_that_is_there_can_be_chosen(admin: Client) -> None:
    media = MediaFactory.create()
    chosen = {"pictures-0-upload": "", "pictures-0-media": str(media.pk)}

    admin.post("/admin/catalog/product/add/", a_product(**chosen))

    assert Product.objects.as_cards().get().picture == media


def test_a_brand_gets_its_logo_and_keeps_it(admin: Client) -> None:
    body = {
        "name": "Uchi",
        "story": "",
        "merchant": MerchantFactory.create().pk,
        "logo": "",
        "members-TOTAL_FORMS": "0",
        "members-INITIAL_FORMS": "0",
    }
    admin.post("/admin/catalog/brand/add/", {**body, "upload": a_picture()})
    brand = Brand.objects.get()
    assert brand.logo is not None

    again = {**body, "logo": brand.logo.pk, "name": "Uchi Home"}
    admin.post(f"/admin/catalog/brand/{brand.pk}/change/", again)

    kept = brand.logo
    brand.refresh_from_db()
    assert (brand.name, brand.logo) == ("Uchi Home", kept)


def test_a_new_logo_takes_the_place_of_the_old(admin: Client) -> None:
    old = MediaFactory.create()
    brand = BrandFactory.create(logo=old)
    body = {
        "name": brand.name,
        "story": "",
        "merchant": brand.merchant.pk,
        "logo": old.pk,
        "members-TOTAL_FORMS": "0",
        "members-INITIAL_FORMS": "0",
    }

    admin.post(f"/admin/catalog/brand/{brand.pk}/change/", {**body, "upload": a_picture()})

    brand.refresh_from_db()
    assert brand.logo != old
    assert brand.logo is not None


def test_a_file_is_uploaded_by_hand_for_a_person(admin: Client) -> None:
    ann = User.objects.create(handle="ann", email="ann@example.com")

    admin.post("/admin/catalog/media/add/", {"upload": a_picture(), "owner": ann.pk})

    media = Media.objects.get()
    assert (media.owner, media.width, sorted(media.renditions)) == (
        ann,
        60,
        ["feed", "full", "thumb"],
    )
    assert admin.get(f"/admin/catalog/media/{media.pk}/change/").status_code == 200


def a_sku(sku: Sku, **over: Any) -> dict[str, Any]:
    return {
        "product": sku.product_id,
        "code": sku.code,
        "options": "{}",
        "price_minor": sku.price_minor,
        "currency": "CNY",
        "on_hand": sku.on_hand,
        "is_active": "on",
        "movements-TOTAL_FORMS": "1",
        "movements-INITIAL_FORMS": "1",
        **over,
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [('["S"]', "Name the options"), ('"S"', "Name the options"), ("{", "Enter a valid JSON")],
)
def test_options_have_names(admin: Client, options: str, complaint: str) -> None:
    sku = SkuFactory.create(options={"size": "M"})

    response = admin.post(f"/admin/catalog/sku/{sku.pk}/change/", a_sku(sku, options=options))

    assert complaint in response.content.decode()
    sku.refresh_from_db()
    assert sku.options == {"size": "M"}


def test_the_database_knows_no_options_without_names_either() -> None:
    with pytest.raises(IntegrityError, match="sku_options_are_named"), transaction.atomic():
        SkuFactory.create(options=["S"])


def test_stock_is_not_typed_over(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=5, options={})

    admin.post(f"/admin/catalog/sku/{sku.pk}/change/", a_sku(sku, on_hand=500, price_minor=77))

    sku.refresh_from_db()
    assert (sku.on_hand, sku.price_minor) == (5, 77)


def test_what_is_sold_while_a_price_is_edited_stays_sold(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = SkuFactory.create(on_hand=5, options={})

    def sold_meanwhile(form: SkuForm) -> None:
        Sku.objects.filter(pk=sku.pk).update(reserved=F("reserved") + 2)
        Product.objects.update(popularity=F("popularity") + 2)

    monkeypatch.setattr(SkuForm, "clean", sold_meanwhile)
    admin.post(f"/admin/catalog/sku/{sku.pk}/change/", a_sku(sku, price_minor=77))
    inline = a_product(
        **{
            "skus-INITIAL_FORMS": "1",
            "skus-0-id": sku.pk,
            "skus-0-code": sku.code,
            "skus-0-options": "{}",
            "skus-0-price_minor": "88",
            "pictures-TOTAL_FORMS": "0",
        }
    )
    response = admin.post(f"/admin/catalog/product/{sku.product_id}/change/", inline)

    assert response.status_code == 302
    sku.refresh_from_db()
    assert (sku.price_minor, sku.on_hand, sku.reserved) == (88, 5, 4)
    assert (sku.product.name, sku.product.popularity) == ("Linen dress", 4)


def test_restocking_adds_what_was_delivered(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=5, reserved=5)
    address = f"/admin/catalog/sku/{sku.pk}/restock/"

    asked = admin.get(address)
    unchanged = Sku.objects.get().on_hand
    done = admin.post(address, {"quantity": "20", "_form_submitted": "True"}, follow=True)

    assert "Units delivered" in asked.content.decode()
    assert unchanged == 5
    assert "20 units added." in done.content.decode()
    assert (Sku.objects.get().on_hand, Sku.objects.get().reserved) == (25, 5)


def test_restocking_a_product_restocks_each_variant_that_is_sold(admin: Client) -> None:
    product = ProductFactory.create()
    SkuFactory.create_batch(2, product=product)
    withdrawn = SkuFactory.create(product=product, is_active=False)
    body = {"quantity": "3", "_form_submitted": "True"}

    response = admin.post(
        f"/admin/catalog/product/{product.pk}/restock/", body, headers={"HX-Request": "true"}
    )

    assert response["HX-Redirect"] == f"/admin/catalog/product/{product.pk}/change/"
    assert sorted(Sku.objects.values_list("on_hand", flat=True)) == [10, 13, 13]
    withdrawn.refresh_from_db()
    assert withdrawn.on_hand == 10


@pytest.mark.parametrize("quantity", ["0", "-4", "many", "", "1000001"])
def test_a_delivery_of_nothing_is_refused(admin: Client, quantity: str) -> None:
    sku = SkuFactory.create(on_hand=5)

    admin.post(
        f"/admin/catalog/sku/{sku.pk}/restock/", {"quantity": quantity, "_form_submitted": "True"}
    )

    sku.refresh_from_db()
    assert sku.on_hand == 5


def test_who_may_not_change_skus_may_not_restock_them() -> None:
    sku = SkuFactory.create(on_hand=5)
    clerk = User.objects.create(handle="clerk", email="clerk@example.com", is_staff=True)

    response = entered(clerk).post(
        f"/admin/catalog/sku/{sku.pk}/restock/", {"quantity": "5", "_form_submitted": "True"}
    )

    assert response.status_code == 403
    sku.refresh_from_db()
    assert sku.on_hand == 5


def test_categories_stand_in_the_order_of_their_tree(admin: Client) -> None:
    beauty = CategoryFactory.create(name="Beauty")
    CategoryFactory.create(name="Zinc", parent=beauty)
    CategoryFactory.create(name="Fashion")

    page = admin.get("/admin/catalog/category/").content.decode()

    places = [page.index(name) for name in (">Beauty<", "└ Zinc<", ">Fashion<")]
    assert places == sorted(places)


def test_a_category_is_not_put_inside_itself(admin: Client) -> None:
    beauty = CategoryFactory.create(name="Beauty")
    lips = CategoryFactory.create(name="Lips", parent=beauty)
    body = {"name": "Beauty", "slug": "beauty", "parent": lips.pk}

    response = admin.post(f"/admin/catalog/category/{beauty.pk}/change/", body)

    assert "A category cannot be inside itself." in response.content.decode()
    beauty.refresh_from_db()
    assert beauty.parent is None


def test_the_database_refuses_a_circle_of_categories_too() -> None:
    beauty = CategoryFactory.create(name="Beauty")
    lips = CategoryFactory.create(name="Lips", parent=beauty)
    tint = CategoryFactory.create(name="Tint", parent=lips)

    with pytest.raises(IntegrityError, match="inside itself"), transaction.atomic():
        Category.objects.filter(pk=beauty.pk).update(parent=tint)

    beauty.refresh_from_db()
    assert beauty.parent is None
