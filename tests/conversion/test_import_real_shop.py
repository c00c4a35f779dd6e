"""A real shop's log, imported: its funnel is the one that its rows have."""

import csv
import gzip
from typing import Any

import duckdb
import pytest

from orders.models import Order
from redshop.accounts.models import User
from redshop.conversion.models import Attribution
from tests.api import ApiClient
from tests.conftest import token_of
from tests.conversion import world
from tests.conversion.import_history import run
from tests.real_data import real

pytestmark = [pytest.mark.django_db, pytest.mark.realdata]


def funnel(**query: str) -> dict[str, Any]:
    analyst = ApiClient(token=token_of(world.person(is_analyst=True)))
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    response = analyst.get(f"/stats/funnel?{asked}")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_a_real_shop_shows_its_funnel() -> None:
    path = real("rees46_sample.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = {tuple(row.values()): row for row in csv.DictReader(file)}.values()
    sold = sum(round(float(row["price"]) * 100) for row in rows if row["event_type"] == "purchase")

    first, second = run(path), run(path, restart=True)

    answer = funnel(
        **{"from": "2019-10-01", "to": "2019-10-02"},
        unit="events",
        steps="product_view,cart_add,order_paid",
        currency="USD",
        population="real",
    )
    (shown,) = answer["results"]
    assert "5,019 lines: 5,016 new events, 3 known, 0 left out, 0 set aside" in first
    assert "5,019 lines: 0 new events, 5,019 known, 0 left out, 0 set aside" in second
    assert [(step["step"], step["people"]) for step in shown["steps"]] == [
        ("product_view", 4_912),
        ("cart_add", 50),
        ("order_paid", 54),
    ]
    net = shown["net_paid"]
    assert (net["people"], net["amount_minor"], net["currency"]) == (54, sold, "USD")
    assert User.objects.filter(handle__startswith="rees46_").count() == 1_755
    assert Order.objects.count() == Attribution.objects.filter(is_attributed=False).count() == 54


def test_the_funnel_of_a_real_shop_is_what_another_engine_says() -> None:
    """People by product: who viewed it, then put it into the cart, or bought it with or without."""
    path = real("rees46_sample.csv.gz")
    run(path)
    with duckdb.connect() as database:
        expected = database.execute(
            """
            WITH acts AS (
                SELECT DISTINCT user_id, product_id, event_type, event_time FROM read_csv(?)
            ),
            pairs AS (
                SELECT v.user_id, v.product_id, min(v.event_time) AS first_view,
                       max(c.event_time) AS last_cart, max(p.event_time) AS last_purchase
                FROM acts v
                LEFT JOIN acts c ON c.user_id = v.user_id AND c.product_id = v.product_id
                                AND c.event_type = 'cart'
                LEFT JOIN acts p ON p.user_id = v.user_id AND p.product_id = v.product_id
                                AND p.event_type = 'purchase'
                WHERE v.event_type = 'view' GROUP BY 1, 2
            )
            SELECT count(DISTINCT user_id),
                   count(DISTINCT user_id) FILTER (WHERE last_cart >= first_view),
                   count(DISTINCT user_id) FILTER (WHERE last_purchase >= first_view)
            FROM pairs
            """,
            [str(path)],
        ).fetchone()

    (shown,) = funnel(
        **{"from": "2019-10-01", "to": "2019-10-02"},
        steps="product_view,cart_add,order_paid",
        optional="cart_add",
        currency="USD",
        population="real",
    )["results"]

    assert tuple(step["people"] for step in shown["steps"]) == expected
