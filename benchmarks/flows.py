"""The whole purchase: cart, checkout, payment, paid, and all that follows from it, by so many
clients at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import psycopg

from benchmarks import load, scenarios
from benchmarks.system import System

CLIENTS = (1, 8, 32)
FLOWS = {1: 80, 8: 400, 32: 480}
#: Before anything is measured, so that every line to PostgreSQL has prepared what it asks.
WARM_UP = 320
MOST_SECONDS = 40.0
#: What a purchase costs: these roles together. The company's sandbox is somebody else's machine.
OURS = ("web", "worker", "bell", "beat", "postgres")

_WAITING = """
SELECT count(*) FROM core_fact
WHERE done_at IS NULL AND set_aside_at IS NULL AND due_at <= now()
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Whole purchases by some clients: milliseconds of processor time for one, by role."""

    clients: int
    flows: int
    per_second: float
    p50_ms: float
    p95_ms: float
    cpu_ms: dict[str, float]

    @property
    def ours_ms(self) -> float:
        """Return what web, worker, bell, beat and PostgreSQL took together."""
        return sum(self.cpu_ms.get(role, 0.0) for role in OURS)


def measure(living: System, callers: list[load.Caller]) -> list[Row]:
    """Warm up, then run the flow with ever more clients."""
    _run(living, callers[:8], count=WARM_UP)
    return [_run(living, callers[:clients], count=FLOWS[clients]) for clients in CLIENTS]


def settle(living: System) -> None:
    """Wait until everything that followed from the purchases was done."""
    with psycopg.connect(living.said["database_url"], autocommit=True) as database:
        until = time.monotonic() + 60
        while database.execute(_WAITING).fetchone() != (0,):
            if time.monotonic() > until:
                raise SystemExit("What followed from the purchases did not get done in a minute.")
            time.sleep(0.05)


def _run(living: System, callers: list[load.Caller], *, count: int) -> Row:
    settle(living)
    before = living.cpu_seconds()
    result = load.run(buyers(callers), count=count, at_most_seconds=MOST_SECONDS)
    settle(living)
    used = {role: seconds - before[role] for role, seconds in living.cpu_seconds().items()}
    done = len(result.durations)
    return Row(
        clients=len(callers),
        flows=done,
        per_second=done / result.elapsed,
        p50_ms=result.percentile(0.50) * 1_000,
        p95_ms=result.percentile(0.95) * 1_000,
        cpu_ms={role: seconds / done * 1_000 for role, seconds in used.items()},
    )


def buyers(callers: list[load.Caller]) -> list[Callable[[], object]]:
    """Return a purchase for each caller; they share the variants out among them."""
    skus = scenarios.skus(callers[0])
    return [
        scenarios.buyer(caller, cycle(skus[number :: len(callers)]))
        for number, caller in enumerate(callers)
    ]


def table(rows: list[Row]) -> str:
    """Return the figures as text."""
    roles = [role for role in rows[0].cpu_ms if any(row.cpu_ms[role] >= 0.005 for row in rows)]
    head = f"{'clients':>7} {'flows':>6} {'per s':>7} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8}"
    lines = [
        f"{row.clients:>7} {row.flows:>6} {row.per_second:>7.1f} {row.p50_ms:>8.1f}"
        f" {row.p95_ms:>8.1f} {row.ours_ms:>8.2f}"
        + "".join(f" {row.cpu_ms[role]:>9.2f}" for role in roles)
        for row in rows
    ]
    return "\n".join([head + "".join(f" {role:>9}" for role in roles), *lines])
