"""How many statements a whole purchase sends to PostgreSQL, by the server's own log.

The embedded server has no pg_stat_statements; ``log_statement`` misses nothing either.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import flows
from benchmarks.system import System

FLOWS = 40
GOAL = 30
_LINE = re.compile(r"redshop (\w+)\|LOG:  (?:statement|execute [^:]*): (.*)")
_CONTROL = re.compile(r"(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Counts:
    """Statements of one purchase: those that ask or write, and those that begin and end."""

    asked: dict[str, float]
    control: dict[str, float]

    @property
    def total(self) -> float:
        """Return what web and worker asked together (the bell asks whether or not one buys)."""
        return sum(self.asked.get(role, 0.0) for role in ("web", "worker"))


def count(living: System, buy: Callable[[], object]) -> Counts:
    """Buy one after the other and count what the server logs of it."""
    log = Path(living.environment["REDSHOP_STATE_DIR"]) / "logs" / "postgres.log"
    with psycopg.connect(living.said["database_url"], autocommit=True) as database:
        _set(database, "log_line_prefix = '%a|'", "log_statement = 'all'")
        start = log.stat().st_size
        for _ in range(FLOWS):
            buy()
        flows.settle(living)
        _set(database, "log_statement = 'none'")
    with log.open(errors="replace") as lines:
        lines.seek(start)
        return counted(lines.read(), flows=FLOWS)


def counted(log: str, *, flows: int) -> Counts:
    """Count the statements in a log, by role."""
    asked, control = Counter[str](), Counter[str]()
    for role, sql in _LINE.findall(log):
        (control if _CONTROL.match(sql) else asked)[role] += 1
    return Counts(
        {role: number / flows for role, number in asked.items()},
        {role: number / flows for role, number in control.items()},
    )


def text(counts: Counts) -> str:
    """Return the figures as text."""
    lines = [
        f"{role:>9} {counts.asked.get(role, 0.0):>6.1f}"
        f"  (and {counts.control.get(role, 0.0):.1f} BEGIN, COMMIT, SAVEPOINT ...)"
        for role in ("web", "worker", "bell", "beat")
    ]
    return "\n".join(
        [f"Statements a flow, web and worker: {counts.total:.1f} (goal {GOAL})", *lines]
    )


def _set(database: "psycopg.Connection[tuple[object, ...]]", *settings: str) -> None:
    for setting in settings:
        database.execute(f"ALTER SYSTEM SET {setting}".encode())
    database.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)
