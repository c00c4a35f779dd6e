"""Events a second through HTTP, beside a bare COPY of the same rows into the same kind of table.

    python benchmarks/ingestion.py [--events 100000]

The rows are impressions with UUIDv7 ids, in batches of 500, packed with gzip, sent by four clients
at once; everything is made before the clock starts. The bare table is partitioned and indexed as
the log is, and takes the same rows from four connections, once in commits of 500 and once in one
COPY a connection.
"""

import argparse
import gzip
import http.client
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from uuid_utils import uuid7

from benchmarks.system import System, system

CLIENTS, BATCH = 4, 500
SURFACES = ("explore", "following", "search")
COLUMNS = (
    "id, kind, occurred_at, received_at, visitor_id, session_id, surface, note_id, position, query,"
    " currency, population, source, suspicion"
)
BARE = """
DROP TABLE IF EXISTS bare_event;
CREATE TABLE bare_event (LIKE events_event INCLUDING ALL)
    PARTITION BY RANGE (occurred_at);
CREATE TABLE bare_event_now PARTITION OF bare_event FOR VALUES FROM ('{since}') TO ('{until}');
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events went in, how fast, at what cost in milliseconds of CPU a batch."""

    name: str
    events: int
    seconds: float
    web_ms: float
    postgres_ms: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch as a client packs it, and as COPY takes it."""

    packed: bytes
    text: bytes


def made(batches: int) -> list[Sent]:
    """Make the batches of one client, each of a device that scrolls two notes a second."""
    now = datetime.now(UTC)  # noqa: TID251 - a client's clock
    found = []
    for number in range(batches):
        ids = [str(uuid7()) for _ in range(BATCH)]
        visitor, session = str(uuid4()), str(uuid4())
        start = now - timedelta(seconds=BATCH * (batches - number) / 2)
        moments = [start + timedelta(seconds=n / 2) for n in range(BATCH)]
        rows = [
            {
                "id": ids[n],
                "kind": "impression",
                "occurred_at": moments[n].isoformat().replace("+00:00", "Z"),
                "surface": SURFACES[n % 3],
                "note_id": n % 200 + 1,
                "position": n,
            }
            for n in range(BATCH)
        ]
        body = {"sent_at": None, "visitor_id": visitor, "session_id": session, "events": rows}
        lines = [
            f"{ids[n]}\timpression\t{moments[n].isoformat()}\t{now.isoformat()}\t{visitor}"
            f"\t{session}\t{SURFACES[n % 3]}\t{n % 200 + 1}\t{n}\t\t\treal\tclient\t\n"
            for n in range(BATCH)
        ]
        body["sent_at"] = now.isoformat().replace("+00:00", "Z")
        found.append(Sent(gzip.compress(json.dumps(body).encode()), "".join(lines).encode()))
    return found


def at_once(tasks: Sequence[Callable[[], None]]) -> float:
    """Run tasks in threads that begin together; return the seconds until the last has ended."""
    gate = threading.Barrier(len(tasks) + 1)

    def run(task: Callable[[], None]) -> None:
        gate.wait()
        task()

    threads = [threading.Thread(target=run, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    gate.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def through_http(host: str, batches: list[Sent]) -> Callable[[], None]:
    """Return what sends the batches of one client over one connection."""
    connection = http.client.HTTPConnection(host, timeout=60)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    def send() -> None:
        for batch in batches:
            connection.request("POST", "/api/v1/events", batch.packed, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            assert (answer.status, said.get("accepted")) == (202, BATCH), said

    return send


def by_copy(url: str, batches: list[Sent], *, commits: bool) -> Callable[[], None]:
    """Return what copies the rows of one client, a commit a batch or all in one."""
    connection = psycopg.connect(url)
    statement = f"COPY bare_event ({COLUMNS}) FROM STDIN"
    parts = [[batch] for batch in batches] if commits else [batches]

    def send() -> None:
        with connection:
            for part in parts:
                with connection.cursor() as cursor, cursor.copy(statement) as pipe:
                    for batch in part:
                        pipe.write(batch.text)
                connection.commit()

    return send


def measured(
    living: System, name: str, tasks: Sequence[Callable[[], None]], *, batches: int
) -> Rate:
    before = living.cpu_seconds()
    seconds = at_once(tasks)
    used = {role: spent - before[role] for role, spent in living.cpu_seconds().items()}
    each = {role: used.get(role, 0.0) / batches * 1_000 for role in ("web", "postgres")}
    return Rate(name, batches * BATCH, seconds, each["web"], each["postgres"])


def bare_table(url: str) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - partitions are made around the present
    with psycopg.connect(url, autocommit=True) as connection:
        since, until = now - timedelta(days=60), now + timedelta(days=60)
        connection.execute(BARE.format(since=since.isoformat(), until=until.isoformat()))


def measure(living: System, *, events: int) -> list[Rate]:
    """Measure ingestion through HTTP and both ways of a bare COPY, each with rows of its own."""
    each = max(events // BATCH // CLIENTS, 1)
    url = str(living.said["database_url"])

    def clients() -> list[list[Sent]]:
        return [made(each) for _ in range(CLIENTS)]

    warm = [through_http(living.host, made(3)) for _ in range(CLIENTS)]
    at_once(warm)
    rates = [
        measured(
            living,
            "POST /events, 500 a batch, gzip",
            [through_http(living.host, batches) for batches in clients()],
            batches=each * CLIENTS,
        )
    ]
    for name, commits in (("COPY, 500 a commit", True), ("COPY, all in one", False)):
        bare_table(url)
        tasks = [by_copy(url, batches, commits=commits) for batches in clients()]
        rates.append(measured(living, name, tasks, batches=each * CLIENTS))
    return rates


def text(rates: list[Rate]) -> str:
    """Return the table, and the ratio to the faster COPY."""
    ours, best = rates[0], max(rates[1:], key=lambda rate: rate.per_second)
    lines = [f"{'events, four clients':<34}{'a second':>10}{'web ms':>9}{'PostgreSQL ms':>15}"]
    lines += [
        f"{rate.name:<34}{rate.per_second:>10,.0f}{rate.web_ms:>9.2f}{rate.postgres_ms:>15.2f}"
        for rate in rates
    ]
    ratio = ours.per_second / best.per_second
    return "\n".join([*lines, f"Through HTTP at {ratio:.2f} of {best.name}; CPU is of a batch."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="redshop-bench-") as state,
        system(Path(state)) as living,
    ):
        print(text(measure(living, events=given.events)))


if __name__ == "__main__":
    main()
