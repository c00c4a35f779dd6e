"""Fifty people buy the same few things at the same moment, many times over: not one unit is sold
twice, and not one is lost."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.db import connection
from django.db.models import Sum
from pytest_django import Settings

from orders import factories
from orders.models import CartItem, Order, OrderLine
from orders.services import cancellation, checkout, fulfilment, payment
from redshop.accounts.models import User
from redshop.catalog.factories import ProductFactory, SkuFactory
from redshop.catalog.models import Sku, SkuQuerySet
from tests.orders.world import DAY, NOW

pytestmark = pytest.mark.django_db(transaction=True)

BUYERS: Final = 50
SHARE_THAT_MUST_FAIL: Final = 0.95


@pytest.fixture(autouse=True)
def _patient(settings: Settings) -> None:
    """Let nobody give up: this is about who gets what, not about how long it takes."""
    settings.LOCK_PATIENCE_MS = 60_000


class Crowd:
    """People with a thread and a connection each, who act at once, again and again."""

    def __init__(self, pool: ThreadPoolExecutor, size: int) -> None:
        self.pool = pool
        self.barrier = threading.Barrier(size)
        self.people = [
            User.objects.create_user(f"crowd{number}", f"crowd{number}@example.com")
            for number in range(size)
        ]

    def act(self, deed: Callable[[User], Any]) -> Counter[str]:
        """Let everybody do it at the same moment; count how it ended."""
        return Counter(self.pool.map(lambda person: self._one(deed, person), self.people))

    def leave(self) -> None:
        """Close every thread's connection."""
        list(self.pool.map(lambda _: self._go(), self.people))

    def _one(self, deed: Callable[[User], Any], person: User) -> str:
        connection.ensure_connection()
        self.barrier.wait(timeout=60)
        try:
            return str(deed(person))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            return type(error).__name__

    def _go(self) -> None:
        self.barrier.wait(timeout=60)  # so that no thread goes twice while another stays
        connection.close()


@contextmanager
def crowd(size: int = BUYERS) -> Iterator[Crowd]:
    with ThreadPoolExecutor(size) as pool:
        people = Crowd(pool, size)
        try:
            yield people
        finally:
            people.leave()


def fill_carts(people: Sequence[User], skus: Sequence[Sku], *, chance: random.Random) -> None:
    """Give everybody one to three of the things, in an order of their own."""
    CartItem.objects.bulk_create(
        CartItem(person=person, sku=sku, quantity=chance.randint(1, 2), added_at=NOW)
        for person in people
        for sku in chance.sample(skus, k=chance.randint(1, len(skus)))
    )


def buy(person: User) -> str:
    checkout.place_order(buyer_id=person.pk, address=factories.ADDRESSES[0], at=NOW)
    return "placed"


def live_on(skus: Sequence[Sku], *, chance: random.Random) -> None:
    """Ship a third of the orders, cancel a third, leave the others as they are."""
    for order in Order.objects.filter(lines__sku__in=skus).distinct():
        match chance.randrange(3):
            case 0:
                payment.pay_order(order_id=order.pk, at=NOW)
                fulfilment.ship_order(order_id=order.pk, at=NOW + DAY)
            case 1:
                cancellation.cancel_order(order_id=order.pk, at=NOW)


def assert_units_add_up(skus: Sequence[Sku], initial: Sequence[int]) -> None:
    """Initial = on hand and free + sold and shipped + reserved, SKU by SKU."""
    for sku, first in zip(skus, initial, strict=True):
        sku.refresh_from_db()
        lines = OrderLine.objects.filter(sku=sku)
        shipped = lines.aggregate(units=Sum("shipped_quantity"))["units"] or 0
        held = lines.exclude(order__state="cancelled").aggregate(units=Sum("quantity"))["units"]
        assert sku.reserved == (held or 0) - shipped
        assert first == sku.available + shipped + sku.reserved
        assert sku.available >= 0


@pytest.mark.parametrize("runs", [30, pytest.param(300, marks=pytest.mark.soak)])
def test_of_fifty_buyers_none_gets_what_is_not_there_and_no_unit_is_lost(runs: int) -> None:
    chance = random.Random(runs)  # noqa: S311 - a repeatable disorder, not a secret
    product, sold_out = ProductFactory.create(), 0
    with crowd() as people:
        for _ in range(runs):
            initial = [chance.randint(1, 40) for _ in range(3)]
            skus = [SkuFactory.create(product=product, on_hand=units) for units in initial]
            fill_carts(people.people, skus, chance=chance)

            ends = people.act(buy)

            assert set(ends) <= {"placed", "OutOfStock"}
            assert sum(ends.values()) == BUYERS
            placed = Order.objects.filter(lines__sku__in=skus).distinct().count()
            assert placed == ends["placed"]
            sold_out += ends["OutOfStock"] > 0
            assert_units_add_up(skus, initial)
            live_on(skus, chance=chance)
            assert_units_add_up(skus, initial)
            CartItem.objects.all().delete()
    assert sold_out > runs / 2  # the runs were worth something


@pytest.mark.parametrize("runs", [5, pytest.param(40, marks=pytest.mark.soak)])
def test_without_the_lock_the_constraint_has_to_refuse_in_nearly_every_run(
    runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_at(skus: SkuQuerySet) -> SkuQuerySet:
        rows = skus.order_by("pk")
        list(rows)
        time.sleep(0.05)  # long enough for everybody to look before somebody writes
        return rows

    monkeypatch.setattr(SkuQuerySet, "locked", looked_at)
    product, refused = ProductFactory.create(), 0
    with crowd() as people:
        for _ in range(runs):
            sku = SkuFactory.create(product=product, on_hand=5)
            CartItem.objects.bulk_create(
                CartItem(person=person, sku=sku, quantity=1, added_at=NOW)
                for person in people.people
            )

            ends = people.act(buy)

            refused += ends["IntegrityError"] > 0
            assert ends["placed"] == 5
            assert_units_add_up([sku], [5])
            CartItem.objects.all().delete()
    assert refused / runs >= SHARE_THAT_MUST_FAIL


def test_of_64_buyers_with_carts_in_opposite_orders_nobody_meets_a_deadlock() -> None:
    initial = [30, 20, 10]
    skus = [SkuFactory.create(on_hand=units) for units in initial]
    with crowd(64) as people:
        for number, person in enumerate(people.people):
            for sku in skus if number % 2 else reversed(skus):
                CartItem.objects.create(person=person, sku=sku, quantity=1, added_at=NOW)

        ends = people.act(buy)

    assert ends == {"placed": 10, "OutOfStock": 54}
    assert_units_add_up(skus, initial)
