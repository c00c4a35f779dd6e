"""Units that come back: who may send them, and what becomes of them and their money."""

from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from pytest_django import Settings

from orders import factories
from orders.errors import (
    LineUnknown,
    NothingDelivered,
    NothingToRefund,
    NothingToReturn,
    QuantityNotPossible,
    ReturnWindowClosed,
    WrongReturnState,
)
from orders.models import Order, OrderLine, Refund, Return, ReturnLine, ReturnStep
from orders.services import fulfilment, returns
from redshop.accounts.models import Notification, User
from redshop.catalog.factories import SkuFactory
from redshop.core import outbox
from redshop.core.errors import DomainError, NotFound
from tests.orders.world import ARRIVED, DAY, NOW, ask, levels, line_of, standing

pytestmark = pytest.mark.django_db

STAFF: Final = None


def receive(asked: Return, *, restocked: int = 0, written_off: int = 0) -> Return:
    line_id = asked.lines.get().line_id
    return returns.receive_return(
        return_id=asked.pk,
        restocked={line_id: restocked} if restocked else {},
        written_off={line_id: written_off} if written_off else {},
        actor_id=STAFF,
        at=ARRIVED + 3 * DAY,
    )


def told(order: Order) -> list[Any]:
    """Return everything that a refusal must leave as it was."""
    rows = [
        Order.objects.filter(pk=order.pk).values(),
        OrderLine.objects.filter(order=order).order_by("pk").values(),
        Return.objects.order_by("pk").values(),
        ReturnLine.objects.order_by("pk").values(),
        ReturnStep.objects.order_by("pk").values(),
        Refund.objects.order_by("pk").values(),
    ]
    return [list(each) for each in rows]


def steps(asked: Return) -> list[tuple[str, str, str]]:
    taken = ReturnStep.objects.filter(of_return=asked)
    return [(step.from_state, step.to_state, step.reason) for step in taken]


def test_units_that_come_back_are_paid_back_and_sold_again(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000, on_hand=10)
    order = factories.delivered(person, sku, quantity=3, at=NOW)

    asked = ask(order, 2)
    claimed = line_of(order).returning_quantity
    factories.approved(asked)
    received = receive(asked, restocked=2)

    refund = Refund.objects.get()
    assert claimed == 2
    assert (refund.amount_minor, refund.is_restocked, refund.reason) == (2_000, True, "returned")
    assert (received.state, received.restock_refund, received.write_off_refund) == (
        "refunded",
        refund,
        None,
    )
    assert standing(order) == ("delivered", "partially_refunded", 2_000)
    assert levels(sku) == (9, 0)
    line = line_of(order)
    assert (line.returning_quantity, line.refunded_quantity, line.withdrawn_quantity) == (0, 2, 0)
    assert steps(asked) == [
        ("", "requested", ""),
        ("requested", "approved", "send it"),
        ("approved", "received", ""),
        ("received", "refunded", ""),
    ]


def test_a_broken_unit_is_written_off_and_one_that_never_came_is_not_paid_back(
    person: User,
) -> None:
    sku = SkuFactory.create(price_minor=1_000, on_hand=10)
    order = factories.delivered(person, sku, quantity=3, at=NOW)
    asked = factories.approved(ask(order, 3))

    received = receive(asked, restocked=1, written_off=1)

    line, back = line_of(order), asked.lines.get()
    amounts = {refund.is_restocked: refund.amount_minor for refund in Refund.objects.all()}
    assert amounts == {True: 1_000, False: 1_000}
    assert received.refunded.amount_minor == 2_000
    assert (back.restocked_quantity, back.written_off_quantity) == (1, 1)
    assert (line.refunded_quantity, line.returning_quantity) == (2, 0)
    assert levels(sku) == (8, 0)
    assert standing(order) == ("delivered", "partially_refunded", 2_000)


def test_a_unit_that_comes_back_leaves_the_open_ones_of_its_line_open(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000, on_hand=10)
    order = factories.paid(person, sku, quantity=3, at=NOW)
    line_id = line_of(order).pk
    fulfilment.ship_order(order_id=order.pk, quantities={line_id: 1}, at=NOW + factories.PACE)
    fulfilment.deliver_order(order_id=order.pk, at=ARRIVED)

    receive(factories.approved(ask(order)), restocked=1)

    line = line_of(order)
    assert (line.open_quantity, line.withdrawn_quantity, line.refunded_quantity) == (2, 0, 1)
    assert standing(order) == ("paid", "partially_refunded", 1_000)
    assert levels(sku) == (10, 2)


def test_all_of_an_order_that_came_back_is_refunded_and_still_delivered(person: User) -> None:
    order = factories.delivered(person, *SkuFactory.create_batch(2), at=NOW)

    factories.sent_back(factories.approved(factories.asked_back(order)))

    assert standing(order) == ("delivered", "refunded", 25_800)


