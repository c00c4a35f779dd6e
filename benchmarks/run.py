"""``make bench``: what a call costs, beside what an empty call costs, in one run.

    python benchmarks/run.py [--people 40] [--notes 200] [--out FILE]

Starts a system of its own, fills it, measures, prints a table and writes it as JSON.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from benchmarks import bare, flows, load, scenarios, statements
from benchmarks.scenarios import CALLERS, Scenario
from benchmarks.system import ROOT, System, system

WARM_UP = 24
MOST_SECONDS = 20.0
#: Roles that work after the answer was given.
LATER = ("worker", "bell", "beat", "valkey")


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario's figures; milliseconds, of one operation."""

    name: str
    operations: int
    calls: int
    p50_ms: float
    p95_ms: float
    per_second: float
    web_cpu_ms: float
    postgres_cpu_ms: float
    later_cpu_ms: float

    @property
    def cpu_ms(self) -> float:
        """What the answer itself took; what workers do afterwards is apart."""
        return self.web_cpu_ms + self.postgres_cpu_ms


def measure(living: System, scenario: Scenario, callers: list[load.Caller]) -> Row:
    """Warm a scenario up, then run it and see what it took."""
    operations = [scenario.operation(caller, n) for n, caller in enumerate(callers)]
    load.run(operations, count=WARM_UP, at_most_seconds=MOST_SECONDS)
    before = living.cpu_seconds()
    result = load.run(operations, count=scenario.count, at_most_seconds=MOST_SECONDS)
    used = {role: seconds - before[role] for role, seconds in living.cpu_seconds().items()}
    done = len(result.durations)
    return Row(
        name=scenario.name,
        operations=done,
        calls=scenario.calls,
        p50_ms=result.percentile(0.50) * 1_000,
        p95_ms=result.percentile(0.95) * 1_000,
        per_second=done / result.elapsed,
        web_cpu_ms=used["web"] / done * 1_000,
        postgres_cpu_ms=used.get("postgres", 0.0) / done * 1_000,
        later_cpu_ms=sum(used.get(role, 0.0) for role in LATER) / done * 1_000,
    )


def table(rows: list[Row]) -> str:
    """Return the figures as text; the last column compares with the first row, call by call."""
    head = (
        f"{'':<20} {'n':>5} {'p50 ms':>8} {'p95 ms':>8} {'per s':>7}"
        f" {'web ms':>8} {'pg ms':>7} {'later ms':>9} {'x empty':>8}"
    )
    base = rows[0].cpu_ms
    lines = [
        f"{row.name:<20} {row.operations:>5} {row.p50_ms:>8.1f} {row.p95_ms:>8.1f}"
        f" {row.per_second:>7.1f} {row.web_cpu_ms:>8.2f} {row.postgres_cpu_ms:>7.2f}"
        f" {row.later_cpu_ms:>9.2f} {row.cpu_ms / row.calls / base:>8.1f}"
        for row in rows
    ]
    return "\n".join([head, *lines])


@dataclass(frozen=True, slots=True)
class Purchases:
    """Whole purchases, what they ask of PostgreSQL, and the same rows as bare SQL."""

    rows: list[flows.Row]
    statements: statements.Counts
    bare: bare.Result

    @property
    def beside_bare(self) -> flows.Row:
        """Return the row with as many clients as bare SQL had."""
        return next(row for row in self.rows if row.clients == self.bare.clients)

    def text(self) -> str:
        ours, sql = self.beside_bare, self.bare
        return "\n".join(
            [
                "Whole purchases (cart, checkout, payment, paid, and what follows):",
                flows.table(self.rows),
                "CPU ms: web, worker, bell, beat and PostgreSQL together, of one flow.",
                "",
                statements.text(self.statements),
                "",
                f"The same rows as bare SQL ({sql.clients} clients of pgbench, {sql.writes} writes",
                f"each): {sql.per_second:.1f} per s, {sql.cpu_ms:.2f} ms CPU of PostgreSQL.",
                f"Beside it, all of redshop takes {ours.ours_ms / sql.cpu_ms:.1f} times the CPU,",
                f"its PostgreSQL {ours.cpu_ms['postgres'] / sql.cpu_ms:.1f} times; bare SQL is",
                f"{sql.per_second / ours.per_second:.1f} times as fast.",
            ]
        )


def purchases(living: System, folder: Path) -> Purchases:
    """Measure whole purchases, count their statements, and run their rows as bare SQL.

    The buyers are new: those of the scenarios have hundreds of impressions, each of which would
    be credited with a part of every purchase.
    """
    print("whole purchases ...", flush=True)
    numbers = range(CALLERS, CALLERS + max(flows.CLIENTS))
    buyers = [scenarios.register(living.host, number) for number in numbers]
    rows = flows.measure(living, buyers)
    print("their statements ...", flush=True)
    counts = statements.count(living, flows.buyers(buyers[:1])[0])
    print("their rows as bare SQL ...", flush=True)
    skus = scenarios.skus(buyers[0])
    each = [
        [*scenarios.steps(caller, skus[n]), lambda: flows.settle(living)]
        for n, caller in enumerate(buyers[: bare.CLIENTS])
    ]
    return Purchases(rows, counts, bare.measure(living, each, folder))


def report(
    rows: list[Row], *, data: Mapping[str, int], bought: Purchases | None = None
) -> dict[str, object]:
    """Return the figures with what they depend on."""
    base = rows[0].cpu_ms
    return {
        "at": datetime.now(UTC).isoformat(),  # noqa: TID251 - an interface reads the clock
        "machine": {"cpus": psutil.cpu_count(), "python": platform.python_version()},
        "callers": CALLERS,
        "data": dict(data),
        "rows": [
            {**asdict(row), "cpu_ms": row.cpu_ms, "ratio": row.cpu_ms / row.calls / base}
            for row in rows
        ],
        "purchases": asdict(bought) if bought else None,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--notes", type=int, default=200)
    parser.add_argument("--products", type=int, default=60)
    parser.add_argument("--only", action="append", help="a scenario's name, or part of it")
    parser.add_argument("--out", type=Path, default=ROOT / ".redshop" / "bench.json")
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    given = arguments()
    data = {"people": given.people, "notes": given.notes, "products": given.products}
    wanted = [
        scenario
        for scenario in scenarios.SCENARIOS
        if scenario is scenarios.SCENARIOS[0]
        or not given.only
        or any(part in scenario.name for part in given.only)
    ]
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        print("Filling the system ...", flush=True)
        sizes = [f"--{name}={number}" for name, number in data.items()]
        living.manage("seed", "--stock=1000000", *sizes)
        callers = [scenarios.register(living.host, n) for n in range(CALLERS)]
        rows = []
        for scenario in wanted:
            print(f"{scenario.name} ...", flush=True)
            rows.append(measure(living, scenario, callers))
        bought = None if given.only else purchases(living, Path(state))
    print(f"\n{table(rows)}\n")
    if bought:
        print(f"{bought.text()}\n")
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(report(rows, data=data, bought=bought), indent=2) + "\n")
    print(
        "CPU time of one operation in the web processes, in PostgreSQL, and later in worker, bell\n"
        "and broker; x empty: (web + PostgreSQL) of one call beside the empty view's.\n"
        f"Written to {given.out}"
    )


if __name__ == "__main__":
    main()
