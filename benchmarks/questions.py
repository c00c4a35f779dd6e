"""Attribution beside hand-written SQL: conversions a second, and what-if questions over a lake.

    python benchmarks/questions.py [--events 10000000] [--conversions 100000]

Fills a database of its own with simulated behaviour by SQL (people, notes, tags, events of 60 days,
orders), exports all of it to a lake, and asks the same questions of redshop's rules and of SQL
that was written by hand for that question alone, on the same engine, in one run.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.system import system

#: One hand-written statement for one question: last touch of 15 days, clicks before views, by note.
BY_HAND = """
WITH touched AS (
    SELECT c.line_id, c.amount_minor, e.note_id, e.occurred_at, e.id,
           e.kind <> 'impression' AS click
    FROM conversions c
    JOIN events_event e ON e.person_id = c.person_id
     AND e.occurred_at >= c.clicks_since AND e.occurred_at <= c.converted_at
    JOIN notes_producttag t ON t.note_id = e.note_id AND t.product_id = c.product_id
     AND t.valid_from <= e.occurred_at
     AND (t.valid_until IS NULL OR t.valid_until > e.occurred_at)
    WHERE e.suspicion = '' AND e.note_id IS NOT NULL
      AND (e.kind IN ('note_open', 'read', 'like', 'save', 'comment', 'share', 'product_view',
                      'cart_add')
           OR (e.kind = 'impression' AND e.occurred_at >= c.views_since))
)
SELECT note_id, count(*), sum(amount_minor) FROM (
    SELECT line_id, amount_minor, note_id,
           row_number() OVER (PARTITION BY line_id
                              ORDER BY click DESC, occurred_at DESC, id DESC) AS place
    FROM touched
) AS ranked WHERE place = 1 GROUP BY note_id
"""

#: Whole rows by the pattern of one that the factories made; ``replica`` leaves out triggers and
#: foreign keys, which a measurement of reading needs not.
CLONE = (
    "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS one, {source}"
    " WHERE one.id = {id}"
)
DAYS, NOTES, PRODUCTS, AUTHORS = 60, 20_000, 10, 1_000
FIRST = 10_000_000
EVENTS = """
INSERT INTO events_event (id, kind, occurred_at, received_at, person_id, surface, note_id, query,
                          currency, population, source, suspicion)
SELECT gen_random_uuid(),
       (ARRAY['impression', 'impression', 'impression', 'impression', 'impression', 'impression',
              'impression', 'note_open', 'note_open', 'read'])[1 + (random() * 9.99)::int % 10],
       moment, moment, {first} + (random() * {people})::int, 'explore',
       {first} + (random() * {notes})::int, '', '', 'simulated', 'client', ''
FROM (SELECT '{start}'::timestamptz + random() * INTERVAL '{days} days' AS moment
      FROM generate_series(1, {count})) AS moments
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """What took how long."""

    name: str
    seconds: float
    conversions: int

    @property
    def per_second(self) -> float:
        return self.conversions / self.seconds


def timed(name: str, ask: Callable[[], Any], *, conversions: int, times: int = 3) -> Timing:
    """Ask so many times; the fastest counts, on a machine that others use too."""
    spans = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        spans.append(time.perf_counter() - begin)
    return Timing(name, min(spans), conversions)