def test_the_shipping_is_not_given_back_with_what_comes_back(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000)
    merchant = sku.product.brand.merchant
    factories.ShippingRateFactory.create(merchant=merchant, fee_minor=500, free_from_minor=None)
    order = factories.delivered(person, sku, at=NOW)

    factories.sent_back(factories.approved(factories.asked_back(order)))

    assert order.total_minor == 1_500
    assert standing(order) == ("delivered", "partially_refunded", 1_000)


def test_a_return_may_be_asked_for_until_the_last_moment_of_the_window(
    person: User, settings: Settings
) -> None:
    settings.RETURN_DAYS = 7
    order = factories.delivered(person, quantity=2, at=NOW)
    last = ARRIVED + 7 * DAY

    ask(order, at=last)
    before = told(order)
    with pytest.raises(ReturnWindowClosed) as refusal:
        ask(order, at=last + timedelta(microseconds=1))

    assert refusal.value.extra == {"line_id": line_of(order).pk, "left": 0}
    assert told(order) == before


def test_of_two_parcels_only_the_later_is_still_in_time(person: User) -> None:
    order = factories.paid(person, quantity=3, at=NOW)
    line_id = line_of(order).pk
    for days, units in ((0, 2), (5, 1)):
        at = ARRIVED + days * DAY
        fulfilment.ship_order(order_id=order.pk, quantities={line_id: units}, at=at)
        fulfilment.deliver_order(order_id=order.pk, at=at)

    with pytest.raises(ReturnWindowClosed) as refusal:
        ask(order, 2, at=ARRIVED + 8 * DAY)
    asked = ask(order, 1, at=ARRIVED + 8 * DAY)

    assert refusal.value.extra["left"] == 1
    assert asked.state == "requested"


def test_a_completed_order_may_come_back_within_the_window(person: User) -> None:
    order = factories.completed(person, at=NOW)

    factories.sent_back(factories.approved(ask(order)))

    assert standing(order) == ("completed", "refunded", 12_900)


@pytest.mark.parametrize(
    ("make", "quantity", "error"),
    [
        (factories.placed, 1, NothingDelivered),
        (factories.paid, 1, NothingDelivered),
        (factories.shipped, 1, NothingDelivered),
        (factories.cancelled, 1, NothingDelivered),
        (factories.delivered, 2, QuantityNotPossible),
        (factories.delivered, 0, QuantityNotPossible),
    ],
)
def test_only_delivered_units_come_back(
    make: Any, quantity: int, error: type[DomainError], person: User
) -> None:
    order = make(person, at=NOW)
    before = told(order)

    with pytest.raises(error):
        ask(order, quantity)

    assert told(order) == before


def test_what_is_not_the_buyers_or_not_named_is_refused(person: User) -> None:
    order = factories.delivered(person, at=NOW)
    other: User = User.objects.create_user("other", "other@example.com")
    wish: dict[str, Any] = {"order_id": order.pk, "at": ARRIVED + DAY}
    mine = {line_of(order).pk: 1}
    before = told(order)

    with pytest.raises(NotFound):
        returns.request_return(buyer_id=other.pk, quantities=mine, **wish)
    with pytest.raises(NothingToReturn):
        returns.request_return(buyer_id=person.pk, quantities={}, **wish)
    with pytest.raises(LineUnknown):
        returns.request_return(buyer_id=person.pk, quantities={1: 1}, **wish)

    assert told(order) == before


def test_units_in_another_return_or_refunded_before_do_not_come_back_again(person: User) -> None:
    order = factories.delivered(person, quantity=3, at=NOW)
    factories.refund(order, quantities={line_of(order).pk: 1})
    first = ask(order, 1)

    with pytest.raises(QuantityNotPossible) as refusal:
        ask(order, 2)
    returns.cancel_return(return_id=first.pk, buyer_id=person.pk, at=ARRIVED + DAY)
    second = ask(order, 2)

    assert refusal.value.extra["left"] == 1
    assert (second.state, line_of(order).returning_quantity) == ("requested", 2)


def test_a_refund_by_hand_leaves_what_a_return_claims(person: User) -> None:
    order = factories.delivered(person, SkuFactory.create(price_minor=1_000), quantity=2, at=NOW)
    asked = factories.approved(ask(order, 1))

    factories.refund(order)
    with pytest.raises(NothingToRefund):
        factories.refund(order)
    in_between = standing(order)
    receive(asked, restocked=1)

    assert in_between == ("delivered", "partially_refunded", 1_000)
    assert standing(order) == ("delivered", "refunded", 2_000)


