"""What the books cost: purchases that are posted, and the same ones with the posting left out.

    .venv/bin/python benchmarks/postings.py

In a database of its own, on the server of this checkout (or of ``DATABASE_URL``). Purchases with
and without alternate, so that a busy machine slows both.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.movements import cpu_seconds, database

ROUNDS, PURCHASES = 20, 20


def measure(lines: int) -> None:
    """Print the cost of paying orders of so many lines, with and without the books."""
    from django.db import connection

    from orders.services import bookkeeping
    from redshop.accounts.factories import UserFactory
    from redshop.catalog.factories import SkuFactory

    post: Callable[..., None] = bookkeeping.post
    skus = [SkuFactory.create(on_hand=10**6) for _ in range(lines)]
    buyer = UserFactory.create()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    walls: dict[bool, list[float]] = {True: [], False: []}
    web: dict[bool, list[float]] = {True: [], False: []}
    server = {True: 0.0, False: 0.0}
    for number in range(2 * ROUNDS):
        is_posted = bool(number % 2)
        bookkeeping.post = post if is_posted else lambda _drafts: None
        orders = placed(buyer, skus)
        before = cpu_seconds(pid)
        took = [pay(order) for order in orders]
        server[is_posted] += cpu_seconds(pid) - before
        walls[is_posted] += [wall for wall, _ in took]
        web[is_posted] += [cpu for _, cpu in took]
    bookkeeping.post = post
    for name, times in (("whole", walls), ("web CPU", web)):
        with_it, without = (statistics.median(times[flag]) * 1_000 for flag in (True, False))
        print(f"{lines:3} lines, {name}: {with_it:.3f} ms, without the books {without:.3f} ms")
    with_it, without = (server[flag] / ROUNDS / PURCHASES * 1_000 for flag in (True, False))
    print(
        f"{lines:3} lines, server CPU (mean): {with_it:.3f} ms, without the books {without:.3f} ms"
    )


def placed(buyer: object, skus: object) -> list[object]:
    from orders import factories

    return [factories.placed(buyer, *skus) for _ in range(PURCHASES)]


def pay(order: object) -> tuple[float, float]:
    """Pay an order; return the seconds, and the processor seconds of this process, it took."""
    from orders.services import payment

    began, cpu = time.perf_counter(), time.process_time()
    payment.pay_order(order_id=order.pk, at=order.placed_at)
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Measure orders of one, three and nine lines, each of a merchant of its own."""
    with database():
        for lines in (1, 3, 9):
            measure(lines)


if __name__ == "__main__":
    main()
