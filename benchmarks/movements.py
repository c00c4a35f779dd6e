"""What the record of stock costs: moves of SKUs with the triggers that write it, and without.

    .venv/bin/python benchmarks/movements.py

In a database of its own, on the server of this checkout (or of ``DATABASE_URL``). Moves with and
without alternate, so that a busy machine slows both.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

from config import servers

ROUNDS, MOVES, SKUS = 20, 100, 1_000


@contextmanager
def database() -> Iterator[None]:
    """Migrate a database of this run's own; drop it afterwards."""
    import django
    from django.db import connection

    servers.prepare()
    django.setup()
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db("", verbosity=0)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a server process on this machine; 0 where it is elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(width: int) -> None:
    """Print the cost of a move of so many SKUs, with and without the record."""
    from django.db import connection

    walls: dict[bool, list[float]] = {True: [], False: []}
    cpu = {True: 0.0, False: 0.0}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        for number in range(2 * ROUNDS):
            is_recorded = bool(number % 2)
            switch = "ENABLE" if is_recorded else "DISABLE"
            cursor.execute(f"ALTER TABLE catalog_sku {switch} TRIGGER USER")
            before = cpu_seconds(pid)
            walls[is_recorded] += [move(width, start=n * width) for n in range(MOVES)]
            cpu[is_recorded] += cpu_seconds(pid) - before
    with_it, without = (statistics.median(walls[flag]) * 1_000 for flag in (True, False))
    cpu_with, cpu_without = (cpu[flag] / ROUNDS / MOVES * 1_000 for flag in (True, False))
    print(
        f"{width:4} SKUs a move: {with_it:.3f} ms, without the record {without:.3f} ms (median); "
        f"server CPU {cpu_with:.3f} and {cpu_without:.3f} ms (mean)"
    )


def move(width: int, *, start: int) -> float:
    """Reserve a unit of some SKUs and commit; return the seconds that took."""
    from django.db import transaction
    from django.utils import timezone

    from redshop.catalog.services import stock
    from redshop.core.ids import uuid7

    first = start % (SKUS - width)
    units = dict.fromkeys(range(first + 1, first + width + 1), 1)
    cause = stock.Cause(kind=stock.Kind.RESERVED, reference=uuid7(), at=timezone.now())
    began = time.perf_counter()
    with transaction.atomic():
        stock._add(units, cause, on_hand=0, reserved=1)
    return time.perf_counter() - began


def main() -> None:
    """Fill a shop and measure moves of one, three and twenty SKUs."""
    with database():
        from redshop.catalog.factories import ProductFactory
        from redshop.catalog.models import Sku

        product = ProductFactory.create()
        Sku.objects.bulk_create(
            Sku(product=product, code=f"B{n}", price_minor=1, on_hand=1_000_000)
            for n in range(SKUS)
        )
        for width in (1, 3, 20):
            measure(width)


if __name__ == "__main__":
    main()