def clone(cursor: Any, table: str, id_: Any, source: str, **changed: str) -> None:
    """Insert rows like one of a table, with some columns changed, one for each row of a source."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
    )
    names = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changed.get(name, f"one.{name}") for name in names)
    columns = ", ".join(names)
    cursor.execute(
        CLONE.format(table=table, columns=columns, values=values, source=source, id=f"'{id_}'")
    )


def fill(*, events: int, conversions: int, people: int, ago: int = 95) -> None:
    """Fill the database with 60 days that ended so many days ago (95: their months are closed)."""
    from django.db import connection, transaction
    from django.utils import timezone

    from notes.factories import NoteFactory
    from orders.factories import PaidLineFactory
    from redshop.events import partitions

    note, line = NoteFactory.create(population="simulated"), PaidLineFactory.create()
    start = timezone.now() - timedelta(days=ago + DAYS)
    partitions.ensure(since=start, until=timezone.now())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        _settle(cursor, note, product=line.product, people=people)
        _sell(cursor, line, start=start, conversions=conversions, people=people)
        cursor.execute(
            EVENTS.format(
                first=FIRST, people=people, notes=NOTES, start=start, days=DAYS, count=events
            )
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum leaves a log that grew by and by


def _settle(cursor: Any, note: Any, *, product: Any, people: int) -> None:
    """Make people, products of a brand each, and notes that show one of these each."""

    def numbers(count: int) -> str:
        return f"generate_series({FIRST}, {FIRST} + {count}) AS n"

    clone(
        cursor,
        "accounts_user",
        note.author_id,
        numbers(people),
        id="n",
        handle="'bench' || n",
        email="'bench' || n || '@example.com'",
        population="'simulated'",
    )
    clone(cursor, "catalog_brand", product.brand_id, numbers(PRODUCTS), id="n", name="'b' || n")
    clone(
        cursor,
        "catalog_product",
        product.pk,
        numbers(PRODUCTS),
        id="n",
        name="'product ' || n",
        brand_id="n",
    )
    author = f"{FIRST} + n % {AUTHORS}"
    clone(cursor, "notes_note", note.pk, numbers(NOTES), id="n", author_id=author)
    cursor.execute(
        "INSERT INTO notes_producttag (note_id, product_id, valid_from)"
        f" SELECT n, {FIRST} + n % {PRODUCTS}, '2020-01-01' FROM {numbers(NOTES)}"
    )


def _sell(cursor: Any, line: Any, *, start: datetime, conversions: int, people: int) -> None:
    """Make orders of one line each, paid by anybody after the first 15 days."""
    cursor.execute(
        "CREATE TEMPORARY TABLE bought ON COMMIT DROP AS"
        " SELECT n, gen_random_uuid() AS order_id,"
        f" {FIRST} + (random() * {people})::int AS buyer,"
        f" %s + (random() * {DAYS - 15} + 15) * INTERVAL '1 day' AS at"
        f" FROM generate_series({FIRST}, {FIRST} + {conversions - 1}) AS n",
        [start],
    )
    clone(
        cursor,
        "orders_order",
        line.order_id,
        "bought",
        id="order_id",
        number="n::text",
        buyer_id="buyer",
        paid_at="at",
        placed_at="at",
        population="'simulated'",
    )
    clone(
        cursor,
        "orders_orderline",
        line.pk,
        "bought",
        id="n",
        order_id="bought.order_id",
        product_id=f"{FIRST} + n % {PRODUCTS}",
    )


def export() -> int:
    """Bring everything into the lake; return its bytes."""
    from django.utils import timezone

    from redshop.events.lake import months

    at = timezone.now()
    rows = [months.export(month, at=at) for month in months.unverified(at=at)]
    return sum(file["bytes"] for row in rows for file in row.files)


def in_postgresql(conversions: int) -> list[Timing]:
    """Credit so many conversions: one model, six, by hand, and with everything written."""
    from django.db import connection, transaction
    from django.utils import timezone

    from redshop.conversion.engines.relations import CONVERSIONS, GIVEN_BACK
    from redshop.conversion.rules import TOUCHES, shares
    from redshop.conversion.services import attribution
    from redshop.conversion.types import AttributionModel

    lines = f"SELECT generate_series({FIRST}, {FIRST} + {conversions - 1})"
    known = f"WITH conversions AS MATERIALIZED ({CONVERSIONS.format(lines=lines)})"
    path = f"path AS MATERIALIZED ({TOUCHES}), given_back AS ({GIVEN_BACK})"

    def ask(statement: str) -> Callable[[], None]:
        def run() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement, {"window_days": 15})
                cursor.fetchall()

        return run

    def divided(*models: AttributionModel) -> str:
        return (
            f"{known}, {path} SELECT model, note_id, sum(weight), sum(amount_minor)"
            f" FROM ({shares(models)}) AS answer GROUP BY 1, 2"
        )

    some = min(conversions, 2_000)

    def write() -> None:
        with transaction.atomic():
            for start in range(FIRST, FIRST + some, 200):
                attribution.attribute(
                    line_ids=range(start, start + 200), at=timezone.now(), is_history=True
                )
            transaction.set_rollback(True)

    last = divided(AttributionModel.LAST_TOUCH)
    return [
        timed("PostgreSQL, last touch", ask(last), conversions=conversions),
        timed(
            "PostgreSQL, last touch by hand",
            ask(f"{known} SELECT * FROM ({BY_HAND}) AS answer"),
            conversions=conversions,
        ),
        timed("PostgreSQL, six models", ask(divided(*AttributionModel)), conversions=conversions),
        timed("six models, compared and written", write, conversions=some, times=1),
    ]


def over_the_lake(conversions: int) -> list[Timing]:
    """Ask the lake for the last touch of every conversion, by the rules and by hand."""
    from redshop.conversion.engines import duck
    from redshop.conversion.engines.dialects import Dialect, said_in
    from redshop.conversion.rules import TOUCHES, shares
    from redshop.conversion.types import AttributionModel
    from redshop.core.db import snapshot

    lines = f"SELECT id FROM orders_orderline WHERE id >= {FIRST}"
    touches = said_in(Dialect.DUCKDB, TOUCHES)
    divided = said_in(Dialect.DUCKDB, shares((AttributionModel.LAST_TOUCH,)))
    begin = time.perf_counter()
    with snapshot(), duck.asked(lines=lines, values={"window_days": 15}) as question:
        brought = Timing("bringing relations to DuckDB", time.perf_counter() - begin, conversions)

        def by_the_rules() -> list[Any]:
            question.database.execute(f"CREATE OR REPLACE TABLE path AS {touches}")
            return question.database.execute(
                f"SELECT note_id, count(*), sum(amount_minor) FROM ({divided}) AS answer"
                " GROUP BY note_id"
            ).fetchall()

        def by_hand() -> list[Any]:
            return question.database.execute(BY_HAND).fetchall()

        assert sorted(by_the_rules()) == sorted(by_hand()), "they say different things"
        return [
            brought,
            timed("DuckDB over the lake, last touch", by_the_rules, conversions=conversions),
            timed("DuckDB over the lake, by hand", by_hand, conversions=conversions),
        ]


FACT = """
INSERT INTO core_fact (kind, key, consumer, payload, due_at, attempts, error)
SELECT 'order.paid', 'bench/' || line.id, 'redshop.conversion.tasks.attribute_paid',
       jsonb_build_object('order_id', line.order_id, 'paid_at', orders_order.paid_at),
       clock_timestamp(), 0, ''
