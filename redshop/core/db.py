"""Transactions and locks: who may open one, and the one way to lock rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, Self, TypeVar

from django.conf import settings
from django.db import Error, OperationalError, connection, models, transaction
from psycopg import errors as pg

from redshop.core.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=models.Model)


class TransactionRequired(RuntimeError):
    """A step was called outside the transaction that its caller must own."""


def requires_transaction(step: Callable[P, R]) -> Callable[P, R]:
    """Refuse to run unless the caller opened a transaction.

    A *use case* owns its transaction (``@transaction.atomic(durable=True)``); a *step* is part
    of one and bears this mark, so that it can never commit half of something.
    """

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            raise TransactionRequired(f"{step.__qualname__} must run inside a transaction")
        return step(*args, **kwargs)

    return guarded


@contextmanager
def snapshot() -> Iterator[None]:
    """Open a transaction whose questions all see the same moment.

    Within a transaction of somebody else's, it is theirs that says what is seen.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


class LockableQuerySet(models.QuerySet[M]):
    """A QuerySet whose rows can be locked in one order."""

    def locked(self, *of: str) -> Self:
        """Lock the rows in primary-key order, so that two callers cannot deadlock.

        ``of`` names relations whose rows are locked instead of these rows themselves. ``NO KEY``
        leaves other transactions free to insert rows that point to what is locked.
        """
        return self.order_by("pk").select_for_update(of=of or ("self",), no_key=True)


@contextmanager
def refusing_when_busy() -> Iterator[None]:
    """Turn a lock that was not granted in time into a refusal.

    Raises:
        Busy: others hold the lock; the transaction must be rolled back.
    """
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
            raise Busy from error
        raise


@contextmanager
def patience(milliseconds: int) -> Iterator[None]:
    """Wait at most this long for each lock of the running transaction, then refuse.

    Raises:
        Busy: a lock was not granted in time; the transaction must be rolled back.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])
    with refusing_when_busy():
        yield


def use_case(step: Callable[P, R]) -> Callable[P, R]:
    """Make a use case of a step: it gets a transaction of its own, and waits patiently for locks.

    Raises, besides what the step raises:
        Busy: a lock was not granted within ``LOCK_PATIENCE_MS``; nothing has changed.
    """

    @wraps(step)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic(durable=True), patience(settings.LOCK_PATIENCE_MS):
            return step(*args, **kwargs)

    return alone


@contextmanager
def session_lock(number: int, *, waits: bool = True) -> Iterator[bool]:
    """Hold an advisory lock of this session, whatever its transactions; tell whether it is held.

    The server frees it when the connection ends; one that was interrupted in mid-query and
    cannot say so is closed for that.
    """
    function = "pg_advisory_lock" if waits else "pg_try_advisory_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [number])
        is_held = waits or bool(cursor.fetchone()[0])
    try:
        yield is_held
    finally:
        if is_held:
            _unlock(number)


def _unlock(number: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
    except Error:
        connection.close()
