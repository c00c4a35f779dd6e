"""Every movement of stock is a row that stays, and their sum is what the counters say."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pgtrigger
import pytest
from django.db import (
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.models import F, ProtectedError, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redshop.accounts.models import User
from redshop.catalog import migrations
from redshop.catalog.errors import CountedBelowReserved
from redshop.catalog.factories import ProductFactory, SkuFactory, StockMovementFactory
from redshop.catalog.models import Sku, StockMovement
from redshop.catalog.models.stock import CAUSE
from redshop.catalog.services import reconciliation, stock
from redshop.core.errors import DomainError, NotFound
from tests.races import at_once

ORDER = UUID("0193e7a2-7b1c-7e3a-9d55-0123456789ab")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KINDS = StockMovement.Kind

pytestmark = pytest.mark.django_db


def written(sku: Sku) -> list[tuple[Any, ...]]:
    """Return the movements of a SKU, oldest first: kind, on hand, reserved, reference, moment."""
    rows = StockMovement.objects.filter(sku=sku).order_by("pk")
    return list(rows.values_list("kind", "on_hand", "reserved", "reference", "at"))


def moved(sku: Sku) -> list[tuple[str, int, int]]:
    return [row[:3] for row in written(sku)]


def differences() -> list[str]:
    return list(reconciliation.compare().differences)


def execute(query: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (stock.reserve, ("reserved", 0, 3)),
        (stock.release, ("released", 0, -3)),
        (stock.consume, ("shipped", -3, -3)),
        (stock.write_off, ("written_off", -3, -3)),
        (stock.restock, ("restocked", 3, 0)),
        (stock.receive, ("received", 3, 0)),
    ],
)
def test_each_step_writes_what_it_moved_and_why(
    step: Callable[..., object], expected: tuple[str, int, int]
) -> None:
    sku = SkuFactory.create(on_hand=10, reserved=4)

    step({sku.pk: 3}, reference=ORDER, at=NOW)

    assert written(sku)[1:] == [(*expected, ORDER, NOW)]


def test_one_statement_moves_several_skus_each_by_its_own_units(
    django_assert_num_queries: Any,
) -> None:
    first, second, third = SkuFactory.create_batch(3, on_hand=10)
    units = {third.pk: 3, first.pk: 1, second.pk: 2}

    with django_assert_num_queries(2):
        stock.reserve(units, reference=ORDER, at=NOW)

    rows = StockMovement.objects.filter(reference=ORDER).order_by("pk")
    assert list(rows.values_list("sku", "reserved")) == sorted(units.items())
    assert differences() == []


def test_a_new_sku_begins_with_what_it_has() -> None:
    full, empty = SkuFactory.create(on_hand=5, reserved=2), SkuFactory.create(on_hand=0)

    assert (moved(full), moved(empty)) == ([("opening", 5, 2)], [])


def test_new_skus_are_entered_at_the_moment_that_is_meant() -> None:
    sku = SkuFactory.create(on_hand=0)

    stock.enter({sku.pk: 30}, at=NOW)

    assert written(sku) == [("opening", 30, 0, None, NOW)]


def save(sku: Sku) -> None:
    sku.on_hand, sku.reserved = 8, 1
    sku.save()


def bulk_update(sku: Sku) -> None:
    sku.on_hand, sku.reserved = 8, 1
    Sku.objects.bulk_update([sku], ["on_hand", "reserved"])


def upsert(sku: Sku) -> None:
    row = Sku(
        product=sku.product, code=sku.code, price_minor=1, currency="CNY", on_hand=8, reserved=1
    )
    Sku.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["on_hand", "reserved"],
    )


def bare_sql(sku: Sku) -> None:
    execute("UPDATE catalog_sku SET on_hand = 8, reserved = 1 WHERE id = %s", sku.pk)


@pytest.mark.parametrize("change", [save, bulk_update, upsert, bare_sql])
def test_what_is_changed_behind_the_service_is_written_as_counted(
    change: Callable[[Sku], None],
) -> None:
    sku = SkuFactory.create(on_hand=10)

    change(sku)

    kind, on_hand, reserved, reference, at = written(sku)[-1]
    assert (kind, on_hand, reserved, reference) == ("counted", -2, 1, None)
    assert abs((timezone.now() - at).total_seconds()) < 60
    assert differences() == []


def test_new_skus_in_bulk_and_by_copy_are_written_too() -> None:
    product = ProductFactory.create()
    Sku.objects.bulk_create(
        Sku(product=product, code=f"B{n}", price_minor=1, on_hand=n) for n in range(3)
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY catalog_sku (product_id, code, options, price_minor, currency, on_hand, reserved,"
            " is_active) FROM STDIN"
        ) as copy,
    ):
        copy.write(f"{product.pk}\tC1\t{{}}\t1\tCNY\t7\t2\tt\n")

    rows = StockMovement.objects.order_by("pk").values_list("sku__code", "on_hand", "reserved")
    assert list(rows) == [("B1", 1, 0), ("B2", 2, 0), ("C1", 7, 2)]


def test_a_change_of_the_price_moves_nothing() -> None:
    sku = SkuFactory.create(on_hand=10)

    Sku.objects.update(price_minor=1, on_hand=F("on_hand"))

    assert moved(sku) == [("opening", 10, 0)]


def test_the_cause_of_a_statement_is_forgotten_with_its_end() -> None:
    sku = SkuFactory.create(on_hand=10)

    stock.reserve({sku.pk: 1}, reference=ORDER, at=NOW)
    bare_sql(sku)

    assert written(sku)[-1][:4] == ("counted", -2, 0, None)


def test_not_even_statements_sent_together_share_a_cause() -> None:
    sku = SkuFactory.create(on_hand=10)

    execute(
        f"UPDATE catalog_sku SET reserved = 1 WHERE set_config('{CAUSE}', "  # noqa: S608 - ours
        "'{\"kind\": \"reserved\"}', true) <> ''; UPDATE catalog_sku SET reserved = 2"
    )

    assert moved(sku)[1:] == [("reserved", 0, 1), ("counted", 0, 1)]


def test_a_cause_that_moved_nothing_explains_nothing_later() -> None:
    sku = SkuFactory.create(on_hand=10)

    stock.receive({sku.pk + 1: 5}, at=NOW)
    stock.receive({sku.pk: 0}, reference=ORDER, at=NOW)
    bare_sql(sku)

    assert moved(sku)[1:] == [("counted", -2, 1)]


def test_a_refused_move_leaves_neither_movement_nor_cause() -> None:
    sku = SkuFactory.create(on_hand=10)

    with pytest.raises(IntegrityError), transaction.atomic():
        stock.consume({sku.pk: 1}, reference=ORDER, at=NOW)
    bare_sql(sku)

    assert moved(sku)[1:] == [("counted", -2, 1)]


def test_what_is_rolled_back_was_never_moved() -> None:
    sku = SkuFactory.create(on_hand=10)

    with transaction.atomic():
        stock.reserve({sku.pk: 1}, reference=ORDER, at=NOW)
        transaction.set_rollback(True)

    assert moved(sku) == [("opening", 10, 0)]
    assert differences() == []


@pytest.mark.parametrize("act", ["UPDATE {} SET on_hand = 99", "DELETE FROM {}"])
def test_a_movement_stays_as_it_is(act: str) -> None:
    sku = SkuFactory.create(on_hand=10)

    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        execute(act.format(StockMovement._meta.db_table))

    assert moved(sku) == [("opening", 10, 0)]


def test_a_movement_is_not_invented() -> None:
    sku = SkuFactory.create(on_hand=10)
    row = StockMovement(sku=sku, kind=KINDS.COUNTED, on_hand=5, reserved=0, at=NOW)

    with pytest.raises(ProgrammingError, match="where the stock of a SKU"), transaction.atomic():
        row.save()
    with pytest.raises(ProgrammingError, match="where the stock of a SKU"), transaction.atomic():
        StockMovement.objects.bulk_create([row])

    assert moved(sku) == [("opening", 10, 0)]


def test_a_kind_moves_only_what_it_means() -> None:
    sku = SkuFactory.create(on_hand=10)
    cause = stock.Cause(kind=KINDS.SHIPPED, at=NOW)

    with pytest.raises(IntegrityError, match="follows_kind"), transaction.atomic():
        stock._add({sku.pk: 1}, cause, on_hand=1, reserved=0)

    assert moved(sku) == [("opening", 10, 0)]


def test_a_sku_with_a_history_is_not_deleted() -> None:
    sku = SkuFactory.create(on_hand=10)

    with pytest.raises(ProtectedError):
        sku.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("DELETE FROM catalog_sku; SET CONSTRAINTS ALL IMMEDIATE")

    assert moved(sku) == [("opening", 10, 0)]


def test_a_count_says_who_counted_and_why(person: User) -> None:
    sku = SkuFactory.create(on_hand=10, reserved=4)

    difference = stock.count(
        sku_id=sku.pk, units=7, by_id=person.pk, reason="three were broken", at=NOW
    )

    row = StockMovement.objects.latest("pk")
    assert (difference, row.kind, row.on_hand, row.reserved) == (-3, "counted", -3, 0)
    assert (row.by, row.reason, row.at) == (person, "three were broken", NOW)
    sku.refresh_from_db()
    assert (sku.on_hand, sku.reserved) == (7, 4)


def test_a_count_that_agrees_moves_nothing() -> None:
    sku = SkuFactory.create(on_hand=10)

    assert stock.count(sku_id=sku.pk, units=10, at=NOW) == 0
    assert moved(sku) == [("opening", 10, 0)]


def test_fewer_than_orders_hold_cannot_be_counted() -> None:
    sku = SkuFactory.create(on_hand=10, reserved=4)

    with pytest.raises(CountedBelowReserved) as refusal:
        stock.count(sku_id=sku.pk, units=3, at=NOW)

    assert refusal.value.extra == {"reserved": 4}
    assert moved(sku) == [("opening", 10, 4)]


def test_what_is_not_there_is_not_counted() -> None:
    with pytest.raises(NotFound):
        stock.count(sku_id=1, units=3, at=NOW)


@pytest.mark.django_db(transaction=True)
def test_rivals_leave_exactly_the_movements_that_happened() -> None:
    first, second = SkuFactory.create_batch(2, on_hand=5)
    there, back = {first.pk: 1, second.pk: 1}, {second.pk: 1, first.pk: 1}

    def buy(units: dict[int, int]) -> str:
        with transaction.atomic():
            stock.reserve(units, reference=ORDER, at=NOW)
        return "held"

    def count_again() -> int:
        return stock.count_stock(sku_id=first.pk, units=5, at=NOW)

    ends = at_once([lambda: buy(there), lambda: buy(back)] * 6 + [count_again] * 4)

    assert ends == {"held": 5, "OutOfStock": 7, "0": 4}
    for sku in (first, second):
        assert moved(sku) == [("opening", 5, 0), *[("reserved", 0, 1)] * 5]
    assert differences() == []


def test_a_counter_that_its_movements_do_not_explain_is_told() -> None:
    SkuFactory.create(on_hand=1)
    sku = SkuFactory.create(code="LIP-1", on_hand=10)
    with pgtrigger.ignore("catalog.Sku:sku_moves_with_a_movement"):
        Sku.objects.filter(pk=sku.pk).update(on_hand=12, reserved=3)
    with pgtrigger.ignore("catalog.Sku:sku_opens_with_a_movement"):
        SkuFactory.create(code="LIP-2", on_hand=2)

    comparison = reconciliation.compare()

    assert comparison.scope == "3 SKUs, 2 movements"
    assert list(comparison.differences) == [
        "SKU LIP-1: 12 on hand, but its movements add up to 10",
        "SKU LIP-1: 3 reserved, but its movements add up to 0",
        "SKU LIP-2: 2 on hand, but its movements add up to 0",
    ]


def test_the_migration_opens_the_books_of_skus_that_were_there() -> None:
    file = next(Path(migrations.__path__[0]).glob("*_stock_movements.py"))  # its number may change
    migration = importlib.import_module(f"{migrations.__name__}.{file.stem}")
    with pgtrigger.ignore("catalog.Sku:sku_opens_with_a_movement"):
        sku, empty = SkuFactory.create(on_hand=9, reserved=2), SkuFactory.create(on_hand=0)

    with pgtrigger.ignore("catalog.StockMovement:stock_movement_follows_stock"):
        execute(migration.OPEN)

    assert (moved(sku), moved(empty)) == ([("opening", 9, 2)], [])
    assert differences() == []


def test_the_factory_moves_the_stock_that_it_tells_of() -> None:
    movement = StockMovementFactory.create(on_hand=4)

    assert (movement.kind, movement.on_hand, movement.reserved) == ("received", 4, 0)
    assert movement.sku.on_hand == 14
    assert differences() == []


@dataclass(frozen=True)
class Move:
    """One thing done to the stock of a SKU: a step of the service, a hand, or a rolled-back one."""

    name: str
    sku: int
    quantity: int
    is_kept: bool


MOVES = st.builds(
    Move,
    name=st.sampled_from(
        ["reserve", "release", "consume", "write_off", "restock", "receive", "count", "hand"]
    ),
    sku=st.integers(0, 1),
    quantity=st.integers(0, 4),
    is_kept=st.sampled_from([True, True, True, False]),
)
#: What a unit of each step adds to the units on hand and to those reserved.
EFFECTS = {
    "reserve": (0, 1),
    "release": (0, -1),
    "consume": (-1, -1),
    "write_off": (-1, -1),
    "restock": (1, 0),
    "receive": (1, 0),
}


def do(move: Move, sku: Sku) -> None:
    match move.name:
        case "count":
            stock.count(sku_id=sku.pk, units=move.quantity, at=NOW)
        case "hand":
            levels = "UPDATE catalog_sku SET on_hand = %s, reserved = %s WHERE id = %s"
            execute(levels, move.quantity, move.quantity // 2, sku.pk)
        case name:
            getattr(stock, name)({sku.pk: move.quantity}, reference=ORDER, at=NOW)


def after(move: Move, levels: tuple[int, int]) -> tuple[int, int]:
    match move.name:
        case "count":
            return move.quantity, levels[1]
        case "hand":
            return move.quantity, move.quantity // 2
        case name:
            on_hand, reserved = EFFECTS[name]
            return levels[0] + on_hand * move.quantity, levels[1] + reserved * move.quantity


@given(st.lists(MOVES, max_size=25))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_done_movements_sum_to_the_counters_and_no_unit_is_lost(
    history: list[Move],
) -> None:
    skus = SkuFactory.create_batch(2, on_hand=5)
    expected = {sku.pk: (5, 0) for sku in skus}

    for move in history:
        sku = skus[move.sku]
        levels = after(move, expected[sku.pk])
        is_possible = 0 <= levels[1] <= levels[0]
        try:
            with transaction.atomic():
                do(move, sku)
                transaction.set_rollback(not move.is_kept)
        except (DomainError, IntegrityError):
            assert not is_possible
        else:
            assert is_possible
            if move.is_kept:
                expected[sku.pk] = levels

    for sku in Sku.objects.filter(pk__in=expected):
        summed = sku.movements.aggregate(Sum("on_hand"), Sum("reserved"))
        assert (sku.on_hand, sku.reserved) == tuple(summed.values()) == expected[sku.pk]
    assert differences() == []
