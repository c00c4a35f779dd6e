"""The tables of states, walked against PostgreSQL: what they lack, the database refuses."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, models, transaction
from django.db.models import ProtectedError

from orders import factories
from orders.models import (
    Order,
    OrderLine,
    OrderPart,
    Payment,
    Refund,
    RefundLine,
    Return,
    Transition,
)
from orders.states import (
    ALLOWED,
    ATTEMPT_ALLOWED,
    PAYMENT_ALLOWED,
    RETURN_ALLOWED,
    OrderState,
    PaymentAttempt,
    PaymentState,
    ReturnState,
    route,
    slowest,
)
from redshop.accounts.models import User
from redshop.catalog.factories import MerchantFactory, SkuFactory
from tests.orders.world import NOW

PAID = {PaymentState.PAID, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}


def order_row(buyer: User, **over: Any) -> Order:
    """Write an order as it is, past every rule but the database's."""
    row = {
        "number": f"RS-{Order.objects.count()}",
        "buyer": buyer,
        "payment_state": PaymentState.PAID,
        "paid_at": NOW,
        "address": {},
        "currency": "CNY",
        "total_minor": 0,
        "placed_at": NOW,
        "expires_at": NOW + timedelta(minutes=30),
        "population": "real",
    }
    return Order.objects.create(**{**row, **over})


def database_takes(row: models.Model, **changes: Any) -> bool:
    """Tell whether the row may be changed so; whatever the answer, it stays as it was."""
    try:
        with transaction.atomic():
            type(row)._default_manager.filter(pk=row.pk).update(**changes)
            transaction.set_rollback(True)
    except ProgrammingError:
        return False
    return True


def assert_edges_are_those_of(
    table: Mapping[Any, frozenset[Any]], takes: Mapping[tuple[str, str], bool]
) -> None:
    expected = {(start, end): end in table[start] for start, end in takes}
    assert takes == expected
    assert not all(expected.values())


def pairs(states: type[StrEnum]) -> list[tuple[Any, Any]]:
    return list(permutations(states, 2))


@pytest.mark.django_db
def test_postgresql_lets_an_order_take_exactly_the_steps_of_the_table(person: User) -> None:
    rows = {state: order_row(person, state=state) for state in OrderState}

    takes = {
        (start, end): database_takes(rows[start], state=end) for start, end in pairs(OrderState)
    }

    assert_edges_are_those_of(ALLOWED, takes)


@pytest.mark.django_db
def test_postgresql_lets_a_part_take_exactly_the_steps_of_the_table(person: User) -> None:
    order = order_row(person)
    rows = {
        state: OrderPart.objects.create(order=order, merchant=MerchantFactory.create(), state=state)
        for state in OrderState
    }

    takes = {
        (start, end): database_takes(rows[start], state=end) for start, end in pairs(OrderState)
    }

    assert_edges_are_those_of(ALLOWED, takes)


@pytest.mark.django_db
def test_postgresql_lets_money_take_exactly_the_steps_of_the_table(person: User) -> None:
    rows = {
        state: order_row(person, payment_state=state, paid_at=NOW if state in PAID else None)
        for state in PaymentState
    }

    takes = {
        (start, end): database_takes(
            rows[start], payment_state=end, paid_at=NOW if end in PAID else None
        )
        for start, end in pairs(PaymentState)
    }

    assert_edges_are_those_of(PAYMENT_ALLOWED, takes)


@pytest.mark.django_db
def test_postgresql_lets_a_payment_take_exactly_the_steps_of_the_table(person: User) -> None:
    settled = {PaymentAttempt.SUCCEEDED, PaymentAttempt.FAILED}
    rows = {
        state: Payment.objects.create(
            order=order_row(person),
            method="sandbox",
            state=state,
            amount_minor=1,
            currency="CNY",
            created_at=NOW,
            settled_at=NOW if state in settled else None,
        )
        for state in PaymentAttempt
    }

    takes = {
        (start, end): database_takes(
            rows[start], state=end, settled_at=NOW if end in settled else None
        )
        for start, end in pairs(PaymentAttempt)
    }

    assert_edges_are_those_of(ATTEMPT_ALLOWED, takes)


