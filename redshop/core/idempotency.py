"""Idempotent calls: one effect for each key, and the same answer for each repeat.

The key, the effect and the answer commit together, so a crash between work and answer leaves
either all of them or none.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from redshop.core.db import refusing_when_busy
from redshop.core.errors import DomainError
from redshop.core.models import IdempotencyKey
from redshop.core.prepared import prepared

B = TypeVar("B")
M = TypeVar("M")

LIFETIME: Final = timedelta(days=1)


class IdempotencyKeyRequired(DomainError):
    """This call needs an Idempotency-Key header with a UUID."""

    code = "idempotency_key_required"
    status = 400


class IdempotencyKeyReused(DomainError):
    """This Idempotency-Key belongs to a different request."""

    code = "idempotency_key_reused"
    status = 422


class InProgress(DomainError):
    """The first request with this Idempotency-Key is still running."""

    code = "in_progress"
    status = 409
    retry_after: ClassVar[int | None] = 1


@dataclass(frozen=True, slots=True)
class Call:
    """What identifies a repeat: whose call it is, which one, its key and what it asked for."""

    person_id: int
    name: str
    key: UUID
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it was given."""

    status: int
    body: bytes
    content_type: str
    is_replay: bool = False


def digest_of(*, method: str, path: str, body: bytes) -> str:
    """Return the SHA-256 of what a repeat must have in common with the first request."""
    return hashlib.sha256(b"\n".join([method.encode(), path.encode(), body])).hexdigest()


class _Undone(Exception):
    """Takes an answer out of the transaction whose writes must not stay."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def once(call: Call, *, work: Callable[[], Answer], at: datetime) -> Answer:
    """Do the work and keep its answer, or give the answer that was kept.

    ``work`` runs in one transaction and must be a chain of steps. What it wrote before a refusal
    is undone. An answer of 409, 429 or 5xx is given but not kept.

    Locks: an advisory lock on the key, for the transaction.

    Raises:
        InProgress: another transaction is working on the same key.
        IdempotencyKeyReused: the key belongs to a different request.
        Busy: a lock that the work needs was not granted in time.
    """
    try:
        return _work(call, work=work, at=at)
    except _Undone as undone:
        return keep_refusal(call, undone.answer, at=at)


def in_phases(
    call: Call,
    *,
    begin: Callable[[], B],
    between: Callable[[B], M],
    finish: Callable[[B, M], Answer],
    at: datetime,
) -> Answer:
    """Do work with a wait for somebody else's machine in its middle, and keep its answer.

    ``begin`` and ``finish`` run in a transaction each, ``between`` in none. What ``begin``
    commits is the recovery point: a repeat after a crash begins again, so ``begin`` must find
    what an earlier one has begun, and refuse (InProgress) while somebody is still at it.

    Locks: an advisory lock on the key, in each of the two transactions.

    Raises:
        InProgress: another process is working on the same key.
        IdempotencyKeyReused: the key belongs to a different request.
        Busy: a lock that the work needs was not granted in time.
    """
    begun = _begin(call, begin=begin, at=at)
    if isinstance(begun, Answer):
        return begun
    return _finish(call, begun, between(begun), finish=finish, at=at)


@transaction.atomic(durable=True)
def _begin(call: Call, *, begin: Callable[[], B], at: datetime) -> B | Answer:
    _lock(call)
    if kept := _find(call, at=at):
        return kept
    with refusing_when_busy():
        return begin()


@transaction.atomic(durable=True)
def _finish(
    call: Call, begun: B, middle: M, *, finish: Callable[[B, M], Answer], at: datetime
) -> Answer:
    _lock(call, waits=True)
    if kept := _find(call, at=at):
        return kept
    with refusing_when_busy():
        answer = finish(begun, middle)
    _keep(call, answer, at=at)
    return answer


@transaction.atomic(durable=True)
def _work(call: Call, *, work: Callable[[], Answer], at: datetime) -> Answer:
    _lock(call)
    if kept := _find(call, at=at):
        return kept
    with refusing_when_busy():
        answer = work()
    if answer.status >= 400:
        raise _Undone(answer)
    _keep(call, answer, at=at)
    return answer


@transaction.atomic(durable=True)
def keep_refusal(call: Call, answer: Answer, *, at: datetime) -> Answer:
    """Keep a refusal, unless a repeat has an answer meanwhile, which then is the answer."""
    if answer.status in {409, 429} or answer.status >= 500:
        return answer
    _lock(call)
    if kept := _find(call, at=at):
        return kept
    _keep(call, answer, at=at)
    return answer


def forget_expired(*, at: datetime) -> int:
    """Delete the keys that are older than a day; return how many there were."""
    return IdempotencyKey.objects.filter(created_at__lte=at - LIFETIME).delete()[0]


def _lock(call: Call, *, waits: bool = False) -> None:
    """Take the key for this transaction, and be patient with other locks up to a limit.

    Raises:
        InProgress: another transaction has it, and this one does not wait.
    """
    name = f"{call.person_id}:{call.name}:{call.key}"
    function = "pg_advisory_xact_lock" if waits else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT set_config('lock_timeout', %s, true), {function}(hashtextextended(%s, 0))",
            [f"{settings.LOCK_PATIENCE_MS}ms", name],
        )
        if not waits and not cursor.fetchone()[1]:
            raise InProgress


def _find(call: Call, *, at: datetime) -> Answer | None:
    """Return the answer that was kept for the call.

    Raises:
        IdempotencyKeyReused: the key belongs to a different request.
    """
    found = _kept(person_id=call.person_id, name=call.name, key=call.key, since=at - LIFETIME)
    if not found:
        return None
    kept = found[0]
    if kept.digest != call.digest:
        raise IdempotencyKeyReused
    return Answer(
        status=kept.status, body=bytes(kept.body), content_type=kept.content_type, is_replay=True
    )


@prepared
def _kept(*, person_id: int, name: str, key: UUID, since: datetime) -> QuerySet[IdempotencyKey]:
    """Find what was kept of a call, of which there is one at most."""
    return IdempotencyKey.objects.filter(
        person_id=person_id, call=name, key=key, created_at__gt=since
    )


_KEEP: Final = """
INSERT INTO core_idempotencykey
    (person_id, call, key, digest, status, body, content_type, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (person_id, call, key) DO UPDATE SET
    digest = EXCLUDED.digest, status = EXCLUDED.status, body = EXCLUDED.body,
    content_type = EXCLUDED.content_type, created_at = EXCLUDED.created_at
"""


def _keep(call: Call, answer: Answer, *, at: datetime) -> None:
    """Write the answer, over one that has outlived its day."""
    values: list[Any] = [
        call.person_id,
        call.name,
        call.key,
        call.digest,
        answer.status,
        answer.body,
        answer.content_type,
        at,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