FROM orders_orderline AS line JOIN orders_order ON orders_order.id = line.order_id
WHERE line.id >= %s AND line.id < %s
"""


def as_it_happens(*, seconds: int = 20, a_second: int = 100) -> str:
    """Let orders be paid, by facts alone, and tell when others can see how they are credited.

    The facts are written ten times a second; another connection counts every 20 ms.
    """
    from django.db import connection

    begin, ticks = time.perf_counter(), 10
    each, wanted = a_second // ticks, seconds * a_second
    written, seen = [], 0
    latencies: list[float] = []
    with connection.cursor() as cursor:
        while seen < wanted:
            now = time.perf_counter()
            if len(written) < wanted and now - begin >= len(written) / a_second:
                cursor.execute(FACT, [FIRST + len(written), FIRST + len(written) + each])
                written += [now] * each
            cursor.execute(
                "SELECT count(*) FROM conversion_attribution WHERE line_id >= %s", [FIRST]
            )
            [there] = cursor.fetchone()
            latencies += [time.perf_counter() - moment for moment in written[seen:there]]
            seen = there
            time.sleep(0.02)
        cursor.execute("SELECT count(*) FROM conversion_credit")
        [credits_] = cursor.fetchone()
    latencies.sort()
    p50, p95 = (latencies[int(share * len(latencies))] for share in (0.5, 0.95))
    return (
        f"{wanted:,} orders at {a_second} a second, {credits_:,} credits: seen after"
        f" {p50:.2f} s (p50), {p95:.2f} s (p95), {latencies[-1]:.2f} s (all)"
    )


def text(timings: list[Timing]) -> str:
    lines = [f"{'':<36}{'seconds':>9}{'conversions a second':>23}"]
    lines += [f"{each.name:<36}{each.seconds:>9.2f}{each.per_second:>23,.0f}" for each in timings]
    by_name = {each.name: each.seconds for each in timings}
    lake = by_name["DuckDB over the lake, last touch"] / by_name["DuckDB over the lake, by hand"]
    here = by_name["PostgreSQL, last touch"] / by_name["PostgreSQL, last touch by hand"]
    beside = f"By the rules beside by hand: PostgreSQL {here:.2f}, DuckDB {lake:.2f}"
    return "\n".join([*lines, beside])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--conversions", type=int, default=20_000)
    parser.add_argument(
        "--people",
        type=int,
        default=0,
        help="Default: one to 100 events; no fewer than write notes.",
    )
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        os.environ.update(living.inside)
        import django

        django.setup()
        begin = time.perf_counter()
        fill(
            events=given.events,
            conversions=given.conversions,
            people=max(given.people or given.events // 100, AUTHORS),
        )
        print(f"filled in {time.perf_counter() - begin:.0f} s", flush=True)
        here = in_postgresql(min(given.conversions, 20_000))
        begin = time.perf_counter()
        size = export()
        took = time.perf_counter() - begin
        print(f"exported and verified in {took:.0f} s: {size / 1e6:,.0f} MB", flush=True)
        print(text([*here, *over_the_lake(given.conversions)]), flush=True)
        print(as_it_happens())


if __name__ == "__main__":
    main()
