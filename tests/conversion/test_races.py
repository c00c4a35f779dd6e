"""Many workers on the same line at once: one set of credits, with the lock or by the constraint."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from orders.models import Order
from redshop.conversion.models import Attribution, AttributionQuerySet, Credit
from redshop.conversion.services import attribution
from redshop.conversion.types import AttributionModel
from tests.conversion import world
from tests.conversion.world import HOUR, NOW

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


@pytest.fixture
def order() -> Order:
    buyer, product = world.person(), world.product()
    world.event("note_open", NOW - HOUR, buyer, world.note(product))
    order = world.order(buyer, (product, 100), quantity=2)
    world.refund(order, units=1)
    return order


def at_once(work: Callable[[], object]) -> list[Exception]:
    """Run the work in many threads that start together; return what they raised."""
    barrier, raised = Barrier(WORKERS), list[Exception]()

    def run() -> None:
        try:
            barrier.wait(timeout=10)
            work()
        except Exception as error:  # noqa: BLE001 - whatever a worker raised is looked at below
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return raised


def attribute(line_id: int) -> None:
    with transaction.atomic():
        attribution.attribute(line_ids=[line_id], at=NOW)


def test_workers_on_the_same_line_write_its_credits_once(order: Order) -> None:
    line_id = order.lines.get().pk

    raised = at_once(lambda: attribute(line_id))

    assert raised == []
    assert Credit.objects.count() == 2 * len(AttributionModel)
    assert Attribution.objects.get().generation == 1


def test_without_the_lock_the_constraint_refuses_the_second(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_id = order.lines.get().pk
    monkeypatch.setattr(AttributionQuerySet, "locked", lambda self: self.order_by("pk"))
    Attribution.objects.create(
        line_id=line_id, generation=0, converted_at=NOW, window_days=15, version=1,
        computed_at=NOW, population="real",
    )  # fmt: skip
    ready = Barrier(WORKERS)
    write = attribution._write

    def write_together(*args: object, **kwargs: object) -> None:
        ready.wait(timeout=10)
        write(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(attribution, "_write", write_together)

    raised = at_once(lambda: attribute(line_id))

    assert [type(error) for error in raised] == [IntegrityError] * (WORKERS - 1)
    assert Credit.objects.count() == 2 * len(AttributionModel)
