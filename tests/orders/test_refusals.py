"""What orders refuse, and that a refusal changes nothing."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest

from orders import factories
from orders.errors import (
    AlreadyPaid,
    CartEmpty,
    CartFull,
    LineUnknown,
    MixedCurrencies,
    NothingToDeliver,
    NothingToRefund,
    NothingToShip,
    PaymentMethodUnavailable,
    PriceChanged,
    QuantityNotPossible,
    WrongState,
)
from orders.models import CartItem, Coupon, CouponUse, Order, Payment, Refund, Shipment, Transition
from orders.services import cancellation, cart, checkout, fulfilment, payment, refunds
from redshop.accounts.models import User
from redshop.catalog.errors import OutOfStock
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku
from redshop.core.errors import DomainError, NotFound
from redshop.core.models import Fact
from redshop.events.models import Event
from tests.orders.world import NOW, levels

pytestmark = pytest.mark.django_db

DO: Final[Mapping[str, Callable[[Order], object]]] = {
    "pay": lambda order: payment.pay_order(order_id=order.pk, at=NOW),
    "ship": lambda order: fulfilment.ship_order(order_id=order.pk, at=NOW),
    "deliver": lambda order: fulfilment.deliver_order(order_id=order.pk, at=NOW),
    "complete": lambda order: fulfilment.complete_order(order_id=order.pk, at=NOW),
    "cancel": lambda order: cancellation.cancel_order(order_id=order.pk, at=NOW),
    "refund": lambda order: refunds.refund_order(order_id=order.pk, at=NOW),
}


CHANGED: Final = (
    CartItem,
    Coupon,
    CouponUse,
    Order,
    Payment,
    Refund,
    Shipment,
    Transition,
)


def everything() -> list[Any]:
    """Return what a refused act could have changed."""
    kept: list[Any] = [list(model.objects.order_by("pk").values()) for model in (*CHANGED, Sku)]
    return [*kept, Event.objects.count(), Fact.objects.count()]


def assert_refuses(refusal: type[DomainError], act: Callable[[], object]) -> DomainError:
    before = everything()
    with pytest.raises(refusal) as raised:
        act()
    assert raised.type is refusal
    assert everything() == before
    return raised.value


@pytest.mark.parametrize(
    ("make", "act", "refusal"),
    [
        (factories.placed, "ship", WrongState),
        (factories.placed, "deliver", NothingToDeliver),
        (factories.placed, "complete", WrongState),
        (factories.placed, "refund", NothingToRefund),
        (factories.paid, "pay", AlreadyPaid),
        (factories.paid, "deliver", NothingToDeliver),
        (factories.paid, "complete", WrongState),
        (factories.shipped, "pay", AlreadyPaid),
        (factories.shipped, "ship", WrongState),
        (factories.shipped, "cancel", WrongState),
        (factories.shipped, "complete", WrongState),
        (factories.delivered, "deliver", NothingToDeliver),
        (factories.delivered, "cancel", WrongState),
        (factories.completed, "complete", WrongState),
        (factories.completed, "cancel", WrongState),
        (factories.cancelled, "pay", WrongState),
        (factories.cancelled, "ship", WrongState),
        (factories.cancelled, "cancel", WrongState),
        (factories.cancelled, "refund", NothingToRefund),
    ],
)
def test_what_the_state_forbids_is_refused(
    make: Callable[..., Order], act: str, refusal: type[DomainError], person: User
) -> None:
    order = make(person, at=NOW)

    assert_refuses(refusal, lambda: DO[act](order))


@pytest.mark.parametrize("act", sorted(DO))
def test_an_order_that_is_not_there_is_not_found(act: str) -> None:
    assert_refuses(NotFound, lambda: DO[act](Order(pk=uuid4())))


def test_anothers_order_is_not_found(person: User) -> None:
    order = factories.placed(person, at=NOW)
    stranger = person.pk + 1

    for act in (payment.pay_order, cancellation.cancel_order):
        assert_refuses(NotFound, partial(act, order_id=order.pk, buyer_id=stranger, at=NOW))


def test_an_empty_cart_makes_no_order(person: User) -> None:
    assert_refuses(CartEmpty, lambda: factories.check_out(person, at=NOW))
    assert_refuses(
        CartEmpty,
        lambda: checkout.quote(buyer_id=person.pk, address=factories.ADDRESSES[0], at=NOW),
    )


def test_what_is_not_there_is_not_sold_and_the_cart_stays(person: User) -> None:
    plenty, scarce = SkuFactory.create(on_hand=9), SkuFactory.create(on_hand=1)
    factories.CartItemFactory.create(person=person, sku=plenty)
    factories.CartItemFactory.create(person=person, sku=scarce, quantity=2)

    refused = assert_refuses(OutOfStock, lambda: factories.check_out(person, at=NOW))

    assert refused.extra == {"sku_ids": [scarce.pk]}
    assert (levels(plenty), levels(scarce)) == ((9, 0), (1, 0))


def test_a_price_that_changed_is_told_with_the_new_total(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000)
    factories.CartItemFactory.create(person=person, sku=sku, quantity=2)
    Sku.objects.filter(pk=sku.pk).update(price_minor=1_100)

    refused = assert_refuses(
        PriceChanged,
        lambda: checkout.place_order(
            buyer_id=person.pk,
            address=factories.ADDRESSES[0],
            expected_total_minor=2_000,
            at=NOW,
        ),
    )

    assert refused.extra == {"total": {"amount_minor": 2_200, "currency": "CNY"}}


def test_currencies_are_never_mixed(person: User) -> None:
    yuan, yen = SkuFactory.create(), SkuFactory.create(currency="JPY")
    factories.CartItemFactory.create(person=person, sku=yuan)

    assert_refuses(
        MixedCurrencies,
        lambda: cart.put_item(person_id=person.pk, sku_id=yen.pk, quantity=1, at=NOW),
    )
    factories.CartItemFactory.create(person=person, sku=yen)
    assert_refuses(MixedCurrencies, lambda: factories.check_out(person, at=NOW))
    assert_refuses(
        MixedCurrencies,
        lambda: checkout.quote(buyer_id=person.pk, address=factories.ADDRESSES[0], at=NOW),
    )


@pytest.mark.parametrize("change", [{"is_active": False}, {"product__is_listed": False}], ids=str)
def test_what_is_not_on_sale_cannot_be_put_into_the_cart(
    change: dict[str, bool], person: User
) -> None:
    sku = SkuFactory.create(**change)

    assert_refuses(
        NotFound, lambda: cart.put_item(person_id=person.pk, sku_id=sku.pk, quantity=1, at=NOW)
    )


def test_a_cart_has_room_for_so_many_things(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cart, "MOST_ITEMS", 2)
    inside = [factories.CartItemFactory.create(person=person) for _ in range(2)]
    another = SkuFactory.create()

    assert_refuses(
        CartFull,
        lambda: cart.put_item(person_id=person.pk, sku_id=another.pk, quantity=1, at=NOW),
    )
    cart.put_item(person_id=person.pk, sku_id=inside[0].sku_id, quantity=5, at=NOW)

    assert CartItem.objects.get(pk=inside[0].pk).quantity == 5


def test_a_company_that_the_shop_does_not_work_with_is_refused(person: User) -> None:
    order = factories.placed(person, at=NOW)

    assert_refuses(
        PaymentMethodUnavailable,
        lambda: payment.pay_order(order_id=order.pk, method="stripe", at=NOW),
    )


@pytest.mark.parametrize("units", [0, -1, 3])
def test_no_more_units_are_shipped_or_refunded_than_there_are(units: int, person: User) -> None:
    order = factories.paid(person, quantity=2, at=NOW)
    wanted = {order.lines.get().pk: units}

    for act in (fulfilment.ship_order, refunds.refund_order):
        refused = assert_refuses(
            QuantityNotPossible,
            partial(act, order_id=order.pk, quantities=wanted, at=NOW),
        )
        assert refused.extra == {"line_id": order.lines.get().pk, "left": 2}


def test_a_line_of_another_order_is_refused(person: User) -> None:
    order, other = factories.paid(person, at=NOW), factories.paid(person, at=NOW)
    wanted = {other.lines.get().pk: 1}

    for act in (fulfilment.ship_order, refunds.refund_order):
        assert_refuses(LineUnknown, partial(act, order_id=order.pk, quantities=wanted, at=NOW))


def test_a_part_that_was_shipped_is_not_shipped_again(person: User) -> None:
    order = factories.paid(person, SkuFactory.create(), SkuFactory.create(), at=NOW)
    first = order.parts.earliest("pk")
    fulfilment.ship_order(order_id=order.pk, part_id=first.pk, at=NOW)

    assert_refuses(
        NothingToShip,
        lambda: fulfilment.ship_order(order_id=order.pk, part_id=first.pk, at=NOW),
    )
    assert_refuses(WrongState, lambda: cancellation.cancel_order(order_id=order.pk, at=NOW))


def test_all_the_money_is_given_back_once(person: User) -> None:
    order = factories.delivered(person, at=NOW)
    factories.refund(order)

    assert_refuses(NothingToRefund, lambda: factories.refund(order))
