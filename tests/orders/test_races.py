"""People who do the same at the same moment: real threads, real transactions."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from pytest_django import Settings

from orders import factories
from orders.errors import WrongState
from orders.models import (
    CartItem,
    Order,
    OrderQuerySet,
    Payment,
    Refund,
    Return,
    ReturnLine,
    Shipment,
)
from orders.services import cancellation, cart, checkout, fulfilment, payment, refunds, returns
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku, SkuQuerySet
from redshop.catalog.services import stock
from redshop.core import outbox
from redshop.core.models import IdempotencyKey
from redshop.events.models import Event
from tests.api import ApiClient
from tests.conftest import token_of
from tests.orders.world import ADDRESS, DAY, NOW, levels, standing
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

AFTER_EXPIRY = NOW + DAY
_numbers = count(1)


@pytest.fixture(autouse=True)
def _patient(settings: Settings) -> None:
    """Let nobody give up: these tests are about who wins, not about how long it takes."""
    settings.LOCK_PATIENCE_MS = 30_000


def new_person() -> User:
    number = next(_numbers)
    user: User = User.objects.create_user(f"buyer{number}", f"buyer{number}@example.com")
    return user


def buyers_of(sku: Sku, *, number: int) -> list[Callable[[], str]]:
    """Return what so many people, each with one unit in the cart, do: check out."""

    def buy(buyer: User) -> str:
        checkout.place_order(buyer_id=buyer.pk, address=factories.ADDRESSES[0], at=NOW)
        return "placed"

    buyers = [new_person() for _ in range(number)]
    for buyer in buyers:
        cart.put_item(person_id=buyer.pk, sku_id=sku.pk, quantity=1, at=NOW)
    return [partial(buy, buyer) for buyer in buyers]


def test_32_buyers_of_5_units_buy_exactly_5() -> None:
    sku = SkuFactory.create(on_hand=5)

    ends = at_once(buyers_of(sku, number=32))

    assert ends == {"placed": 5, "OutOfStock": 27}
    assert Order.objects.count() == 5
    assert levels(sku) == (5, 5)


def test_without_the_lock_the_constraint_stops_the_other_27(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sku = SkuFactory.create(on_hand=5)
    everyone_has_looked = threading.Barrier(32)
    add = stock._add

    def looked_then_add(*args: Any, **kwargs: Any) -> None:
        everyone_has_looked.wait(timeout=30)
        add(*args, **kwargs)

    monkeypatch.setattr(SkuQuerySet, "locked", lambda skus: skus.order_by("pk"))
    monkeypatch.setattr(stock, "_add", looked_then_add)
    ends = at_once(buyers_of(sku, number=32))

    assert ends == {"placed": 5, "IntegrityError": 27}
    assert Order.objects.count() == 5
    assert levels(sku) == (5, 5)


def test_carts_of_the_same_things_in_opposite_orders_do_not_deadlock() -> None:
    first, second = SkuFactory.create(on_hand=40), SkuFactory.create(on_hand=40)

    def buy(*skus: Sku) -> str:
        return factories.paid(new_person(), *skus, at=NOW).state

    there = [lambda: buy(first, second)] * 8
    back = [lambda: buy(second, first)] * 8
    ends = at_once([*there, *back])

    assert ends == {"paid": 16}
    assert (levels(first), levels(second)) == ((40, 16), (40, 16))


def test_of_eight_refunds_of_the_whole_one_is_made(person: User) -> None:
    order = factories.delivered(person, SkuFactory.create(price_minor=1000), at=NOW)

    ends = at_once([lambda: type(factories.refund(order)).__name__] * 8)

    assert ends == {"Refund": 1, "NothingToRefund": 7}
    assert Refund.objects.get().amount_minor == 1000
    assert standing(order) == ("delivered", "refunded", 1000)


def test_without_the_lock_the_constraint_stops_the_other_seven_refunds(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = factories.delivered(person, SkuFactory.create(price_minor=1000), at=NOW)
    everyone_has_looked = threading.Barrier(8)
    write = refunds._write

    def looked_then_write(*args: Any, **kwargs: Any) -> Refund:
        everyone_has_looked.wait(timeout=30)
        return write(*args, **kwargs)

    monkeypatch.setattr(OrderQuerySet, "locked", lambda orders: orders)
    monkeypatch.setattr(refunds, "_write", looked_then_write)
    ends = at_once([lambda: type(factories.refund(order)).__name__] * 8)

    assert ends == {"Refund": 1, "IntegrityError": 7}
    assert Refund.objects.get().amount_minor == 1000


def when(first: Callable[[], Any], second: Callable[[], Any], *, is_first: bool) -> Counter[str]:
    """Run the second while the first, done but not committed, holds the order; or swap them."""
    leader, follower = (first, second) if is_first else (second, first)
    holds, waits = threading.Event(), threading.Event()

    def lead() -> str:
        with transaction.atomic():
            end = leader()
            holds.set()
            waits.wait(timeout=30)
        return f"first {end}"

    def follow() -> str:
        holds.wait(timeout=30)
        threading.Timer(0.2, waits.set).start()  # long enough to reach the lock and wait there
        with transaction.atomic():
            return f"then {follower()}"

    return at_once([lead, follow])


@pytest.mark.parametrize("is_first", [True, False])
def test_a_payment_and_the_expiry_never_both_win(person: User, is_first: bool) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.placed(person, sku, at=NOW)

    ends = when(
        lambda: payment.pay(order_id=order.pk, at=AFTER_EXPIRY).state,
        lambda: cancellation.expire(order_id=order.pk, at=AFTER_EXPIRY),
        is_first=is_first,
    )

    if is_first:
        assert ends == {"first succeeded": 1, "then False": 1}
        assert standing(order) == ("paid", "paid", 0)
        assert levels(sku) == (10, 1)
    else:
        assert ends == {"first True": 1, "WrongState": 1}
        assert standing(order) == ("expired", "none", 0)
        assert levels(sku) == (10, 0)
        assert not Payment.objects.exists()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cancellation_and_a_shipment_never_both_win(person: User, is_first: bool) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.paid(person, sku, at=NOW)

    ends = when(
        lambda: cancellation.cancel(order_id=order.pk, at=NOW).state,
        lambda: len(fulfilment.ship(order_id=order.pk, at=NOW)),
        is_first=is_first,
    )

    if is_first:
        assert ends == {"first cancelled": 1, "WrongState": 1}
        assert standing(order) == ("cancelled", "refunded", 12_900)
        assert levels(sku) == (10, 0)
        assert not Shipment.objects.exists()
    else:
        assert ends == {"first 1": 1, "WrongState": 1}
        assert standing(order) == ("shipped", "paid", 0)
        assert levels(sku) == (9, 0)
        assert not Refund.objects.exists()


def test_a_payment_and_its_timer_going_off_do_not_deadlock(person: User) -> None:
    orders = [factories.placed(person, SkuFactory.create(), at=NOW) for _ in range(6)]

    def pay(order: Order) -> str:
        try:
            return payment.pay_order(order_id=order.pk, at=AFTER_EXPIRY).state
        except WrongState:
            return "too late"

    payments = [partial(pay, order) for order in orders]
    ends = at_once([*payments, lambda: outbox.drain_all(at=AFTER_EXPIRY).failed])

    assert ends["succeeded"] + ends["too late"] == 6
    assert ends["0"] == 1
    states = Counter(order.state for order in Order.objects.all())
    assert states == Counter(paid=ends["succeeded"], expired=ends["too late"])


def test_expiring_orders_and_cancelled_ones_do_not_deadlock(person: User) -> None:
    first, second = SkuFactory.create(on_hand=40), SkuFactory.create(on_hand=40)
    orders = [factories.placed(new_person(), first, second, at=NOW) for _ in range(8)]

    def cancel(order: Order) -> str:
        try:
            return cancellation.cancel_order(order_id=order.pk, at=AFTER_EXPIRY).state
        except WrongState:
            return "expired"

    cancellations = [partial(cancel, order) for order in orders]
    ends = at_once([*cancellations, lambda: outbox.drain_all(at=AFTER_EXPIRY).failed])

    assert ends["cancelled"] + ends["expired"] == 8
    assert ends["0"] == 1
    assert (levels(first), levels(second)) == ((40, 0), (40, 0))


def test_of_two_checkouts_of_one_cart_one_gets_everything(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    cart.put_item(person_id=person.pk, sku_id=sku.pk, quantity=2, at=NOW)

    def buy() -> str:
        return checkout.place_order(
            buyer_id=person.pk, address=factories.ADDRESSES[0], at=NOW
        ).state

    ends = at_once([buy] * 6)

    assert ends == {"placed": 1, "CartEmpty": 5}
    assert levels(sku) == (10, 2)


def test_a_double_tap_puts_into_the_cart_once(person: User) -> None:
    sku = SkuFactory.create()

    at_once([lambda: cart.put_item(person_id=person.pk, sku_id=sku.pk, quantity=1, at=NOW)] * 6)

    assert CartItem.objects.get().quantity == 1
    assert Event.objects.filter(kind="cart_add").count() == 1


def test_a_key_sent_ten_times_at_once_makes_one_order(person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    cart.put_item(person_id=person.pk, sku_id=sku.pk, quantity=1, at=NOW)
    token, key = token_of(person), uuid4()
    answers: list[Any] = []

    def send() -> int:
        answer = ApiClient(token=token).post("/checkout", {"address": ADDRESS}, key=key)
        answers.append(answer)
        return int(answer.status_code)

    ends = at_once([send] * 10)
    replay = ApiClient(token=token).post("/checkout", {"address": ADDRESS}, key=key)

    assert Order.objects.count() == 1
    assert levels(sku) == (10, 1)
    assert set(ends) <= {"201", "409"}
    assert ends["201"] >= 1
    done = [answer for answer in answers if answer.status_code == 201]
    assert {answer.content for answer in done} == {replay.content}
    assert sum(answer.headers.get("Idempotent-Replayed") is None for answer in done) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "in_progress"
            assert answer.headers["Retry-After"] == "1"


def test_who_waits_too_long_for_a_lock_is_told_to_come_back(
    person: User, settings: Settings
) -> None:
    settings.LOCK_PATIENCE_MS = 100
    order = factories.placed(person, SkuFactory.create(), at=NOW)
    token, answers, holds, done = token_of(person), [], threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Order.objects.filter(pk=order.pk).locked())
            holds.set()
            done.wait(timeout=30)

    def pay() -> None:
        holds.wait(timeout=30)
        path = f"/orders/{order.pk}/payments"
        answers.append(ApiClient(token=token).post_once(path, {"method": "sandbox"}))
        done.set()

    at_once([hold, pay])

    (answer,) = answers
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert standing(order) == ("placed", "none", 0)
    assert not IdempotencyKey.objects.exists()


def test_of_eight_returns_of_one_unit_one_is_taken(person: User) -> None:
    order = factories.delivered(person, at=NOW)

    ends = at_once([lambda: type(factories.asked_back(order)).__name__] * 8)

    assert ends == {"Return": 1, "QuantityNotPossible": 7}
    assert order.lines.get().returning_quantity == 1
    assert ReturnLine.objects.get().quantity == 1


def test_without_the_lock_the_constraint_stops_the_other_seven_returns(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = factories.delivered(person, at=NOW)
    everyone_has_looked = threading.Barrier(8)
    look = returns._require_returnable

    def look_then_wait(*args: Any, **kwargs: Any) -> None:
        look(*args, **kwargs)
        everyone_has_looked.wait(timeout=30)

    monkeypatch.setattr(OrderQuerySet, "locked", lambda orders: orders)
    monkeypatch.setattr(returns, "_require_returnable", look_then_wait)
    ends = at_once([lambda: type(factories.asked_back(order)).__name__] * 8)

    assert ends == {"Return": 1, "IntegrityError": 7}
    assert order.lines.get().returning_quantity == 1
    assert Return.objects.count() == 1


def test_of_eight_receipts_of_one_return_one_pays_back(person: User) -> None:
    sku = SkuFactory.create(price_minor=1000, on_hand=10)
    order = factories.delivered(person, sku, at=NOW)
    asked = factories.approved(factories.asked_back(order))

    ends = at_once([lambda: factories.sent_back(asked).state] * 8)

    assert ends == {"refunded": 1, "WrongReturnState": 7}
    assert Refund.objects.get().amount_minor == 1000
    assert levels(sku) == (10, 0)
    assert standing(order) == ("delivered", "refunded", 1000)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_return_and_a_refund_of_the_same_unit_never_both_win(
    person: User, is_first: bool
) -> None:
    order = factories.delivered(person, at=NOW)
    wish: dict[str, Any] = {"quantities": {order.lines.get().pk: 1}, "at": NOW + DAY}

    ends = when(
        lambda: returns.request(order_id=order.pk, buyer_id=person.pk, **wish).state,
        lambda: refunds.refund(order_id=order.pk, at=NOW + DAY).amount_minor,
        is_first=is_first,
    )

    if is_first:
        assert ends == {"first requested": 1, "NothingToRefund": 1}
        assert standing(order) == ("delivered", "paid", 0)
    else:
        assert ends == {"first 12900": 1, "QuantityNotPossible": 1}
        assert not Return.objects.exists()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_return_and_the_completion_do_not_lose_one_another(person: User, is_first: bool) -> None:
    order = factories.delivered(person, at=NOW)
    wish: dict[str, Any] = {"quantities": {order.lines.get().pk: 1}, "at": NOW + 2 * DAY}
    late = NOW + 11 * DAY

    ends = when(
        lambda: returns.request(order_id=order.pk, buyer_id=person.pk, **wish).state,
        lambda: fulfilment.complete_if_due(order_id=order.pk, at=late),
        is_first=is_first,
    )

    if is_first:
        assert ends == {"first requested": 1, "then False": 1}
        assert standing(order) == ("delivered", "paid", 0)
    else:
        assert ends == {"first True": 1, "then requested": 1}
        assert standing(order) == ("completed", "paid", 0)
    assert order.lines.get().returning_quantity == 1
