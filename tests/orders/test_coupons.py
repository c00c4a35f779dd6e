"""Coupons: what they take off, what they refuse, and when they can be used again."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders import factories
from orders.errors import (
    CouponExpired,
    CouponInactive,
    CouponLimitPerPerson,
    CouponMinimumNotReached,
    CouponNotForThese,
    CouponNotYet,
    CouponUnknown,
    CouponUsedUp,
)
from orders.models import Coupon, CouponUse, Order
from orders.services import cancellation, checkout, coupons, payment
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory, SkuFactory
from redshop.core import outbox
from redshop.core.errors import DomainError
from tests.api import ApiClient
from tests.orders.test_refusals import assert_refuses
from tests.orders.world import ADDRESS, DAY, NOW, levels

pytestmark = pytest.mark.django_db

HOME: Final = factories.ADDRESSES[0]


def coupon(**terms: Any) -> Coupon:
    """Return a coupon that takes 20 % off, once for each person, unless told otherwise."""
    made: Coupon = factories.CouponFactory.create(
        **{"code": "Welcome", "percent_basis_points": 2_000, **terms}
    )
    return made


def buy(buyer: User, code: str = "welcome", *, price_minor: int = 10_000) -> Order:
    sku = SkuFactory.create(price_minor=price_minor)
    return factories.placed(buyer, sku, coupon=code, at=NOW)


def used(found: Coupon) -> tuple[int, int]:
    """Return the counter and the uses that an order holds, as they are now."""
    found.refresh_from_db()
    return found.used, CouponUse.objects.filter(coupon=found, released_at=None).count()


def test_an_order_stores_what_its_coupon_took_off(person: User) -> None:
    found = coupon()

    order = buy(person, "WELCOME")

    use, line = CouponUse.objects.get(), order.lines.get()
    assert (order.coupon, order.discount_minor, order.total_minor) == (found, 2_000, 8_000)
    assert (line.discount_minor, line.total_minor) == (2_000, 8_000)
    assert (use.order, use.person, use.amount_minor, use.ordinal) == (order, person, 2_000, 1)
    assert used(found) == (1, 1)


def test_a_quote_says_what_the_checkout_then_takes(person: User) -> None:
    coupon(percent_basis_points=None, amount_minor=500)
    factories.CartItemFactory.create(person=person, sku=SkuFactory.create(price_minor=1_333))

    quote = checkout.quote(buyer_id=person.pk, address=HOME, coupon="welcome", at=NOW)
    order = factories.check_out(person, coupon="welcome", at=NOW)

    assert (quote.coupon, quote.discount.amount_minor) == ("Welcome", 500)
    assert quote.total == order.total


def test_a_code_exists_once_whatever_its_case() -> None:
    coupon()

    with pytest.raises(IntegrityError), transaction.atomic():
        coupon(code="WELCOME")


TOO_EARLY: Final = {"valid_from": NOW + DAY}
LATE: Final = {"valid_until": NOW}
REFUSED: Final = [
    ({"code": "OTHER"}, CouponUnknown),
    ({"is_active": False}, CouponInactive),
    (TOO_EARLY, CouponNotYet),
    (LATE, CouponExpired),
    ({"most_uses": 0}, CouponUsedUp),
    ({"minimum_minor": 10_001}, CouponMinimumNotReached),
    ({"currency": "JPY"}, CouponNotForThese),
]


@pytest.mark.parametrize(("terms", "refusal"), REFUSED, ids=[r.code for _, r in REFUSED])
def test_what_a_coupon_refuses_changes_nothing(
    terms: dict[str, Any], refusal: type[DomainError], person: User
) -> None:
    coupon(**terms)
    factories.CartItemFactory.create(person=person, sku=SkuFactory.create(price_minor=10_000))
    quote = partial(checkout.quote, buyer_id=person.pk, address=HOME, coupon="welcome", at=NOW)

    assert_refuses(refusal, quote)
    assert_refuses(refusal, lambda: factories.check_out(person, coupon="welcome", at=NOW))


def test_a_brands_coupon_is_for_its_goods_alone(person: User) -> None:
    brand = BrandFactory.create()
    coupon(funded_by="brand", brand=brand)
    factories.CartItemFactory.create(person=person, sku=SkuFactory.create(price_minor=10_000))

    assert_refuses(CouponNotForThese, lambda: factories.check_out(person, coupon="welcome", at=NOW))
    own = SkuFactory.create(product__brand=brand, price_minor=1_000)
    order = factories.placed(person, own, coupon="welcome", at=NOW)

    assert (order.discount_minor, order.total_minor) == (200, 10_800)
    assert list(order.lines.order_by("sku_id").values_list("discount_minor", flat=True)) == [0, 200]


def test_a_person_uses_it_as_often_as_one_may_and_another_person_too(person: User) -> None:
    found = coupon(most_uses_per_person=2)

    for _ in range(2):
        buy(person)
    factories.CartItemFactory.create(person=person)
    assert_refuses(
        CouponLimitPerPerson, lambda: factories.check_out(person, coupon="welcome", at=NOW)
    )
    buy(UserFactory.create())

    assert used(found) == (3, 3)
    assert sorted(CouponUse.objects.values_list("ordinal", flat=True)) == [1, 1, 2]


def test_a_used_up_coupon_serves_nobody_else(person: User) -> None:
    found = coupon(most_uses=1)
    buy(UserFactory.create())
    factories.CartItemFactory.create(person=person)

    assert_refuses(CouponUsedUp, lambda: factories.check_out(person, coupon="welcome", at=NOW))

    assert used(found) == (1, 1)


def cancel(order: Order) -> object:
    return cancellation.cancel_order(order_id=order.pk, at=NOW)


def expire(order: Order) -> object:
    return outbox.drain_all(at=NOW + DAY)


@pytest.mark.parametrize("end", [cancel, expire])
def test_an_order_that_ends_unpaid_gives_its_use_back(
    end: Callable[[Order], object], person: User
) -> None:
    found = coupon(most_uses=1)
    order = buy(person)

    end(order)
    again = buy(person)

    assert used(found) == (1, 1)
    released, held = CouponUse.objects.order_by("released_at")  # the held one is null: last
    assert (released.order, released.ordinal, held.order, held.ordinal) == (order, 1, again, 1)
    assert released.released_at is not None


def test_a_paid_order_that_is_cancelled_has_used_it(person: User) -> None:
    found = coupon()
    order = buy(person)
    payment.pay_order(order_id=order.pk, at=NOW)

    cancel(order)

    assert used(found) == (1, 1)
    assert factories.fresh(order).refunded_minor == 8_000


@pytest.mark.parametrize(
    "change",
    [
        lambda use: use.delete(),
        lambda use: CouponUse.objects.update(amount_minor=1),
        lambda use: CouponUse.objects.update(ordinal=2),
    ],
)
def test_a_use_is_never_rewritten(change: Callable[[CouponUse], object], person: User) -> None:
    coupon()
    buy(person)

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        change(CouponUse.objects.get())


def test_a_use_is_released_once(person: User) -> None:
    coupon()
    cancel(buy(person))

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        CouponUse.objects.update(released_at=None)


def test_a_counter_that_differs_from_its_uses_is_noticed(person: User) -> None:
    found = coupon(most_uses_per_person=None)
    cancel(buy(person))
    buy(person)
    assert list(coupons.compare().differences) == []

    Coupon.objects.filter(pk=found.pk).update(used=3)

    differences = list(coupons.compare().differences)
    assert differences == ["coupon Welcome: used 3 times, but it has 1 uses"]


def test_another_total_uses_no_coupon_and_says_the_new_one(
    person: User, person_api: ApiClient
) -> None:
    found, sku = coupon(), SkuFactory.create(price_minor=10_000)
    factories.CartItemFactory.create(person=person, sku=sku)
    body = {"address": ADDRESS, "coupon": "WELCOME"}

    changed = person_api.post_once("/checkout", {**body, "expected_total_minor": 10_000})

    assert (changed.status_code, changed.json()["code"]) == (409, "price_changed")
    assert changed.json()["total"] == {"amount_minor": 8_000, "currency": "CNY"}
    assert (used(found), levels(sku)) == ((0, 0), (10, 0))
    assert not Order.objects.exists()

    placed = person_api.post_once("/checkout", {**body, "expected_total_minor": 8_000}).json()

    assert (placed["coupon"], placed["discount"]["amount_minor"]) == ("Welcome", 2_000)
    assert placed == person_api.get(f"/orders/{placed['id']}").json()


def test_the_api_says_what_is_missing_to_the_minimum(person: User, person_api: ApiClient) -> None:
    coupon(minimum_minor=10_000)
    factories.CartItemFactory.create(person=person, sku=SkuFactory.create(price_minor=7_500))

    answer = person_api.post("/checkout/quote", {"address": ADDRESS, "coupon": "welcome"})

    assert (answer.status_code, answer.json()["code"]) == (422, "coupon_minimum_not_reached")
    assert answer.json()["missing"] == {"amount_minor": 2_500, "currency": "CNY"}


def test_the_api_says_since_when_a_coupon_counts_or_no_longer_does(
    person: User, person_api: ApiClient
) -> None:
    coupon(code="SOON", valid_from="2999-01-01T00:00Z")
    coupon(code="GONE", valid_until="2026-02-01T00:00Z")
    factories.CartItemFactory.create(person=person)

    soon, gone = (
        person_api.post("/checkout/quote", {"address": ADDRESS, "coupon": code}).json()
        for code in ("SOON", "GONE")
    )

    assert (soon["code"], soon["valid_from"]) == ("coupon_not_yet", "2999-01-01T00:00:00Z")
    assert (gone["code"], gone["valid_until"]) == ("coupon_expired", "2026-02-01T00:00:00Z")


def test_a_coupon_costs_a_checkout_four_statements(person: User) -> None:
    coupon(most_uses_per_person=None)
    buy(person, "")  # this process now knows the partitions

    def statements(code: str) -> int:
        factories.CartItemFactory.create(person=person)
        checkout.quote(buyer_id=person.pk, address=HOME, at=NOW)  # and the rules
        with CaptureQueriesContext(connection) as captured:
            factories.check_out(person, coupon=code, at=NOW)
        return len(captured)

    assert statements("welcome") == statements("") + 4
