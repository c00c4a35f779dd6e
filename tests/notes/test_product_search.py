"""Products are found by their words, as these are now, and what shows them is, too."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from notes.discovery.search.notes import search_notes
from notes.discovery.search.products import search_products
from notes.discovery.types import Viewer
from notes.factories import NoteFactory, SynonymFactory
from notes.models import IndexedText
from notes.services import folding, indexing
from notes.services.reconciliation import compare_index
from redshop.accounts.models import User
from redshop.catalog.factories import ProductFactory, SkuFactory
from redshop.catalog.models import Product, ProductChange
from tests.api import ApiClient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGO = NOW - timedelta(hours=2)


def found(query: str) -> list[int]:
    return search_notes(query=query, viewer=Viewer(), at=NOW).note_ids


def test_products_are_found_best_match_first(api: ApiClient) -> None:
    named = SkuFactory.create(
        product__name="Caffettiera da tre tazze", product__description="Alluminio"
    ).product
    described = ProductFactory.create(name="Tazza", description="Per la caffettiera di casa")
    ProductFactory.create(name="Linen dress", description="")
    indexing.index_changed_products()

    answer = api.get("/search/products?q=CAFFETTIERÀ").json()

    assert [row["id"] for row in answer["results"]] == [named.pk, described.pk]
    assert answer["results"][0]["price"] == {"amount_minor": 12_900, "currency": "CNY"}


def test_products_are_found_by_brand_by_shelf_and_by_what_was_meant(api: ApiClient) -> None:
    named = ProductFactory.create(
        name="Velvet lip tint", brand__name="花西子", category__name="Make-up", description=""
    )
    ProductFactory.create(name="Linen dress", description="")
    SynonymFactory.create(words=["tint", "rossetto"])
    folding.fold_all(at=timezone.now())

    queries = ("花西子", "make-up", "rossetto", "tynt velvet", "velv")
    answers = [api.get(f"/search/products?q={query}").json() for query in queries]

    assert [[row["id"] for row in answer["results"]] for answer in answers] == [[named.pk]] * 5
    assert [answer.get("corrected_query") for answer in answers] == [
        None, None, None, "tint velvet", None
    ]  # fmt: skip


def test_best_sellers_come_first_among_equals_and_unlisted_products_never(api: ApiClient) -> None:
    products = [
        ProductFactory.create(
            name="Linen shirt",
            brand__name="Lino",
            category__name="Shirts",
            description="",
            popularity=sold,
            is_listed=is_listed,
        )
        for sold, is_listed in ((1, True), (9, True), (99, False))
    ]
    indexing.index_changed_products()

    found = api.get("/search/products?q=linen").json()["results"]

    assert [row["id"] for row in found] == [products[1].pk, products[0].pk]


def sold(query: str) -> list[int]:
    return [product.pk for product in search_products(query=query, limit=10).products]


def test_a_renamed_product_and_the_notes_that_show_it_are_found_by_the_new_name(
    author: User,
) -> None:
    product = ProductFactory.create(name="Teapot", brand__name="Uchi", description="")
    note = NoteFactory.create(
        author=author, title="x", body="y", topics=[], products=[product], published_at=AGO
    )
    folding.fold_all(at=NOW)
    assert (sold("teapot"), found("teapot"), sold("kettle")) == ([product.pk], [note.pk], [])

    Product.objects.filter(pk=product.pk).update(name="Kettle")
    product.brand.name = "Officina"
    product.brand.save()
    assert list(compare_index().differences) == []  # what waits is no difference
    folding.fold_all(at=NOW)

    assert (sold("teapot"), found("teapot")) == ([], [])
    assert (sold("kettle officina"), found("kettle officina")) == ([product.pk], [note.pk])
    assert not ProductChange.objects.exists()


def test_notes_are_left_alone_where_a_product_is_but_described_or_shelved_anew(
    author: User,
) -> None:
    product = ProductFactory.create(name="Teapot", description="")
    note = NoteFactory.create(author=author, products=[product], published_at=AGO)
    folding.fold_all(at=NOW)
    before = IndexedText.objects.get(kind="note", subject_id=note.pk).pk

    Product.objects.filter(pk=product.pk).update(description="Cast iron")
    product.category.name = "Kitchenware"
    product.category.save()
    folding.fold_all(at=NOW)

    assert (sold("iron"), sold("kitchenware")) == ([product.pk], [product.pk])
    assert IndexedText.objects.get(kind="note", subject_id=note.pk).pk == before


def test_a_change_that_comes_while_one_is_dealt_with_waits_for_the_next_time() -> None:
    product = ProductFactory.create(name="Teapot")
    seen = ProductChange.objects.get()

    Product.objects.filter(pk=product.pk).update(name="Kettle")
    ProductChange.objects.filter(pk=seen.pk).delete()

    assert ProductChange.objects.get().is_renamed


def test_what_is_sold_alike_but_changes_no_word_is_not_indexed_again() -> None:
    product = ProductFactory.create(name="Teapot")
    ProductChange.objects.all().delete()

    product.popularity = 7
    product.save()

    assert not ProductChange.objects.exists()


def test_products_are_made_anew_with_the_index() -> None:
    product = ProductFactory.create(name="Teapot")
    folding.fold_all(at=NOW)
    IndexedText.objects.filter(kind="product").delete()
    assert sold("teapot") == []

    call_command("reindex", "--rebuild")

    assert sold("teapot") == [product.pk]
    assert list(compare_index().differences) == []
