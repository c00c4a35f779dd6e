"""The transactional outbox: PostgreSQL is the queue, Celery is only the doorbell.

A fact is written in the transaction that makes it true, once for each consumer that subscribed
to its kind. It is done only when the consumer's effect commits, in the same transaction. What
happens in between (a killed worker, a wiped broker) costs time and nothing else.
"""

import json
import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from redshop.core.db import requires_transaction, session_lock
from redshop.core.errors import Busy
from redshop.core.models import Fact
from redshop.core.writes import together, write

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
BACKOFF: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120))

#: The advisory lock that every drain shares, and that whoever keeps time of their own holds.
TIME_LOCK: Final = 0x74696D65

#: A consumer gets the fact's payload and the moment of the drain, as keyword arguments, inside
#: a transaction. It must leave the same state however often it runs.
Consumer = Callable[..., None]

_consumers: dict[str, Consumer] = {}
_solitary: set[str] = set()
_takes_many: set[str] = set()
_subscriptions: dict[str, list[str]] = {}


def subscribe(
    *kinds: str, is_alone: bool = False, takes_many: bool = False
) -> Callable[[Consumer], Consumer]:
    """Register a consumer of facts of these kinds; belongs in an app's ``tasks.py``.

    The consumer is called with ``kind``, ``payload`` and ``at``, inside the transaction in which
    the fact becomes done. Facts share a transaction unless the consumer ``is_alone``: one that
    locks rows which people wait for must not hold them while the next fact is worked on. One that
    ``takes_many`` gets ``payloads`` instead, of all facts of a kind that share the transaction.
    """

    def register(consumer: Consumer) -> Consumer:
        name = f"{consumer.__module__}.{consumer.__qualname__}"
        _consumers[name] = consumer
        if is_alone:
            _solitary.add(name)
        if takes_many:
            _takes_many.add(name)
        for kind in kinds:
            if name not in _subscriptions.setdefault(kind, []):
                _subscriptions[kind].append(name)
        return consumer

    return register


@requires_transaction
def publish(
    kind: str, *, key: str, payload: Mapping[str, Any], at: datetime, due_at: datetime | None = None
) -> None:
    """Write a fact for each consumer of its kind, with the state that makes it true.

    ``key`` makes the fact unique within its kind: publishing it again changes nothing. A fact
    with a later ``due_at`` is a timer.
    """
    publish_many(kind, facts=[(key, payload)], at=at, due_at=due_at)


@requires_transaction
def publish_many(
    kind: str,
    *,
    facts: Sequence[tuple[str, Mapping[str, Any]]],
    at: datetime,
    due_at: datetime | None = None,
) -> None:
    """Write several facts of one kind, each a (key, payload) pair, in one statement."""
    publish_timers(kind, facts=[(key, payload, due_at or at) for key, payload in facts])


_PUBLISH: Final = """
INSERT INTO core_fact (kind, key, consumer, payload, due_at, attempts, error)
SELECT %s, key, consumer, payload::jsonb, due_at, 0, ''
FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS fact (key, payload, due_at),
     unnest(%s::text[]) AS consumer
ON CONFLICT DO NOTHING
"""


@requires_transaction
def publish_timers(kind: str, *, facts: Sequence[tuple[str, Mapping[str, Any], datetime]]) -> None:
    """Write several facts of one kind, each with a moment of its own when it is due."""
    consumers = _subscriptions.get(kind)
    if not consumers or not facts:
        return
    keys, payloads, moments = zip(*facts, strict=True)
    written = [json.dumps(payload) for payload in payloads]
    write(_PUBLISH, [kind, list(keys), written, list(moments), consumers])


_WITHDRAW: Final = """
DELETE FROM core_fact WHERE id IN (
    SELECT id FROM core_fact
    WHERE kind = %s AND key = %s AND done_at IS NULL AND set_aside_at IS NULL
    FOR UPDATE SKIP LOCKED
)
"""


@requires_transaction
def withdraw(kind: str, *, key: str) -> None:
    """Forget a timer that has not gone off: what it waited for has happened.

    One that is going off at this moment is left to its consumer, which looks at the state again:
    waiting for it here could be a deadlock.
    """
    write(_WITHDRAW, [kind, key])


@requires_transaction
def forget(kind: str, *, keys: Sequence[str]) -> None:
    """Forget facts that are done, before their days are over: their keys lead to somebody.

    Raises:
        Busy: some are not done yet; try again when they are.
    """
    facts = Fact.objects.filter(kind=kind, key__in=keys)
    if facts.filter(done_at=None).exists():
        raise Busy
    facts.delete()


