"""What statistics cost at one size of the log and at ten times that, through HTTP.

    python benchmarks/answers.py [--events 1000000] [--times 10]

Fills a system of its own with simulated behaviour of 60 days, credits its sales, brings the sums up
to all of it, and asks for funnels and credits of the last 28 days by every group; then the same of
a second system that has so many times as much of everything. The sums are made by the same turns
that beat starts.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.questions import AUTHORS, FIRST, fill
from benchmarks.system import System, system

FUNNEL = ("", "day", "surface", "provenance", "note_type", "category", "brand", "author", "topic")
CREDITS = ("note", "author", "surface", "provenance", "topic", "day")
MODELS = ("last_touch", "linear")
WINDOWS = ("", "7", "30")
SHOWN = 7
#: What no sums are kept for: asked a few times, and shown apart.
COMPUTED = (
    "/api/v1/stats/funnel?population=simulated&unit=events",
    "/api/v1/stats/funnel?population=simulated&window_days=8",
    "/api/v1/stats/attribution?population=simulated&window_days=8",
    "/api/v1/stats/creators?population=simulated",
    "/api/v1/stats/products?population=simulated",
    "/api/v1/stats/time-to-convert?population=simulated",
    "/api/v1/stats/cohorts?population=simulated",
    "/api/v1/stats/aips?population=simulated&brand={brand}",
)
PAID = f"""
INSERT INTO events_event (id, kind, occurred_at, received_at, person_id, surface, product_id,
                          order_id, query, currency, population, source, suspicion)
SELECT gen_random_uuid(), 'order_paid', orders_order.paid_at, orders_order.paid_at,
       orders_order.buyer_id, '', line.product_id, orders_order.id, '', orders_order.currency,
       'simulated', 'server', ''
FROM orders_order JOIN orders_orderline AS line ON line.order_id = orders_order.id
WHERE line.id >= {FIRST}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how long each answer took."""

    path: str
    seconds: list[float]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked of one system: what it has sums for, and what it computes as asked."""

    summed: list[Asked]
    computed: list[Asked]


def paths() -> list[str]:
    """Return every question: funnels and credits by each group, within some windows."""
    funnels = [
        f"/api/v1/stats/funnel?population=simulated&group_by={group}&window_days={window}"
        for group in FUNNEL
        for window in WINDOWS
    ]
    credits_ = [
        "/api/v1/stats/attribution?population=simulated"
        f"&group_by={group}&model={model}&window_days={window}"
        for group in CREDITS
        for model in MODELS
        for window in WINDOWS
    ]
    empty = ("&group_by=&", "&window_days=")
    return [path.replace(empty[0], "&").removesuffix(empty[1]) for path in [*funnels, *credits_]]


