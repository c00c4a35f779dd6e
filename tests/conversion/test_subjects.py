"""Creators, products and brands side by side, to the person and to the cent."""

from typing import Any

import pytest

from orders.factories import LinkOutConversionFactory, LinkOutFactory, LinkOutReportFactory
from orders.sampling import total_count
from redshop.conversion.deeds import Subject
from redshop.conversion.selectors import elsewhere, standings, subjects
from redshop.conversion.selectors.standings import Question
from redshop.conversion.types import AttributionModel, Scope, Slice
from redshop.core.ids import uuid7
from tests.conversion import world
from tests.conversion.test_attribution_statistics import MARCH
from tests.conversion.world import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db


def ask(subject: Subject, **rest: Any) -> standings.Answer:
    defaults: dict[str, Any] = {"period": MARCH, "population": "real", "currency": "CNY"}
    return standings.standings(Question(subject=subject, **{**defaults, **rest}), at=NOW)


@pytest.fixture
def shop() -> dict[str, Any]:
    """Two creators; one note shows two products of a brand, another a third product of another."""
    ours, theirs = world.brand("Ours"), world.brand("Theirs")
    serum, cream = world.product(made_by=ours), world.product(made_by=ours)
    other = world.product(made_by=theirs)
    both, third = world.note(serum, cream), world.note(other)
    buyer, visitor = world.person(), uuid7()
    world.event("impression", NOW - 5 * HOUR, buyer, both)
    world.event("note_open", NOW - 4 * HOUR, buyer, both)
    world.event("save", NOW - 4 * HOUR, buyer, both)
    world.event("product_view", NOW - 3 * HOUR, buyer, both, of=serum)
    world.event("impression", NOW - 3 * HOUR, visitor, both)
    world.event("impression", NOW - 3 * HOUR, visitor, both)
    world.event("cart_add", NOW - 2 * HOUR, buyer, of=other)
    order = world.order(buyer, (serum, 1_000), (other, 300), quantity=2)
    world.refund(order, line=order.lines.get(product=serum), units=1)
    world.attribute(order)
    return {
        "brands": [ours, theirs],
        "products": [serum, cream, other],
        "notes": [both, third],
        "order": order,
    }


def told(row: standings.SubjectStanding) -> tuple[Any, ...]:
    reach, interest = row.reach, row.interest
    return (
        row.key,
        (reach.impressions, reach.people, reach.opens, reach.openers, reach.open_rate.value),
        (row.engagement.saves, row.engagement.people),
        (interest.product_views, interest.cart_adds),
    )


def test_products_stand_for_what_showed_them_and_for_what_was_sold(shop: dict[str, Any]) -> None:
    serum, cream, other = shop["products"]

    rows = ask(Subject.PRODUCT).results

    assert {row.key: told(row) for row in rows} == {
        serum.pk: (serum.pk, (3, 2, 1, 1, 0.5), (1, 1), (1, 0)),
        cream.pk: (cream.pk, (3, 2, 1, 1, 0.5), (1, 1), (0, 0)),
        other.pk: (other.pk, (0, 0, 0, 0, None), (0, 0), (0, 1)),
    }
    sold = {row.key: row.sold for row in rows}
    assert [(s.conversions, s.gross.amount_minor, s.refunded.amount_minor) for s in sold.values()
            if s] == [(1, 2000, 1000), (1, 600, 0), (0, 0, 0)]  # fmt: skip
    credited = {row.key: (row.credited.conversions, row.credited.net.amount_minor) for row in rows}
    assert credited == {serum.pk: (1.0, 1000), cream.pk: (0.0, 0), other.pk: (0.0, 0)}
    assert all(row.commission is None for row in rows)


@pytest.mark.parametrize("subject", Subject)
def test_a_page_of_earners_says_what_the_whole_says(shop: dict[str, Any], subject: Subject) -> None:
    """Deeds of those who earned are looked up by index, those of everybody are counted."""
    third, buyer = shop["notes"][1], world.person()
    world.event("note_open", NOW - 3 * HOUR, buyer, third)
    world.attribute(world.order(buyer, (shop["products"][2], 900)))

    whole = ask(subject).results
    paged = [ask(subject, page=Slice(offset=place, limit=1)) for place in range(len(whole))]

    assert len(whole) >= 2
    assert [row for page in paged for row in page.results] == list(whole)
    assert [page.has_more for page in paged] == [True] * (len(whole) - 1) + [False]


