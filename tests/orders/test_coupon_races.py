"""A coupon that many want at the same moment is used as often as it can be, and not once more."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from orders import factories
from orders.errors import CouponUsedUp
from orders.models import Coupon, CouponQuerySet, CouponUse, Order
from orders.services import cancellation, coupons
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku
from tests.orders.test_races import new_person
from tests.orders.world import NOW, levels
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(settings: Settings) -> None:
    """Let nobody give up: these tests are about who wins, not about how long it takes."""
    settings.LOCK_PATIENCE_MS = 60_000


def with_cart(*skus: Sku) -> User:
    """Return a person who means to buy one of each, put into the cart in this order."""
    buyer = new_person()
    for sku in skus:
        factories.CartItemFactory.create(person=buyer, sku=sku)
    return buyer


def buy(buyer: User, coupon: Coupon) -> str:
    factories.check_out(buyer, coupon=coupon.code, at=NOW)
    return "placed"


def used(coupon: Coupon) -> tuple[int, int]:
    """Return the counter and the uses that an order holds, as they are now."""
    coupon.refresh_from_db()
    return coupon.used, CouponUse.objects.filter(coupon=coupon, released_at=None).count()


def test_64_buyers_of_mixed_carts_get_20_coupons_and_50_units_between_them() -> None:
    coupon = factories.CouponFactory.create(most_uses=20)
    skus = SkuFactory.create_batch(3, on_hand=50)

    def buy_anyway(buyer: User) -> str:
        try:
            return f"{buy(buyer, coupon)} with"
        except CouponUsedUp:
            factories.check_out(buyer, at=NOW)
            return "placed without"

    there = [with_cart(*skus) for _ in range(32)]
    back = [with_cart(*reversed(skus)) for _ in range(32)]
    ends = at_once([partial(buy_anyway, buyer) for buyer in (*there, *back)])

    assert ends == {"placed with": 20, "placed without": 30, "OutOfStock": 14}
    assert used(coupon) == (20, 20)
    assert [levels(sku) for sku in skus] == [(50, 50)] * 3
    assert Order.objects.exclude(coupon=None).count() == 20
    assert Order.objects.count() == 50


def buyers_of_their_own(number: int, coupon: Coupon) -> list[Callable[[], str]]:
    """Return what so many people do who share nothing but the coupon."""
    return [partial(buy, with_cart(SkuFactory.create()), coupon) for _ in range(number)]


def test_16_buyers_of_5_coupons_use_exactly_5() -> None:
    coupon = factories.CouponFactory.create(most_uses=5)

    ends = at_once(buyers_of_their_own(16, coupon))

    assert ends == {"placed": 5, "CouponUsedUp": 11}
    assert used(coupon) == (5, 5)


def forget_the_lock(monkeypatch: pytest.MonkeyPatch, *, meeting: int) -> None:
    """Take the coupon's lock away and let everyone look before anyone uses it."""
    everyone_has_looked = threading.Barrier(meeting)
    use = coupons.use

    def looked_then_use(*args: Any, **kwargs: Any) -> CouponUse:
        everyone_has_looked.wait(timeout=30)
        return use(*args, **kwargs)

    monkeypatch.setattr(CouponQuerySet, "locked", lambda found: found.order_by("pk"))
    monkeypatch.setattr(coupons, "use", looked_then_use)


def test_without_the_lock_the_constraint_stops_the_other_11(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coupon = factories.CouponFactory.create(most_uses=5)
    forget_the_lock(monkeypatch, meeting=16)

    ends = at_once(buyers_of_their_own(16, coupon))

    assert ends == {"placed": 5, "IntegrityError": 11}
    assert used(coupon) == (5, 5)
    assert Order.objects.count() == 5


def uses_of_one_person(number: int, coupon: Coupon) -> list[Callable[[], str]]:
    """Return attempts of one person to use the coupon for different orders."""
    buyer = new_person()
    orders = [factories.placed(buyer, at=NOW) for _ in range(number)]

    def attempt(order: Order) -> str:
        with transaction.atomic():
            claimed = coupons.claim(code=coupon.code, person_id=buyer.pk, at=NOW)
            coupons.use(claimed, order, at=NOW)
            return "used"

    return [partial(attempt, order) for order in orders]


def test_of_eight_uses_of_one_person_two_are_let_through() -> None:
    coupon = factories.CouponFactory.create(most_uses_per_person=2)

    ends = at_once(uses_of_one_person(8, coupon))

    assert ends == {"used": 2, "CouponLimitPerPerson": 6}
    assert used(coupon) == (2, 2)


def test_without_the_lock_the_constraint_stops_the_persons_other_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coupon = factories.CouponFactory.create(most_uses_per_person=1)
    works = uses_of_one_person(8, coupon)
    forget_the_lock(monkeypatch, meeting=8)

    ends = at_once(works)

    assert ends == {"used": 1, "IntegrityError": 7}
    assert used(coupon) == (1, 1)


def test_uses_given_back_while_others_want_them_are_counted_exactly() -> None:
    coupon = factories.CouponFactory.create(most_uses=12)
    skus = SkuFactory.create_batch(2, on_hand=100)
    orders = [factories.check_out(with_cart(*skus), coupon=coupon.code, at=NOW) for _ in range(8)]
    buyers = [with_cart(*reversed(skus)) for _ in range(16)]

    def cancel(order: Order) -> str:
        return cancellation.cancel_order(order_id=order.pk, at=NOW).state

    cancellations = [partial(cancel, order) for order in orders]
    ends = at_once([*cancellations, *(partial(buy, buyer, coupon) for buyer in buyers)])

    assert ends["cancelled"] == 8
    assert ends["placed"] + ends["CouponUsedUp"] == 16
    assert 4 <= ends["placed"] <= 12
    assert used(coupon) == (ends["placed"], ends["placed"])
    assert [levels(sku) for sku in skus] == [(100, ends["placed"])] * 2
