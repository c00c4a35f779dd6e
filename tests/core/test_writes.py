"""What is written together is one statement, and means what it would mean one by one."""

from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders.factories import OrderFactory
from orders.models import Order, Transition
from redshop.core import writes
from redshop.core.db import TransactionRequired
from redshop.core.models import Fact, IdempotencyKey

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
COUNT_ONE_MORE = "UPDATE core_idempotencykey SET status = status + 1 WHERE person_id = %s"


def key(person_id: int = 1, *, status: int = 200) -> IdempotencyKey:
    return IdempotencyKey(
        person_id=person_id, call="pay", key=uuid4(), digest="", status=status, body=b"{}",
        content_type="application/json", created_at=NOW,
    )  # fmt: skip


def kept(person_id: int = 1, *, status: int = 200) -> IdempotencyKey:
    row = key(person_id, status=status)
    row.save()
    return row


def statuses() -> list[int]:
    return list(IdempotencyKey.objects.order_by("pk").values_list("status", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("states", [("placed",), ("placed", "paid"), ("placed", "paid", "shipped")])
def test_rows_are_inserted_with_the_keys_that_the_database_chose(states: tuple[str, ...]) -> None:
    order = OrderFactory.create()
    rows = [Transition(order=order, to_state=state, at=NOW) for state in states]

    with CaptureQueriesContext(connection) as asked:
        writes.insert(rows)

    assert len(asked) == 1
    found = Transition.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    assert [(row.order_id, row.to_state, row.at) for row in found] == [
        (order.pk, state, NOW) for state in states
    ]
    assert not any(row._state.adding for row in rows)


@pytest.mark.django_db
def test_many_orders_are_inserted_as_they_are() -> None:
    there = Order.objects.filter(pk=OrderFactory.create().pk).values().get()
    orders = [
        Order(**{**there, "id": uuid4(), "number": f"RS-{n}", "address": {"città": [n, None]}})
        for n in range(3)
    ]

    writes.insert(orders)

    for order in orders:
        found = Order.objects.filter(pk=order.pk).values().get()
        assert found == {name: getattr(order, name) for name in found}


def test_no_rows_ask_nothing() -> None:
    assert writes.insert([]) == []
    writes.append([])


@pytest.mark.django_db
def test_what_could_not_be_compiled_is_refused() -> None:
    with pytest.raises(writes.NotWritable, match="Fact"):
        writes.insert([Fact(kind="a", key="b", consumer="c", due_at=NOW)])
    with pytest.raises(writes.NotWritable, match="SELECT"), writes.together():
        writes.write("SELECT 1", [])


@pytest.mark.django_db
def test_only_the_named_fields_are_updated() -> None:
    row = kept()
    row.status, row.call = 500, "checkout"

    writes.update(row, "status")

    row.refresh_from_db()
    assert (row.status, row.call) == (500, "pay")


@pytest.mark.django_db
@pytest.mark.parametrize("is_together", [False, True])
def test_a_row_that_is_gone_is_not_updated_in_silence(is_together: bool) -> None:
    row, other = kept(), kept(2)
    IdempotencyKey.objects.filter(pk=row.pk).delete()

    def write() -> None:
        with writes.together() if is_together else nullcontext():
            writes.append([key(3)])
            writes.update(row, "status")

    with pytest.raises(DatabaseError, match="is not there"), transaction.atomic():
        write()

    assert statuses() == [other.status]


@pytest.mark.django_db
def test_what_is_written_together_is_one_statement() -> None:
    order = OrderFactory.create()

    with CaptureQueriesContext(connection) as asked, writes.together():
        writes.append([key(1), key(2)])
        writes.append([Transition(order=order, to_state="paid", at=NOW)])
        writes.append([key(3)])
        order.payment_state = "pending"
        writes.update(order, "payment_state")

    assert len(asked) == 1
    assert statuses() == [200, 200, 200]
    assert Transition.objects.filter(order=order, to_state="paid").exists()
    order.refresh_from_db()
    assert order.payment_state == "pending"


@pytest.mark.django_db
def test_whoever_asks_sees_what_was_written_before() -> None:
    with writes.together():
        writes.append([key(1)])
        assert statuses() == [200]
        writes.append([key(2)])

    assert statuses() == [200, 200]


@pytest.mark.django_db
def test_each_change_of_a_row_sees_the_one_before() -> None:
    with writes.together():
        writes.append([key(1)])
        writes.write(COUNT_ONE_MORE, [1])
        writes.write(COUNT_ONE_MORE, [1])
        writes.write("DELETE FROM core_idempotencykey WHERE status = %s", [202])
        writes.append([key(2)])

    assert statuses() == [200]


@pytest.mark.django_db
def test_expressions_of_the_same_name_do_not_meet() -> None:
    given = "twice AS (SELECT %s::bigint * 2 AS number)"
    row = (
        "INSERT INTO core_idempotencykey "
        "(person_id, call, key, digest, status, body, content_type, created_at) "
        "SELECT number, 'x', gen_random_uuid(), '', 200, '', '', now() FROM twice"
    )

    with writes.together():
        writes.append([key(1)])
        writes.write(row, [4], given=given)
        writes.write(row, [5], given=given)
    writes.write(row, [6], given=given)

    assert list(IdempotencyKey.objects.order_by("pk").values_list("person_id", flat=True)) == [
        1, 8, 10, 12,
    ]  # fmt: skip


@pytest.mark.django_db
def test_statements_run_in_the_order_in_which_they_were_written() -> None:
    with writes.together():
        for number in range(1, 6):
            writes.append([key(number)])

    people = IdempotencyKey.objects.order_by("pk").values_list("person_id", flat=True)
    assert list(people) == [1, 2, 3, 4, 5]


@pytest.mark.django_db
def test_inner_blocks_wait_for_the_outer_one() -> None:
    with CaptureQueriesContext(connection) as asked, writes.together():
        with writes.together():
            writes.append([key(1)])
        writes.append([key(2)])

    assert len(asked) == 1


@pytest.mark.django_db
def test_a_savepoint_that_is_rolled_back_takes_along_what_was_written_in_it() -> None:
    with writes.together():
        writes.append([key(1)])
        with suppress(ZeroDivisionError), transaction.atomic():
            writes.append([key(2)])
            raise ZeroDivisionError
        writes.append([key(3)])

    assert list(IdempotencyKey.objects.order_by("pk").values_list("person_id", flat=True)) == [1, 3]


@pytest.mark.django_db
def test_an_error_leaves_what_waited_unwritten_and_the_next_block_clean() -> None:
    with suppress(ZeroDivisionError), writes.together():
        writes.append([key(1)])
        raise ZeroDivisionError
    with writes.together():
        writes.append([key(2)])

    assert list(IdempotencyKey.objects.values_list("person_id", flat=True)) == [2]


@pytest.mark.django_db
def test_a_constraint_speaks_when_the_block_ends() -> None:
    row, twin, written = kept(), key(), []
    twin.key = row.key

    def write() -> None:
        with writes.together():
            writes.append([twin])
            written.append(twin)

    with pytest.raises(IntegrityError), transaction.atomic():
        write()

    assert written
    assert statuses() == [200]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_outside_a_transaction() -> None:
    with pytest.raises(TransactionRequired):
        writes.append([key()])
    with pytest.raises(TransactionRequired), writes.together():
        pass
