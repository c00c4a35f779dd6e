"""Idempotent calls: one effect for each key, and the same answer for each repeat.

The key, the effect and the answer commit together, so a crash between work and answer leaves
either all of them or none.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import connection, transaction

from redshop.core.errors import DomainError
from redshop.core.models import IdempotencyKey

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


@transaction.atomic(durable=True)
def once(call: Call, *, work: Callable[[], Answer], at: datetime) -> Answer:
    """Do the work and keep its answer, or give the answer that was kept.

    ``work`` runs in this transaction and must be a chain of steps. An answer of 409, 429 or 5xx
    is given but not kept, and whatever the work wrote before it is undone.

    Locks: an advisory lock on the key, for the transaction.

    Raises:
        InProgress: another transaction is working on the same key.
        IdempotencyKeyReused: the key belongs to a different request.
    """
    _lock(call)
    kept = IdempotencyKey.objects.filter(
        person_id=call.person_id,
        call=call.name,
        key=call.key,
        created_at__gt=at - LIFETIME,
    ).first()
    if kept is not None:
        return _replay(kept, call)
    with transaction.atomic():
        answer = work()
        if answer.status >= 400:
            transaction.set_rollback(True)
    if answer.status not in {409, 429} and answer.status < 500:
        _keep(call, answer, at=at)
    return answer


def forget_expired(*, at: datetime) -> int:
    """Delete the keys that are older than a day; return how many there were."""
    return IdempotencyKey.objects.filter(created_at__lte=at - LIFETIME).delete()[0]


def _lock(call: Call) -> None:
    """Take the key for this transaction.

    Raises:
        InProgress: another transaction has it.
    """
    name = f"{call.person_id}:{call.name}:{call.key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise InProgress


def _replay(kept: IdempotencyKey, call: Call) -> Answer:
    if kept.digest != call.digest:
        raise IdempotencyKeyReused
    return Answer(
        status=kept.status, body=bytes(kept.body), content_type=kept.content_type, is_replay=True
    )


def _keep(call: Call, answer: Answer, *, at: datetime) -> None:
    IdempotencyKey.objects.update_or_create(
        person_id=call.person_id,
        call=call.name,
        key=call.key,
        defaults={
            "digest": call.digest,
            "status": answer.status,
            "body": answer.body,
            "content_type": answer.content_type,
            "created_at": at,
        },
    )