def prepare(*, events: int, conversions: int) -> None:
    """Fill the database, credit what was sold, and bring the sums up to it."""
    from django.db import connection, transaction
    from django.utils import timezone

    from redshop.conversion.services import attribution, funnel_rollup, sale_rollup

    def said(name: str, work: Callable[[], Any]) -> None:
        begin = time.perf_counter()
        work()
        print(f"  {name}: {time.perf_counter() - begin:,.0f} s", flush=True)

    def credit() -> None:
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute(PAID)
        for start in range(FIRST, FIRST + conversions, 500):
            with transaction.atomic():
                attribution.attribute(
                    line_ids=range(start, start + 500), at=timezone.now(), is_history=True
                )

    def roll(turn: Callable[..., int], rebuild: Callable[[], None], marks: int) -> None:
        rebuild()
        while turn(at=timezone.now()) == marks:
            pass

    def settle() -> None:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    people = max(events // 100, AUTHORS)
    said(
        f"{events:,} events and {conversions:,} sales",
        lambda: fill(events=events, conversions=conversions, people=people, ago=0),
    )
    said("credits", credit)
    said(
        "sums of the funnel",
        lambda: roll(funnel_rollup.turn, funnel_rollup.rebuild, funnel_rollup.MARKS),
    )
    said("sums of credits", lambda: roll(sale_rollup.turn, sale_rollup.rebuild, sale_rollup.MARKS))
    said("vacuum", settle)


class Analyst:
    """Somebody who asks, over one connection that stays open."""

    def __init__(self, living: System) -> None:
        self.connection = HTTPConnection(living.host, timeout=600)
        self.headers = {"Authorization": f"Bearer {living.said['admin']['token']}"}

    def asks(self, path: str) -> tuple[float, Any]:
        """Return how long the answer took, and the answer."""
        begin = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        took = time.perf_counter() - begin
        assert answer.status == 200, body
        return took, body

    def asks_sums(self, path: str) -> float:
        took, body = self.asks(path)
        assert any("From sums" in note for note in body["meta"]["notes"]), path
        return took


def ask(living: System, *, times: int, is_computed: bool) -> Answers:
    """Ask every question of the sums so many times, and what is computed three times."""
    analyst = Analyst(living)
    for path in paths():
        analyst.asks_sums(path)
    summed = [Asked(path, [analyst.asks_sums(path) for _ in range(times)]) for path in paths()]
    if not is_computed:
        return Answers(summed, [])
    _, brands = analyst.asks("/api/v1/stats/funnel?population=simulated&group_by=brand")
    computed = [path.format(brand=brands["results"][0]["key"]) for path in COMPUTED]
    return Answers(
        summed, [Asked(path, [analyst.asks(path)[0] for _ in range(3)]) for path in computed]
    )


def percentile(asked: list[Asked], share: float) -> float:
    ordered = sorted(seconds for each in asked for seconds in each.seconds)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def text(small: Answers, large: Answers) -> str:
    """Return both sizes side by side: all questions, the slowest ones, and what is computed."""
    lines = [line("milliseconds", "small", "large", "ratio")]
    for kind in ("", "funnel", "attribution"):
        here, there = (
            [each for each in answers.summed if f"/stats/{kind}" in each.path]
            for answers in (small, large)
        )
        for share in (0.5, 0.95):
            name = f"p{share * 100:.0f} of {kind or 'all'}"
            lines.append(row(name, percentile(here, share), percentile(there, share)))
    slowest = sorted(beside(small.summed, large.summed), key=lambda each: -each[2])
    lines += [row(*each) for each in slowest[:SHOWN]]
    lines += ["without sums:"] if small.computed else []
    lines += [row(*each) for each in beside(small.computed, large.computed)]
    return "\n".join(lines)


def beside(small: list[Asked], large: list[Asked]) -> list[tuple[str, float, float]]:
    """Return each question with the median of either size."""
    return [
        (
            one.path.removeprefix("/api/v1/stats/"),
            *(sorted(each.seconds)[len(each.seconds) // 2] for each in (one, other)),
        )
        for one, other in zip(small, large, strict=True)
    ]


def row(name: str, small: float, large: float) -> str:
    return line(name, f"{small * 1e3:,.1f}", f"{large * 1e3:,.1f}", f"{large / small:.2f}")


def line(name: str, *columns: str) -> str:
    return f"{name:<76}" + "".join(f"{column:>10}" for column in columns)


def measured(*, events: int, times: int, is_computed: bool) -> Answers:
    """Start a system, fill it in a process of its own, and ask it."""
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        os.environ.update(living.inside)
        child = os.fork()
        if not child:
            import django

            django.setup()
            prepare(events=events, conversions=events // 100)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, "the system could not be filled"
        time.sleep(10)  # beat's next turn says that the sums are fresh
        return ask(living, times=times, is_computed=is_computed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--factor", type=int, default=10, help="How many times as much.")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument(
        "--only-sums", action="store_true", help="Leave out what is computed as asked."
    )
    given = parser.parse_args()
    small, large = (
        measured(events=events, times=given.times, is_computed=not given.only_sums)
        for events in (given.events, given.events * given.factor)
    )
    print(text(small, large))


if __name__ == "__main__":
    main()
