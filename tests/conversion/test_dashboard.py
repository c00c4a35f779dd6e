"""The admin's home page: the day's numbers, for those who may read them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis import RedisError

from redshop.accounts.models import User
from redshop.conversion.dashboard import plain
from redshop.core.money import Money
from tests.conversion import world
from tests.conversion.world import DAY, HOUR
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Forget the funnel that another test looked at."""
    cache.clear()


@pytest.fixture
def administrator() -> User:
    return world.person(is_staff=True, is_superuser=True)


def open_home(user: User, query: str = "") -> Any:
    client = Client()
    client.force_login(user)
    response = client.get(f"/admin/{query}")
    assert response.status_code == 200
    return response


def cards(response: Any) -> dict[str, str]:
    return {card.title: card.value for card in response.context["cards"]}


def live(population: str, *, days_ago: int = 0, price: int = 12_900) -> None:
    """Let one person of the population see, open, buy, and give half of it back."""
    at = timezone.now() - days_ago * DAY
    product, buyer = world.product(), world.person(population=population)
    note = world.note(product, population=population)
    for n, kind in enumerate(["impression", "note_open"]):
        world.event(kind, at - timedelta(seconds=9 - n), buyer, note)
    order = world.order(buyer, (product, price), quantity=2, at=at, led_by=note)
    world.refund(order, units=1, at=at)
    world.attribute(order, at=at)


def test_the_day_in_numbers(administrator: User) -> None:
    live("real")
    live("simulated")

    response = open_home(administrator)

    assert cards(response) == {
        "People active": "1",
        "New notes": "0",
        "Orders paid": "1",
        "Paid": "258.00",
        "Refunded": "129.00",
        "Net": "129.00",
        "Facts waiting": "2",  # orders have yet to hear whom each sale is credited to
        "Facts set aside": "0",
    }
    assert [(bar.name, bar.people) for bar in response.context["bars"]] == [
        ("Impressions", 1),
        ("Opens", 1),
        ("Product views", 0),
        ("Carts", 0),
        ("Checkouts", 0),
        ("Paid", 1),
        ("Paid and kept", 1),
    ]
    [note] = response.context["overview"].notes
    assert (note.conversions, note.net) == (1.0, Money(12_900, "CNY"))
    assert "Simulated people" not in response.content.decode()


def test_simulated_people_are_called_simulated(administrator: User) -> None:
    live("simulated")

    for query in ("", "?population=simulated"):
        assert "Simulated people" in open_home(administrator, query).content.decode()
    assert cards(open_home(administrator, "?population=real"))["Orders paid"] == "0"


def test_the_page_opens_on_the_last_day_on_which_anything_happened(administrator: User) -> None:
    live("real", days_ago=40)

    response = open_home(administrator)

    day = (timezone.now() - 40 * DAY).astimezone(world.SHANGHAI).date()
    assert response.context["overview"].day == day
    assert cards(response)["Paid"] == "258.00"
    later = open_home(administrator, f"?day={day + DAY}")
    assert cards(later)["Paid"] == "0.00"


@pytest.mark.parametrize("query", ["?day=yesterday", "?day=0001-01-01", "?population=martian"])
def test_odd_parameters_are_ignored(query: str, administrator: User) -> None:
    assert cards(open_home(administrator, query))["Orders paid"] == "0"


def test_the_currency_is_the_one_most_was_sold_in(administrator: User) -> None:
    live("real")
    for _ in range(2):
        buyer, product = world.person(), world.product()
        world.order(buyer, (product, 500), at=timezone.now() - HOUR, currency="USD")

    shown = open_home(administrator).context["overview"]

    assert (shown.currency, shown.other_currencies) == ("USD", ("CNY",))


def test_being_staff_alone_shows_no_numbers() -> None:
    live("real")

    response = open_home(world.person(is_staff=True))

    assert "overview" not in response.context
    assert "258.00" not in response.content.decode()


def test_an_analyst_of_the_staff_sees_them() -> None:
    live("real")

    response = open_home(world.person(is_staff=True, is_analyst=True))

    assert cards(response)["Paid"] == "258.00"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(129_900, "CNY"), "1,299.00"),
        (Money(129_900_000, "CNY"), "1,299,000"),
        (Money(129_900_000, "JPY"), "129,900,000"),
        (Money(-5, "KWD"), "-0.005"),
    ],
)
def test_long_amounts_lose_their_fraction(amount: Money, shown: str) -> None:
    assert plain(amount) == shown


def test_without_a_cache_the_page_is_there_all_the_same(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RedisError

    live("real")
    monkeypatch.setattr(cache, "get", refuse)
    monkeypatch.setattr(cache, "set", refuse)

    assert open_home(administrator).context["bars"][0].people == 1


def test_the_funnel_is_kept_for_a_minute(administrator: User) -> None:
    live("real")
    open_home(administrator)
    live("real")

    response = open_home(administrator)

    assert response.context["bars"][0].people == 1
    assert cards(response)["Orders paid"] == "2"


def test_the_page_takes_the_same_queries_at_any_size(administrator: User) -> None:
    def sized(people: int) -> Any:
        for _ in range(people):
            live("real")
        client = Client()
        client.force_login(administrator)
        cache.clear()
        return lambda: client.get("/admin/")

    assert_query_count("admin home", lambda: sized(1), lambda: sized(5))
