"""Texts, pictures and people are made from streams: same seed, same words, same bytes."""

import io

import pytest
from PIL import Image

from redshop.accounts.models import HANDLE
from redshop.simulation import content
from redshop.simulation.assortment import LANGUAGES, assortment
from redshop.simulation.calibration import figure
from redshop.simulation.pictures import PALETTES, draw_face, draw_picture
from redshop.simulation.population import draw_people
from redshop.simulation.streams import stream


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*content.KINDS, "brand"])
def test_a_note_fits_and_leaves_no_slot_open(language: str, kind: str) -> None:
    world = assortment()
    rng = stream(seed=3, purpose="words")

    for number, shelf in enumerate(world.shelves):
        product = world.products[number * 3].name
        subject = content.Subject(language=language, shelf=shelf, product=product, brand="Mori")
        text = content.write_note(kind=kind, subject=subject, rng=rng)
        query = content.write_query(subject=subject, rng=rng)

        assert 3 < len(text.title) <= 100
        assert 20 < len(text.body) <= 5_000
        assert 1 < len(query) <= 200
        assert not set("{}") & set(text.title + text.body + query)


def test_a_paid_note_does_not_claim_to_be_bought() -> None:
    shelf = assortment().shelves[0]
    subject = content.Subject(language="en", shelf=shelf, product="Dew Serum", brand="Lumière Lab")

    own = content.write_note(kind="experience", subject=subject, rng=stream(seed=1, purpose="p"))
    paid = content.write_note(
        kind="experience", subject=subject, rng=stream(seed=1, purpose="p"), closing="paid"
    )

    assert "I paid for it myself" in own.body
    assert "I paid for it myself" not in paid.body
    assert "Paid partnership with Lumière Lab" in paid.body


def test_no_handle_is_given_twice_not_even_by_another_seed() -> None:
    handles = [
        content.write_handle(
            index=index, seed=seed, rng=stream(seed=seed, purpose="handle", person=index)
        )
        for seed in (7, 8, 2**32 - 1)
        for index in range(300)
    ]

    assert len(set(handles)) == len(handles)
    for handle in handles:
        HANDLE(handle)


@pytest.mark.parametrize("top", PALETTES)
def test_pictures_are_small_alike_in_size_and_the_same_each_time(top: str) -> None:
    picture = draw_picture(top=top, number=2)

    assert Image.open(io.BytesIO(picture)).size == (480, 640)
    assert len(picture) < 16_000
    assert picture == draw_picture(top=top, number=2)
    assert picture != draw_picture(top=top, number=3)
    assert len(draw_face(number=2)) < 6_000


def test_the_population_has_the_calibrated_shares() -> None:
    people = draw_people(seed=5, count=20_000, world=assortment())

    for name, shares in {
        "population.female_share": people.is_female,
        "population.sharer_share": people.is_sharer,
        "population.monthly_creator_share": people.is_creator,
        "population.daily_active_share": people.activity,
        "population.tier_1_2_city_share": people.in_large_city,
    }.items():
        assert figure(name).admits(float(shares.mean())), name
    assert people.interests.mean(axis=1) == pytest.approx(1.0)


def test_the_same_seed_draws_the_same_people_however_many_there_are() -> None:
    few = draw_people(seed=5, count=40, world=assortment())
    many = draw_people(seed=5, count=80, world=assortment())
    others = draw_people(seed=6, count=40, world=assortment())

    assert few.is_female.tolist() == many.is_female[:40].tolist()
    assert few.interests.tolist() != others.interests.tolist()


def test_every_brand_and_shelf_has_products_at_prices_within_reason() -> None:
    world = assortment()

    assert {product.brand for product in world.products} == set(range(len(world.brands)))
    assert {product.shelf for product in world.products} == set(range(len(world.shelves)))
    prices = [sku.price_minor for product in world.products for sku in product.skus]
    assert min(prices) >= 1_900
    assert max(prices) < 500_000
    assert len({sku.code for product in world.products for sku in product.skus}) == len(prices)