@pytest.mark.parametrize("approve_first", [False, True])
def test_a_refused_return_gives_no_money_and_lets_go_of_the_units(
    approve_first: bool, person: User
) -> None:
    order = factories.delivered(person, at=NOW)
    asked = ask(order)
    if approve_first:
        factories.approved(asked)

    refused = returns.refuse_return(
        return_id=asked.pk, actor_id=STAFF, decision="worn", at=ARRIVED + 2 * DAY
    )

    assert (refused.state, refused.decision) == ("refused", "worn")
    assert standing(order) == ("delivered", "paid", 0)
    assert line_of(order).returning_quantity == 0
    assert steps(asked)[-1] == ("approved" if approve_first else "requested", "refused", "worn")


@pytest.mark.parametrize("end", ["refused", "refunded"])
def test_what_has_ended_is_not_decided_again(end: str, person: User) -> None:
    order = factories.delivered(person, at=NOW)
    asked = ask(order)
    if end == "refunded":
        receive(factories.approved(asked), restocked=1)
    else:
        returns.cancel_return(return_id=asked.pk, buyer_id=person.pk, at=ARRIVED + DAY)
    before, at = told(order), ARRIVED + 4 * DAY

    with pytest.raises(WrongReturnState):
        returns.approve_return(return_id=asked.pk, actor_id=STAFF, at=at)
    with pytest.raises(WrongReturnState):
        returns.refuse_return(return_id=asked.pk, actor_id=STAFF, decision="no", at=at)
    with pytest.raises(WrongReturnState):
        returns.cancel_return(return_id=asked.pk, buyer_id=person.pk, at=at)
    with pytest.raises(WrongReturnState):
        receive(asked, restocked=1)

    assert told(order) == before


@pytest.mark.parametrize(
    ("restocked", "written_off", "error"),
    [
        (0, 0, NothingToReturn),
        (3, 0, QuantityNotPossible),
        (1, 2, QuantityNotPossible),
        (-1, 2, QuantityNotPossible),
    ],
)
def test_no_more_is_received_than_was_announced(
    restocked: int, written_off: int, error: type[DomainError], person: User
) -> None:
    order = factories.delivered(person, quantity=3, at=NOW)
    asked = factories.approved(ask(order, 2))
    before = told(order)

    with pytest.raises(error):
        receive(asked, restocked=restocked, written_off=written_off)

    assert told(order) == before


def test_what_was_not_approved_is_not_received(person: User) -> None:
    order = factories.delivered(person, at=NOW)
    asked = ask(order)
    before = told(order)

    with pytest.raises(WrongReturnState):
        receive(asked, restocked=1)
    with pytest.raises(NotFound):
        returns.approve_return(return_id=uuid4(), actor_id=STAFF, at=NOW)

    assert told(order) == before


def test_the_buyer_is_told_of_decisions_but_not_of_their_own_doing(person: User) -> None:
    order = factories.delivered(person, quantity=2, at=NOW)
    first, second = ask(order), ask(order)

    factories.approved(first)
    receive(first, written_off=1)
    returns.cancel_return(return_id=second.pk, buyer_id=person.pk, at=ARRIVED + 2 * DAY)
    outbox.drain_all(at=ARRIVED + 4 * DAY)

    subjects = Notification.objects.filter(subject__return_id__isnull=False)
    assert [row.subject for row in subjects.order_by("pk")] == [
        {"return_id": str(first.pk), "order_id": str(order.pk), "state": "approved"},
        {"return_id": str(first.pk), "order_id": str(order.pk), "state": "refunded"},
    ]


def test_the_database_refuses_a_unit_that_comes_back_and_is_paid_back_too(person: User) -> None:
    order = factories.delivered(person, at=NOW)
    ask(order)
    whole = {"refunded_quantity": 1, "refunded_minor": 12_900}

    with pytest.raises(IntegrityError, match="returning_within"), transaction.atomic():
        OrderLine.objects.filter(order=order).update(returning_quantity=2)
    with pytest.raises(IntegrityError, match="returning_within"), transaction.atomic():
        OrderLine.objects.filter(order=order).update(**whole)
    with pytest.raises(IntegrityError, match="received_within"), transaction.atomic():
        ReturnLine.objects.update(restocked_quantity=1, written_off_quantity=1)


def test_what_was_agreed_and_who_took_which_step_is_never_rewritten(person: User) -> None:
    ask(factories.delivered(person, at=NOW))

    with pytest.raises(ProgrammingError), transaction.atomic():
        ReturnLine.objects.update(quantity=2)
    with pytest.raises(ProgrammingError), transaction.atomic():
        ReturnStep.objects.update(reason="other")
    for model in (Return, ReturnLine, ReturnStep):
        rows: Any = model._default_manager.all()
        with pytest.raises(ProgrammingError), transaction.atomic():
            rows._raw_delete(rows.db)