@contextmanager
def own_time() -> Iterator[None]:
    """Keep other processes from acting on facts, while this one drains at moments of its own.

    A simulation writes facts that are long due by everyone else's clock. What becomes due in
    earnest meanwhile waits; the server frees the lock when the process dies.
    """
    with session_lock(TIME_LOCK):
        yield


@dataclass(frozen=True, slots=True)
class Claim:
    """One fact taken for work: its id and how many starts it has had, this one included."""

    id: int
    attempts: int
    consumer: str

    @property
    def is_sociable(self) -> bool:
        """Tell whether it may share a transaction: it never failed, and holds nobody up."""
        return self.attempts == 1 and self.consumer not in _solitary


@dataclass(frozen=True, slots=True)
class Drained:
    """What one pass over the due facts did."""

    done: int = 0
    failed: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.done or self.failed)


def drain(*, at: datetime, limit: int | None = None) -> Drained:
    """Act on the facts due at ``at``, one pass; call again until the answer is empty.

    Facts that never failed share a transaction. A fact that failed before, or
    whose process died, is tried alone, so that one poisonous fact costs its neighbours at most
    one start. After five starts it is set aside.
    """
    limit = limit or settings.OUTBOX_BATCH
    claims = _claim(at=at, limit=limit)
    sociable = [claim for claim in claims if claim.is_sociable]
    results = [_work(sociable, at=at)] if sociable else []
    results += [_work([claim], at=at) for claim in claims if not claim.is_sociable]
    return Drained(
        done=sum(result.done for result in results),
        failed=sum(result.failed for result in results),
    )


def drain_all(*, at: datetime) -> Drained:
    """Drain until nothing is due at ``at``."""
    done = failed = 0
    while not (result := drain(at=at)).is_empty:
        done, failed = done + result.done, failed + result.failed
    return Drained(done=done, failed=failed)


#: One statement, and so one transaction: nobody else keeps time of their own (``own_time``), the
#: starts are counted and the facts leased, or nothing of it.
_CLAIM: Final = """
WITH clock AS MATERIALIZED (SELECT pg_try_advisory_xact_lock_shared(%(lock)s) AS is_mine)
UPDATE core_fact SET
    attempts = LEAST(attempts + 1, %(most)s),
    due_at = %(at)s + %(lease)s::interval,
    set_aside_at = CASE WHEN attempts >= %(most)s THEN %(at)s END,
    error = CASE WHEN attempts >= %(most)s AND error = ''
                 THEN 'its process died at every start' ELSE error END
WHERE id IN (
    SELECT id FROM core_fact
    WHERE done_at IS NULL AND set_aside_at IS NULL AND due_at <= %(at)s
      AND (SELECT is_mine FROM clock)
    ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING id, attempts, consumer, set_aside_at IS NULL
"""


def _claim(*, at: datetime, limit: int) -> list[Claim]:
    """Count a start and lease the facts, committed before any risky work begins.

    The lease bridges the gap until ``_work`` has locked the rows; from then on the locks keep
    others away for as long as the work takes, and a process that dies lets go of them at once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "at": at,
                "most": MAX_ATTEMPTS,
                "lease": f"{settings.OUTBOX_LEASE_SECONDS} seconds",
                "lock": TIME_LOCK,
                "limit": limit,
            },
        )
        return sorted(
            (Claim(pk, attempts, consumer) for pk, attempts, consumer, alive in cursor if alive),
            key=lambda claim: claim.id,
        )


def _work(claims: Sequence[Claim], *, at: datetime) -> Drained:
    """Run the consumers of the claimed facts; effects and ``done_at`` commit together.

    A failure is rare, and a savepoint for every fact is not: all are tried at once, and where
    that fails each by itself. A fact that is alone is put back at once.
    """
    try:
        return _work_at_once(claims, at=at)
    except _Failed as failed:
        failure = failed
    if len(claims) == 1:
        return _put_back_alone(failure, at=at)
    return _work_one_by_one(claims, at=at)


class _Failed(Exception):
    """A consumer failed, and with it what shared its transaction."""

    def __init__(self, fact: Fact, cause: Exception) -> None:
        super().__init__(str(fact))
        self.fact, self.cause = fact, cause


@transaction.atomic
def _work_at_once(claims: Sequence[Claim], *, at: datetime) -> Drained:
    facts = _take(claims, at=at)
    with together():
        for alike in _that_go_together(facts):
            try:
                _consume(alike, at=at)
            except Exception as error:
                raise _Failed(alike[0], error) from error
    return Drained(done=len(facts))


def _that_go_together(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Return the facts in the order in which they came, those of one kind for a consumer that
    takes many with the first of them."""
    alike: dict[Hashable, list[Fact]] = {}
    for fact in facts:
        takes_many = fact.consumer in _takes_many
        alike.setdefault((fact.consumer, fact.kind, None if takes_many else fact.pk), []).append(
            fact
        )
    return list(alike.values())


