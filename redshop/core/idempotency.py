"""Idempotent calls: one effect for each key, and the same answer for each repeat.

The key, the effect and the answer commit together, so a crash between work and answer leaves
either all of them or none. What keeps a key to one effect is the constraint on it: whoever finds at
the end that a twin has kept an answer meanwhile undoes what they did. The lock on the key only
spares them the work.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from redshop.core.db import refusing_when_busy
from redshop.core.errors import DomainError
from redshop.core.models import IdempotencyKey
from redshop.core.writes import together, write

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


class _Overtaken(Exception):
    """A twin has kept an answer since this call looked for one."""


class _Undone(Exception):
    """Takes an answer out of the transaction whose writes must not stay."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def once(call: Call, *, work: Callable[[], Answer], at: datetime) -> Answer:
    """Do the work and keep its answer, or give the answer that was kept.

    ``work`` runs in one transaction and must be a chain of steps; what it writes goes
    ``together``. What it wrote before a refusal is undone. An answer of 409, 429 or 5xx is given
    but not kept.

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
    except _Overtaken:
        return _replayed(call, at=at)
    except DomainError as error:
        return _unless_answered(call, error, at=at)


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
    try:
        begun = _begin(call, begin=begin, at=at)
        if isinstance(begun, Answer):
            return begun
        return _finish(call, begun, between(begun), finish=finish, at=at)
    except _Overtaken:
        return _replayed(call, at=at)
    except DomainError as error:
        return _unless_answered(call, error, at=at)


@transaction.atomic(durable=True)
def _begin(call: Call, *, begin: Callable[[], B], at: datetime) -> B | Answer:
    if kept := _look(call, at=at):
        return kept
    with refusing_when_busy(), together():
        return begin()


@transaction.atomic(durable=True)
def _finish(
    call: Call, begun: B, middle: M, *, finish: Callable[[B, M], Answer], at: datetime
) -> Answer:
    if kept := _look(call, at=at, waits=True):
        return kept
    with refusing_when_busy(), together():
        answer = finish(begun, middle)
        _keep(call, answer, at=at)
    return answer


@transaction.atomic(durable=True)
def _work(call: Call, *, work: Callable[[], Answer], at: datetime) -> Answer:
    if kept := _look(call, at=at):
        return kept
    with refusing_when_busy(), together():
        answer = work()
        if answer.status >= 400:
            raise _Undone(answer)
        _keep(call, answer, at=at)
    return answer


def keep_refusal(call: Call, answer: Answer, *, at: datetime) -> Answer:
    """Keep a refusal, unless a twin has an answer meanwhile, which then is the answer."""
    try:
        return _refuse(call, answer, at=at)
    except _Overtaken:
        return _replayed(call, at=at)


@transaction.atomic(durable=True)
def _refuse(call: Call, answer: Answer, *, at: datetime) -> Answer:
    if kept := _look(call, at=at):
        return kept
    if answer.status not in {409, 429} and answer.status < 500:
        _keep(call, answer, at=at)
    return answer


def _unless_answered(call: Call, refusal: DomainError, *, at: datetime) -> Answer:
    """Return what a twin was answered between this call's look and its lock, else refuse.

    Raises: the refusal.
    """
    if not isinstance(refusal, InProgress | IdempotencyKeyReused):
        with transaction.atomic(durable=True):
            if kept := _look(call, at=at):
                return kept
    raise refusal


@transaction.atomic(durable=True)
def _replayed(call: Call, *, at: datetime) -> Answer:
    kept = _look(call, at=at, waits=True)
    if kept is None:  # it was forgotten in between: a day is over
        raise InProgress
    return kept


def forget_expired(*, at: datetime) -> int:
    """Delete the keys that are older than a day; return how many there were."""
    return IdempotencyKey.objects.filter(created_at__lte=at - LIFETIME).delete()[0]


_LOOK: Final = """
SELECT set_config('lock_timeout', %s, true), {lock}(hashtextextended(%s, 0)),
       kept.digest, kept.status, kept.body, kept.content_type
FROM (VALUES (1)) AS always (one)
LEFT JOIN core_idempotencykey AS kept
  ON kept.person_id = %s AND kept.call = %s AND kept.key = %s AND kept.created_at > %s
"""
_TRYING: Final = _LOOK.format(lock="pg_try_advisory_xact_lock")
_WAITING: Final = _LOOK.format(lock="pg_advisory_xact_lock")


def _look(call: Call, *, at: datetime, waits: bool = False) -> Answer | None:
    """Take the key for this transaction, be patient with other locks up to a limit, and return the
    answer that was kept.

    The statement reads as of its beginning, so it may miss what a twin kept while it took the lock.

    Raises:
        InProgress: another transaction has the key, and this one does not wait.
        IdempotencyKeyReused: the key belongs to a different request.
    """
    patience, lock = f"{settings.LOCK_PATIENCE_MS}ms", f"{call.person_id}:{call.name}:{call.key}"
    values: list[Any] = [patience, lock, call.person_id, call.name, call.key, at - LIFETIME]
    with connection.cursor() as cursor:
        cursor.execute(_WAITING if waits else _TRYING, values)
        _, is_mine, digest, status, body, content_type = cursor.fetchone()
    if digest is None:
        if is_mine is False:
            raise InProgress
        return None
    if digest != call.digest:
        raise IdempotencyKeyReused
    return Answer(status=status, body=bytes(body), content_type=content_type, is_replay=True)


_KEEP: Final = """
INSERT INTO core_idempotencykey AS kept
    (person_id, call, key, digest, status, body, content_type, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (person_id, call, key) DO UPDATE SET
    digest = EXCLUDED.digest, status = EXCLUDED.status, body = EXCLUDED.body,
    content_type = EXCLUDED.content_type, created_at = EXCLUDED.created_at
WHERE kept.created_at <= %s
"""


def _keep(call: Call, answer: Answer, *, at: datetime) -> None:
    """Write the answer, over one that has outlived its day.

    Raises:
        _Overtaken: at the end of ``together``, where a twin has kept one.
    """
    values: list[Any] = [
        call.person_id,
        call.name,
        call.key,
        call.digest,
        answer.status,
        answer.body,
        answer.content_type,
        at,
        at - LIFETIME,
    ]
    write(_KEEP, values, refuse=_Overtaken)
