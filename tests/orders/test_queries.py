"""How many queries the orders take: flat for lists, few for the way from cart to paid."""

from collections.abc import Callable
from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders import factories
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from tests.api import ApiClient
from tests.orders.world import ADDRESS
from tests.query_counts import assert_query_count

#: Statements from an empty cart to a paid order: three requests, a token checked at each. Paying
#: takes two transactions, since the company is asked between them (ADR 9).
MOST_STATEMENTS_OF_A_PURCHASE: Final = 19
AROUND: Final = {"BEGIN", "COMMIT", "ROLLBACK"}


def statements_of_a_purchase(api: ApiClient, sku_ids: list[int]) -> list[str]:
    api.put(f"/cart/items/{sku_ids[0]}", {"quantity": 1})  # this process now knows the partitions
    api.post("/checkout/quote", {"address": ADDRESS})  # and the rules for shipping and duty
    api.delete(f"/cart/items/{sku_ids[0]}")
    with CaptureQueriesContext(connection) as captured:
        for sku_id in sku_ids:
            api.put(f"/cart/items/{sku_id}", {"quantity": 1, "note_id": 7})
        order = api.post_once("/checkout", {"address": ADDRESS}).json()
        paid = api.post_once(f"/orders/{order['id']}/payments", {"method": "sandbox"})
    assert paid.json()["state"] == "succeeded"
    return [query["sql"] for query in captured if query["sql"] not in AROUND]


@pytest.mark.django_db(transaction=True)
def test_a_purchase_takes_few_statements(person_api: ApiClient) -> None:
    sku = SkuFactory.create()

    statements = statements_of_a_purchase(person_api, [sku.pk])

    assert len(statements) == MOST_STATEMENTS_OF_A_PURCHASE, "\n".join(statements)


@pytest.mark.django_db(transaction=True)
def test_more_things_in_the_cart_take_no_more_statements_to_buy(person_api: ApiClient) -> None:
    skus = SkuFactory.create_batch(9)
    of_each_put = 4

    statements = statements_of_a_purchase(person_api, [sku.pk for sku in skus])

    most = MOST_STATEMENTS_OF_A_PURCHASE + 8 * of_each_put
    assert len(statements) == most, "\n".join(statements)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/cart", "/orders"])
def test_lists_take_the_same_queries_at_any_size(
    address: str, person: User, person_api: ApiClient
) -> None:
    def prepare(count: int) -> Callable[[], object]:
        for _ in range(count):
            order = factories.shipped(person, *SkuFactory.create_batch(2))
            factories.refund(order, quantities={order.lines.earliest("pk").pk: 1})
            factories.CartItemFactory.create(person=person)
        return lambda: person_api.get(address)

    assert_query_count(f"GET {address}", lambda: prepare(1), lambda: prepare(3))


@pytest.mark.django_db
def test_an_order_takes_the_same_queries_at_any_size(person: User, person_api: ApiClient) -> None:
    def prepare(lines: int) -> Callable[[], object]:
        order = factories.shipped(person, *SkuFactory.create_batch(lines))
        return lambda: person_api.get(f"/orders/{order.pk}")

    assert_query_count("GET /orders/{id}", lambda: prepare(1), lambda: prepare(4))
