"""What explore costs over many notes and people, beside an empty view, through HTTP.

    python benchmarks/feed.py [--notes 1000000] [--people 100000] [--times 600]

Fills a system of its own by COPY (notes of two topics each with a vector near that of their first
topic, people who follow twenty authors and opened ten notes each, random and simulated), prepares
what beat prepares, and asks for first and further pages as many different people. Printed with a
tenth of the notes and with all of them: the processor time of a call beside that of an empty
authenticated view, and first pages a second.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil

from benchmarks import load, vectors
from benchmarks.load import Caller
from benchmarks.questions import FIRST, clone
from benchmarks.search import Words, said
from benchmarks.system import System, system

TOPICS, CREATORS, LARGE = 200, 20_000, 400
#: So many people ask; each has a token.
ASKING, CLIENTS = 400, 8
FOLLOWED, OPENED, SHOWN = 20, 10, 20
#: Seconds in which each of the tasks that beat gives every minute had its turn.
IDLE = 65.0


def token_of(number: int) -> str:
    """Return the token of a made-up person."""
    return hashlib.sha256(f"bench {number}".encode()).hexdigest()


def fill(*, notes: int, people: int) -> None:
    """Write authors, people, tokens, topics, notes, follows and what people did."""
    from django.db import connection, transaction

    from notes.factories import NoteFactory, TopicFactory

    one = NoteFactory.create(population="simulated", topics=[])
    TopicFactory.create_batch(1)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        clone(
            cursor, "accounts_user", one.author_id,
            f"generate_series({FIRST}, {FIRST + CREATORS + people}) AS n",
            id="n", handle="'bench' || n", email="'bench' || n || '@example.com'",
            population="'simulated'",
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO notes_topic (id, slug, name) SELECT n, 'topic-' || n, 'Topic ' || n"
            f" FROM generate_series({FIRST}, {FIRST + TOPICS - 1}) AS n"
        )
        cursor.execute("CREATE TEMPORARY TABLE texts (n bigint, t text, b text) ON COMMIT DROP")
        with cursor.copy("COPY texts FROM STDIN") as copy:
            for n, (title, body) in enumerate(Words(seed=7).texts(notes), FIRST):
                copy.write_row((n, title, body))
        clone(
            cursor, "notes_note", one.pk, "texts",
            id="n", title="t", body="b",
            author_id=f"{FIRST} + (power(random(), 2) * {CREATORS - 1})::int",
            type="(ARRAY['image', 'image', 'video', 'text'])[1 + n % 4]",
            published_at=f"now() - ({FIRST + notes} - n) * interval '60 days' / {notes}",
        )  # fmt: skip
        for statement in _rest(notes, people):
            cursor.execute(statement)


def _rest(notes: int, people: int) -> Iterator[str]:
    """Yield the statements that write everything that hangs on notes and people."""
    yield (
        "INSERT INTO notes_notecounts (note_id, likes, saves, comments, shares, follows)"
        " SELECT n, (1 / (random() + 0.001))::int, (1 / (random() + 0.01))::int, 0, 0, 0 FROM texts"
    )
    yield (
        "INSERT INTO notes_note_topics (note_id, topic_id)"
        f" SELECT n, {FIRST} + n % {TOPICS} FROM texts"
        f" UNION SELECT n, {FIRST} + (n / {TOPICS}) % {TOPICS} FROM texts"
    )
    who = f"{FIRST + CREATORS} + p"
    yield (
        "INSERT INTO accounts_follow (follower_id, followed_id, created_at)"
        f" SELECT {who}, a, now() FROM generate_series(1, {people}) AS p CROSS JOIN LATERAL ("
        f" SELECT DISTINCT {FIRST} + (power(random(), 3) * {CREATORS - 1})::int AS a"
        f" FROM generate_series(1, {FOLLOWED}) WHERE p > 0) AS drawn"
    )
    happened = (
        "INSERT INTO events_event (id, kind, occurred_at, received_at, person_id, surface,"
        " note_id, query, currency, population, source, suspicion)"
        " SELECT gen_random_uuid(), '{kind}', at, at, {who}, 'explore', {note}, '', '',"
        " 'simulated', 'client', '' FROM generate_series(1, {people}) AS p"
        " CROSS JOIN generate_series(1, {times}) AS t"
        " CROSS JOIN LATERAL (SELECT now() - random() * interval '{days} days' AS at"
        " WHERE p + t > 0) AS moment"
    )
    # everybody goes back to the same three topics
    any_note = f"(random() * {notes - 1})::bigint"
    near = f"{FIRST} + ({any_note} / {TOPICS}) * {TOPICS} + (p + t % 3 * 67) % {TOPICS}"
    for kind, times, note, days in (
        ("note_open", OPENED, near, 14),
        ("impression", SHOWN, f"{FIRST} + {any_note}", 3),
        ("like", 2, near, 3),
    ):
        yield happened.format(
            kind=kind, who=who, note=f"least({note}, {FIRST + notes - 1})", people=people,
            times=times, days=days,
        )  # fmt: skip


def tokens() -> None:
    """Give those who ask a token each."""
    from django.utils import timezone

    from redshop.accounts.models import AccessToken

    now = timezone.now()
    AccessToken.objects.bulk_create(
        AccessToken(
            user_id=FIRST + CREATORS + 1 + n,
            digest=hashlib.sha256(token_of(n).encode()).hexdigest(),
            created_at=now,
            last_used_at=now,
            expires_at=now + timedelta(days=1),
        )
        for n in range(ASKING)
    )


def encode(notes: int) -> None:
    """Give every note a vector near that of its first topic, and index them."""
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(TOPICS, 128))

    def parts() -> Iterator[vectors.Rows]:
        for start in range(0, notes, 10_000):
            ids = np.arange(FIRST + start, FIRST + min(start + 10_000, notes))
            raw = middles[ids % TOPICS] + 0.8 * rng.normal(size=(len(ids), 128))
            yield ids, vectors.of_length_one(raw)

    vectors.write(parts(), encoder_id=None, is_indexed=True)


def recall() -> float:
    """Return how many of the 30 nearest the index finds, of as many notes."""
    from django.db import connection

    from notes.discovery import tastes

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT halfvec_send(vector) FROM notes_notevector ORDER BY note_id DESC LIMIT 20"
        )
        asked = tastes.vectors_of([sent for (sent,) in cursor.fetchall()])
        found = tastes.nearest(list(asked), 30)
        shares = []
        for vector, ids in zip(asked, found, strict=True):
            text = "[" + ",".join(f"{number:.5f}" for number in vector) + "]"
            cursor.execute(
                "SELECT note_id FROM (SELECT note_id, (vector <=> %s::halfvec(128)) + 0 AS far"
                " FROM notes_notevector) AS all_of_them ORDER BY far LIMIT 30",
                [text],
            )
            shares.append(len({pk for (pk,) in cursor.fetchall()} & set(ids)) / 30)
    return float(np.mean(shares))


def prepare(*, notes: int, people: int) -> None:
    """Fill the system, and prepare what beat prepares."""
    from django.db import connection
    from django.utils import timezone

    from notes.models import LargeCreator
    from notes.services import charts, exposure
    from redshop.events import partitions

    now = timezone.now()
    partitions.ensure(since=now - timedelta(days=61), until=now + timedelta(days=1))
    said(f"{notes:,} notes and {people:,} people", lambda: fill(notes=notes, people=people))
    tokens()
    said("vectors and their index", lambda: encode(notes))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    LargeCreator.objects.bulk_create(
        LargeCreator(author_id=FIRST + n, followers=1_000, counted_at=now) for n in range(LARGE)
    )
    said("charts", lambda: charts.count(at=timezone.now()))
    said("the pool of topics", lambda: charts.prepare(at=timezone.now()))
    said("the exposure pool", lambda: exposure.share(at=timezone.now()))
    print(f"  recall of the index at 30: {recall():.3f}")


def _idle(living: System) -> dict[str, float]:
    """Return what web and PostgreSQL use a second while nobody asks: beat's tasks go on.

    As long as it takes until each of these had its turn.
    """
    before = living.cpu_seconds()
    time.sleep(IDLE)
    after = living.cpu_seconds()
    return {role: (after[role] - before[role]) / IDLE for role in ("web", "postgres")}


def measure(
    living: System, work: Callable[[int], object], *, times: int, idle: dict[str, float]
) -> tuple[float, float]:
    """Return milliseconds of CPU a call (web and PostgreSQL), and calls a second.

    What is used while nobody asks is taken off.
    """
    load.run([lambda n=n: work(n) for n in range(CLIENTS)], count=CLIENTS * 10, at_most_seconds=60)
    before, begin = living.cpu_seconds(), time.perf_counter()
    turn = iter(range(10**9))
    done = load.run([lambda: work(next(turn))] * CLIENTS, count=times, at_most_seconds=60)
    elapsed, after = time.perf_counter() - begin, living.cpu_seconds()
    used = {role: after[role] - before[role] - idle[role] * elapsed for role in idle}
    count = len(done.durations)
    print(
        f"    web {used['web'] / count * 1e3:.2f} ms, PostgreSQL"
        f" {used['postgres'] / count * 1e3:.2f} ms, p95 {done.percentile(0.95) * 1e3:.0f} ms"
    )
    return sum(used.values()) / count * 1e3, count / elapsed


def measured(notes: int, people: int, *, times: int) -> dict[str, tuple[float, float]]:
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        os.environ.update(living.inside)
        child = os.fork()
        if not child:
            import django

            django.setup()
            prepare(notes=notes, people=people)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, "the system could not be filled"
        found = ask(living, times=times)
        web = psutil.Process(living.said["pids"]["web"])
        held = [p.memory_info().rss / 1024**2 for p in (web, *web.children(recursive=True))]
        print(f"  web processes hold {', '.join(f'{mib:,.0f}' for mib in held)} MiB")
        return found


def ask(living: System, *, times: int) -> dict[str, tuple[float, float]]:
    """Call the empty view, first pages and further pages as many people."""
    callers = [Caller(living.host, token=token_of(n)) for n in range(ASKING)]
    cursors: dict[int, str] = {}

    def first(n: int) -> None:
        page = callers[n % ASKING].call("GET", "/feed")
        assert page["personalised"], page
        assert len(page["results"]) == 20, page
        cursors[n % ASKING] = page["next"].partition("/api/v1")[2]

    def further(n: int) -> None:
        assert callers[n % ASKING].call("GET", cursors[n % ASKING])["results"]

    found = {}
    idle = _idle(living)
    for name, work in (
        ("empty view", lambda n: callers[n % ASKING].call("GET", "/bench/empty")),
        ("first page", first),
        ("further page", further),
    ):
        if name == "further page":
            for n in range(ASKING):
                first(n)
        found[name] = measure(living, work, times=times, idle=idle)
        cpu, rate = found[name]
        base = found["empty view"][0]
        print(f"  {name:<14}{cpu:>8.2f} ms CPU{cpu / base:>8.1f} x empty{rate:>8.0f} a second",
              flush=True)  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=600)
    given = parser.parse_args()
    costs = []
    for notes in (given.notes // 10, given.notes):
        print(f"{notes:,} notes, {given.people:,} people", flush=True)
        costs.append(measured(notes, given.people, times=given.times)["first page"][0])
    print(f"with ten times the notes a first page costs {costs[1] / costs[0]:.2f} times as much")


if __name__ == "__main__":
    main()
