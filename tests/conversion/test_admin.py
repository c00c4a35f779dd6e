"""Conversions in the admin: looked at, and attributed again on demand."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from redshop.conversion.factories import (
    AttributionFactory,
    CreditFactory,
    LookbackFactory,
    RollUpFactory,
)
from redshop.conversion.models import Attribution, Credit, Lookback
from redshop.conversion.types import AttributionModel
from redshop.events.factories import UnreadFactory
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(world.person(is_staff=True, is_superuser=True))
    return client


def converted(days: int = 1) -> Any:
    product, buyer = world.product(shelf=world.category("food")), world.person()
    world.event("note_open", NOW - days * DAY, buyer, world.note(product))
    return world.order(buyer, (product, 100)).lines.get()


def address(model: str, page: str = "changelist", **kwargs: Any) -> str:
    return reverse(f"admin:conversion_{model}_{page}", kwargs=kwargs)


def test_credits_and_attributions_are_listed_and_found(client: Client) -> None:
    credit = CreditFactory.create(line=converted())

    listed = client.get(address("credit"), {"q": credit.note.title, "model": "last_touch"})
    attributed = client.get(address("attribution"), {"q": credit.line.order.number})

    assert credit.note.title in listed.content.decode()
    assert credit.line.product.name in attributed.content.decode()


def test_an_attribution_leads_to_its_credits(client: Client) -> None:
    row = AttributionFactory.create(line=converted())

    page = client.get(address("attribution", "change", object_id=row.pk)).content.decode()

    assert f"{address('credit')}?line={row.pk}" in page
    shown = client.get(address("credit"), {"line": row.pk})
    assert shown.context["cl"].result_count == len(AttributionModel)


@pytest.mark.parametrize("model", ["credit", "attribution"])
def test_nothing_is_written_by_hand(model: str, client: Client) -> None:
    AttributionFactory.create(line=converted())

    assert client.get(address(model, "add")).status_code == 403
    pk = Credit.objects.earliest("pk").pk if model == "credit" else Attribution.objects.get().pk
    assert client.post(address(model, "delete", object_id=pk)).status_code == 403


def test_lines_are_attributed_again_with_the_lookbacks_of_today(client: Client) -> None:
    row = AttributionFactory.create(line=converted(days=8))
    assert not row.is_attributed
    LookbackFactory.create(category_slug="food", days=9)
    Lookback.objects.filter(category_slug="food").update(days=9)

    answer = client.post(
        address("attribution"),
        {"action": "attribute_again", "_selected_action": [row.pk]},
        follow=True,
    )

    assert "1 of 1 lines changed." in answer.content.decode()
    row.refresh_from_db()
    assert (row.is_attributed, row.window_days) == (True, 9)


def test_a_lookback_is_added_and_changed_by_hand(client: Client) -> None:
    world.category("garden")

    client.post(address("lookback", "add"), {"category_slug": "garden", "days": 60})

    assert Lookback.objects.get(category_slug="garden").days == 60
    assert "Everything else" in client.get(address("lookback")).content.decode()
    refused = client.post(address("lookback", "add"), {"category_slug": "roof", "days": 0})
    assert refused.status_code == 200
    assert not Lookback.objects.filter(category_slug="roof").exists()


@pytest.mark.parametrize("model", ["credit", "attribution", "lookback"])
def test_lists_take_the_same_queries_at_any_size(model: str, client: Client) -> None:
    def sized(many: int) -> Any:
        for _ in range(many):
            AttributionFactory.create(line=converted(), at=NOW + HOUR)
            LookbackFactory.create()
        return lambda: client.get(address(model))

    assert_query_count(f"admin conversion/{model}", lambda: sized(1), lambda: sized(4))


def test_sums_say_how_far_behind_they_are(client: Client) -> None:
    row = RollUpFactory.create()
    UnreadFactory.create_batch(3)

    listed = client.get(address("rollup")).content.decode()
    page = client.get(address("rollup", "change", object_id=row.pk)).content.decode()

    assert "Funnels" in listed
    assert ">3<" in "".join(listed.split())
    assert "All that was committed by then is in them" in page