def test_what_shops_elsewhere_sold_is_an_estimate_beside_what_was_credited(
    shop: dict[str, Any],
) -> None:
    """One sale of a sample of a half is about two, and its click says whose it is."""
    note, [serum, *_] = shop["notes"][0], shop["products"]
    click = LinkOutFactory.create(product=serum, note_id=note.pk, clicked_at=NOW - HOUR)
    LinkOutFactory.create(product=serum, note_id=note.pk, clicked_at=NOW - HOUR)
    report = LinkOutReportFactory.create(
        sample_share=0.5, since_at=NOW - DAY, until_at=NOW, received_at=NOW
    )
    LinkOutConversionFactory.create(
        report=report, click=click, amount_minor=700, currency="CNY", converted_at=NOW - HOUR
    )

    rows = {row.key: row.link_outs for row in ask(Subject.PRODUCT).results}
    [creator] = ask(Subject.AUTHOR).results
    asked = subjects.Question(period=MARCH, population="real", currency="CNY")
    of_note = subjects.note(note, question=asked, at=NOW).link_outs

    assert (rows[serum.pk].clicks, rows[serum.pk].sampled) == (2, 1)
    assert rows[serum.pk].sales == total_count(sampled=1, share=0.5)
    gross = rows[serum.pk].gross
    assert (gross.value.amount_minor, gross.low.amount_minor) == (1400, 700)
    assert gross.high.amount_minor == round(1400 + 1.959963984540054 * 700 * 2**0.5)
    assert rows[shop["products"][1].pk] == elsewhere.no_link_outs("CNY")
    assert creator.link_outs == of_note == rows[serum.pk]
    [of_author] = ask(Subject.AUTHOR, scope=Scope(author_id=note.author_id)).results
    assert of_author.link_outs == of_note
    assert creator.credited.gross.amount_minor == 2000


def test_a_report_that_holds_nothing_of_a_note_still_says_how_little_that_may_be(
    shop: dict[str, Any],
) -> None:
    note, [serum, *_] = shop["notes"][0], shop["products"]
    LinkOutFactory.create(product=serum, note_id=note.pk, clicked_at=NOW - HOUR)
    LinkOutReportFactory.create(sample_share=0.1, since_at=NOW - DAY, until_at=NOW, received_at=NOW)

    [creator] = ask(Subject.AUTHOR).results

    assert creator.link_outs.sales == total_count(sampled=0, share=0.1)
    assert creator.link_outs.sales.high > 0


def test_an_event_counts_once_for_a_brand_however_many_of_its_products_it_shows(
    shop: dict[str, Any],
) -> None:
    ours, theirs = shop["brands"]

    rows = {row.key: told(row) for row in ask(Subject.BRAND).results}

    assert rows[ours.pk] == (ours.pk, (3, 2, 1, 1, 0.5), (1, 1), (1, 0))
    assert rows[theirs.pk] == (theirs.pk, (0, 0, 0, 0, None), (0, 0), (0, 1))


def test_creators_stand_for_their_notes(shop: dict[str, Any]) -> None:
    author = shop["notes"][0].author_id

    [row] = ask(Subject.AUTHOR).results

    assert told(row) == (author, (3, 2, 1, 1, 0.5), (1, 1), (1, 0))
    assert (row.credited.gross.amount_minor, row.credited.refunded.amount_minor) == (2000, 1000)
    assert row.sold is None
    assert row.commission is not None
    assert row.commission.amount_minor == 0


def test_who_may_see_what(shop: dict[str, Any]) -> None:
    ours, author = shop["brands"][0], shop["notes"][0].author_id
    stranger = world.person()

    of_brand = ask(Subject.PRODUCT, scope=Scope(brand_ids=(ours.pk,)))
    of_author = ask(Subject.PRODUCT, scope=Scope(author_id=author))
    creators = ask(Subject.AUTHOR, scope=Scope(brand_ids=(ours.pk,)))

    assert {row.key for row in of_brand.results} == {p.pk for p in shop["products"][:2]}
    assert all(row.sold is None for row in of_author.results)
    assert [row.commission for row in creators.results] == [None]
    assert ask(Subject.AUTHOR, scope=Scope(author_id=stranger.pk)).results == ()


def test_a_tag_counts_only_while_it_was_there() -> None:
    product, buyer = world.product(), world.person()
    note = world.note(product, shown_from=NOW - 2 * DAY, shown_until=NOW - DAY)
    for before in (3 * DAY, 2 * DAY, DAY + HOUR, DAY):
        world.event("impression", NOW - before, buyer, note)

    [row] = ask(Subject.PRODUCT).results
    [author] = ask(Subject.AUTHOR).results

    assert row.reach.impressions == 2
    assert author.reach.impressions == 4


def test_pages_and_models(shop: dict[str, Any]) -> None:
    pages = [ask(Subject.PRODUCT, page=Slice(offset, 1)) for offset in range(3)]

    assert [page.has_more for page in pages] == [True, True, False]
    assert len({page.results[0].key for page in pages}) == 3
    for model in AttributionModel:
        assert ask(Subject.PRODUCT, model=model).results[0].credited.conversions == 1.0