@transaction.atomic
def _work_one_by_one(claims: Sequence[Claim], *, at: datetime) -> Drained:
    facts = _take(claims, at=at)
    failed = sum(not _stands(fact, at=at) for fact in facts)
    return Drained(done=len(facts) - failed, failed=failed)


def _stands(fact: Fact, *, at: datetime) -> bool:
    """Run one consumer under a savepoint; tell whether its effect stands."""
    try:
        with transaction.atomic():
            _consume([fact], at=at)
    except Exception as error:  # noqa: BLE001 - ``_put_back`` logs it
        _put_back(fact, error, at=at)
        return False
    return True


@transaction.atomic
def _put_back_alone(failure: _Failed, *, at: datetime) -> Drained:
    """Put a fact back whose work was rolled back, unless somebody else has taken it since."""
    fact = failure.fact
    mine = _take([Claim(fact.pk, fact.attempts, fact.consumer)], at=at)
    for again in mine:
        _put_back(again, failure.cause, at=at)
    return Drained(failed=len(mine))


_TAKE: Final = """
UPDATE core_fact SET done_at = %s
WHERE id IN (
    SELECT id FROM core_fact
    JOIN unnest(%s::bigint[], %s::int[]) AS claim (fact_id, starts)
      ON core_fact.id = claim.fact_id AND core_fact.attempts = claim.starts
    WHERE done_at IS NULL AND set_aside_at IS NULL
    ORDER BY id FOR UPDATE OF core_fact SKIP LOCKED
)
RETURNING *
"""


def _take(claims: Sequence[Claim], *, at: datetime) -> list[Fact]:
    """Lock the claimed facts which nobody else has claimed since, done if this commits."""
    starts = [[claim.id for claim in claims], [claim.attempts for claim in claims]]
    return sorted(Fact.objects.raw(_TAKE, [at, *starts]), key=lambda fact: fact.pk)


def _consume(alike: Sequence[Fact], *, at: datetime) -> None:
    """Call the consumer of facts that go together."""
    first, payloads = alike[0], [fact.payload for fact in alike]
    consumer = _consumers[first.consumer]
    if first.consumer in _takes_many:
        consumer(kind=first.kind, payloads=payloads, at=at)
    else:
        consumer(kind=first.kind, payload=first.payload, at=at)


def _put_back(fact: Fact, error: Exception, *, at: datetime) -> None:
    """Schedule the next start of a failed fact, or set it aside after the last."""
    logger.warning("fact %s failed at start %s", fact, fact.attempts, exc_info=error)
    fact.done_at = None
    fact.error = f"{type(error).__name__}: {error}"[:2_000]
    if fact.attempts >= MAX_ATTEMPTS:
        fact.set_aside_at = at
    else:
        fact.due_at = at + BACKOFF[fact.attempts - 1]
    fact.save(update_fields=["done_at", "error", "set_aside_at", "due_at"])


@transaction.atomic
def retry_set_aside(*, fact_ids: Sequence[int], at: datetime) -> int:
    """Give facts that were set aside five new starts; return how many there were."""
    return Fact.objects.filter(pk__in=fact_ids, set_aside_at__isnull=False).update(
        attempts=0, set_aside_at=None, due_at=at
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far the consumers are behind."""

    due: int
    oldest_due_seconds: float
    set_aside: int


def backlog(*, at: datetime) -> Backlog:
    """Return what is due at ``at``, the age of the oldest in seconds, and what was set aside."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE set_aside_at IS NULL AND due_at <= %(at)s),
                   extract(epoch FROM %(at)s - min(due_at) FILTER (
                       WHERE set_aside_at IS NULL AND due_at <= %(at)s)),
                   count(*) FILTER (WHERE set_aside_at IS NOT NULL)
            FROM core_fact WHERE done_at IS NULL
            """,
            {"at": at},
        )
        due, oldest, set_aside = cursor.fetchone()
    return Backlog(due=due, oldest_due_seconds=float(oldest or 0), set_aside=set_aside)


_IS_DUE: Final = """
SELECT EXISTS (
    SELECT FROM core_fact WHERE done_at IS NULL AND set_aside_at IS NULL AND due_at <= %s
) AND pg_try_advisory_xact_lock_shared(%s)
"""


def something_is_due(*, at: datetime) -> bool:
    """Tell whether the bell should ring."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_DUE, [at, TIME_LOCK])
        return bool(cursor.fetchone()[0])


def any_done(*, since: datetime) -> bool:
    """Tell whether the effect of any fact committed since then."""
    return Fact.objects.filter(done_at__gte=since).exists()