@pytest.mark.django_db
def test_postgresql_lets_a_return_take_exactly_the_steps_of_the_table(person: User) -> None:
    order = factories.paid(person, at=NOW)
    factories.refund(order)
    refund = Refund.objects.get()

    def standing_as(state: ReturnState) -> dict[str, Any]:
        is_received = state in {ReturnState.RECEIVED, ReturnState.REFUNDED}
        return {
            "state": state,
            "approved_at": NOW if is_received or state == ReturnState.APPROVED else None,
            "received_at": NOW if is_received else None,
            "refunded_at": NOW if state == ReturnState.REFUNDED else None,
            "refused_at": NOW if state == ReturnState.REFUSED else None,
            "restock_refund": refund if state == ReturnState.REFUNDED else None,
        }

    takes = {}
    for start, end in pairs(ReturnState):
        with transaction.atomic():
            row = Return.objects.create(
                order=order, buyer=person, requested_at=NOW, **standing_as(start)
            )
            takes[start, end] = database_takes(row, **standing_as(end))
            transaction.set_rollback(True)

    assert_edges_are_those_of(RETURN_ALLOWED, takes)


def test_the_way_of_an_order_passes_every_state_between() -> None:
    assert route(OrderState.PAID, OrderState.DELIVERED) == [
        OrderState.SHIPPED,
        OrderState.DELIVERED,
    ]
    assert route(OrderState.PAID, OrderState.PAID) == []
    assert route(OrderState.PAID, OrderState.CANCELLED) == [OrderState.CANCELLED]
    with pytest.raises(ValueError, match="no way leads from shipped to cancelled"):
        route(OrderState.SHIPPED, OrderState.CANCELLED)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("delivered paid", "paid"),
        ("cancelled delivered", "delivered"),
        ("cancelled cancelled", "cancelled"),
        ("completed shipped cancelled", "shipped"),
    ],
)
def test_an_order_is_as_far_as_its_slowest_part(parts: str, expected: str) -> None:
    assert slowest([OrderState(part) for part in parts.split()]) == expected


@pytest.mark.django_db
def test_history_and_money_given_back_are_never_rewritten(person: User) -> None:
    order = factories.paid(person, at=NOW)
    factories.refund(order)
    rows: list[models.Model] = [
        Transition.objects.filter(order=order)[0],
        Refund.objects.get(),
        RefundLine.objects.get(),
    ]

    for row in rows:
        table = type(row)._default_manager.filter(pk=row.pk)
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            table.update(id=row.pk)
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            table._raw_delete(table.db)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Order, Payment])
def test_orders_and_payments_are_never_deleted(model: Any, person: User) -> None:
    factories.paid(person, at=NOW)
    rows = model.objects.all()

    with pytest.raises((ProgrammingError, ProtectedError)), transaction.atomic():
        rows.delete()
    with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
        rows._raw_delete(rows.db)

    assert rows.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"refunded_quantity": 3},
        {"refunded_minor": 2_001},
        {"shipped_quantity": 3},
        {"withdrawn_quantity": 1},
        {"total_minor": 1_999},
        {"quantity": 0},
    ],
    ids=str,
)
def test_a_line_that_does_not_add_up_is_refused(change: dict[str, int], person: User) -> None:
    order = factories.paid(person, SkuFactory.create(price_minor=1_000), quantity=2, at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.filter(order=order).update(**change)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"refunded_minor": 12_901},
        {"paid_at": None},
        {"expires_at": NOW},
        {"payment_state": "refunded"},
        {"refunded_minor": -1},
    ],
    ids=str,
)
def test_an_order_that_does_not_add_up_is_refused(change: dict[str, Any], person: User) -> None:
    order = factories.paid(person, at=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**change)


@pytest.mark.django_db
def test_an_order_is_paid_once(person: User) -> None:
    order = factories.paid(person, at=NOW)

    with pytest.raises(IntegrityError, match="order_paid_once"), transaction.atomic():
        Payment.objects.create(
            order=order,
            method="sandbox",
            state="succeeded",
            amount_minor=1,
            currency="CNY",
            created_at=NOW,
            settled_at=NOW,
        )
