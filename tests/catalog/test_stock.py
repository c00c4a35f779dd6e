"""Stock is never oversold, never lost, and waiting for it never ends in a deadlock."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Sku, SkuQuerySet
from redshop.catalog.services import stock
from redshop.core.db import TransactionRequired

ORDER = UUID("0193e7a2-7b1c-7e3a-9d55-0123456789ab")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

reserve = partial(stock.reserve, reference=ORDER, at=NOW)
release = partial(stock.release, reference=ORDER, at=NOW)
consume = partial(stock.consume, reference=ORDER, at=NOW)
write_off = partial(stock.write_off, reference=ORDER, at=NOW)
restock = partial(stock.restock, reference=ORDER, at=NOW)
receive = partial(stock.receive, at=NOW)


def in_a_transaction(work: Callable[[], object]) -> None:
    with transaction.atomic():
        work()


def at_once(works: Iterable[Callable[[], object]]) -> Counter[str]:
    """Run each work in a thread and a transaction of its own, all from one moment; count how
    they ended: ``done``, or the name of what was raised."""
    works = list(works)
    barrier = threading.Barrier(len(works))
    ends: list[str] = []

    def run(work: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            in_a_transaction(work)
            ends.append("done")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return Counter(ends)


def levels(sku: Sku) -> tuple[int, int]:
    sku.refresh_from_db()
    return sku.on_hand, sku.reserved


@pytest.mark.django_db(transaction=True)
def test_32_buyers_of_5_units_get_exactly_5() -> None:
    sku = SkuFactory.create(on_hand=5)

    ends = at_once([lambda: reserve({sku.pk: 1})] * 32)

    assert ends == {"done": 5, "OutOfStock": 27}
    assert levels(sku) == (5, 5)


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_the_constraint_still_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    sku = SkuFactory.create(on_hand=5)
    everyone_has_looked = threading.Barrier(32)

    def not_locked(skus: SkuQuerySet) -> SkuQuerySet:
        return skus.order_by("pk")

    def looked_then_add(*args: object, **kwargs: int) -> None:
        everyone_has_looked.wait(timeout=20)
        add(*args, **kwargs)  # type: ignore[arg-type]

    add = stock._add
    monkeypatch.setattr(SkuQuerySet, "locked", not_locked)
    monkeypatch.setattr(stock, "_add", looked_then_add)
    ends = at_once([lambda: reserve({sku.pk: 1})] * 32)

    assert ends == {"done": 5, "IntegrityError": 27}
    assert levels(sku) == (5, 5)


@pytest.mark.django_db(transaction=True)
def test_opposite_orders_of_two_skus_do_not_deadlock() -> None:
    first, second = SkuFactory.create(on_hand=40), SkuFactory.create(on_hand=40)
    there, back = {first.pk: 1, second.pk: 1}, {second.pk: 1, first.pk: 1}

    ends = at_once([lambda: reserve(there), lambda: reserve(back)] * 8)

    assert ends == {"done": 16}
    assert (levels(first), levels(second)) == ((40, 16), (40, 16))


@pytest.mark.django_db(transaction=True)
def test_locked_one_by_one_in_opposite_orders_they_would() -> None:
    first, second = SkuFactory.create(), SkuFactory.create()
    both_hold_one = threading.Barrier(2)

    def grab(one: Sku, other: Sku) -> None:
        reserve({one.pk: 1})
        both_hold_one.wait(timeout=20)
        reserve({other.pk: 1})

    ends = at_once([lambda: grab(first, second), lambda: grab(second, first)])

    assert ends == {"done": 1, "OperationalError": 1}


@pytest.mark.django_db
def test_what_cannot_be_covered_reserves_nothing() -> None:
    plenty, scarce = SkuFactory.create(on_hand=9), SkuFactory.create(on_hand=1)

    with pytest.raises(stock.OutOfStock) as refusal:
        reserve({plenty.pk: 1, scarce.pk: 2})

    assert refusal.value.extra == {"sku_ids": [scarce.pk]}
    assert (levels(plenty), levels(scarce)) == ((9, 0), (1, 0))


@pytest.mark.django_db
def test_what_is_not_sold_or_not_there_is_out_of_stock() -> None:
    withdrawn = SkuFactory.create(is_active=False)
    unknown = withdrawn.pk + 1

    with pytest.raises(stock.OutOfStock) as refusal:
        reserve({unknown: 1, withdrawn.pk: 1})

    assert refusal.value.extra == {"sku_ids": [withdrawn.pk, unknown]}
    assert levels(withdrawn) == (10, 0)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (reserve, (10, 7)),
        (release, (10, 1)),
        (consume, (7, 1)),
        (write_off, (7, 1)),
        (restock, (13, 4)),
        (receive, (13, 4)),
    ],
)
@pytest.mark.django_db
def test_each_step_moves_its_units(
    step: Callable[[Mapping[int, int]], object], expected: tuple[int, int]
) -> None:
    sku = SkuFactory.create(on_hand=10, reserved=4)

    step({sku.pk: 3})

    assert levels(sku) == expected


@pytest.mark.parametrize("step", [release, consume, write_off])
@pytest.mark.django_db
def test_more_than_is_held_cannot_be_given_back_or_shipped(
    step: Callable[[Mapping[int, int]], object],
) -> None:
    sku = SkuFactory.create(on_hand=10, reserved=2)

    with pytest.raises(IntegrityError), transaction.atomic():
        step({sku.pk: 3})

    assert levels(sku) == (10, 2)


@pytest.mark.django_db(transaction=True)
def test_a_step_refuses_to_run_outside_a_transaction() -> None:
    sku = SkuFactory.create()

    with pytest.raises(TransactionRequired):
        reserve({sku.pk: 1})

    assert levels(sku) == (10, 0)


@pytest.mark.django_db
def test_a_delivery_adds_to_the_warehouse() -> None:
    sku = SkuFactory.create(on_hand=0)

    stock.receive_delivery(quantities={sku.pk: 24}, at=NOW)

    assert levels(sku) == (24, 0)
