"""Rows written on a hot path: compiled once, and many of them in one statement.

A purchase writes a dozen tables. Each statement costs a way to the server and back and a start of
its executor, several times what the row itself costs. So within ``together`` what is written waits
until something is asked, or the block ends, and then goes as one statement.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.models import Model

from redshop.core.db import TransactionRequired, requires_transaction

M = TypeVar("M", bound=Model)

_TARGET: Final = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)


class NotWritable(TypeError):
    """A model or a text that these ways of writing cannot take."""


class NotAsExpected(DatabaseError):
    """A statement changed another number of rows than whoever wrote it relied on."""


@dataclass(frozen=True, slots=True)
class _Write:
    """One statement on its way: ``sql`` may follow common table expressions of its own."""

    given: str
    sql: str
    params: Sequence[Any]
    refuse: Callable[[], Exception] | None

    @property
    def is_insert(self) -> bool:
        return _target(self.sql)[0] == "INSERT INTO"

    @property
    def table(self) -> str:
        return _target(self.sql)[1]

    @property
    def text(self) -> tuple[str, str]:
        return self.given, self.sql


@functools.lru_cache(maxsize=512)
def _target(sql: str) -> tuple[str, str]:
    found = _TARGET.match(sql)
    if found is None:
        raise NotWritable(f"neither inserts, updates nor deletes: {sql[:60]}")
    return found[1].upper(), found[2]


@dataclass(slots=True)
class _Batch:
    """What waits to be written, in the order in which it came."""

    waiting: list[_Write] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)

    def add(self, write: _Write) -> None:
        """Have a statement wait; those that might have to see its neighbours' rows go first.

        Statements that go together see none of one another's rows, so an update or a deletion
        waits with no other statement on its table. Of expressions given with a statement there is
        one set at a time, for they have names.
        """
        is_crowded = bool(write.given) and any(other.given for other in self.waiting)
        if is_crowded or (write.table in self.tables and not write.is_insert):
            self.flush()
        self.waiting.append(write)
        self.tables.add(write.table)

    def flush(self) -> None:
        writes, self.waiting, self.tables = self.waiting, [], set()
        if writes:
            _send(writes)

    def before(self, execute: Callable[..., Any], *asked: Any) -> Any:
        """Write what waits before anything else is asked, so that it is seen."""
        self.flush()
        return execute(*asked)


_open: ContextVar[_Batch | None] = ContextVar("together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Send what is written within as one statement, at the latest when the block ends.

    Whatever is asked within sees what was written before it: asking sends it first. An error of a
    constraint comes when it is sent, not where it was written. Where the block is left by an
    error, what still waited is not written; the transaction is to be rolled back.

    Raises:
        TransactionRequired: the caller owns no transaction.
        NotAsExpected: a row that was to be updated is not there, or as ``write`` says.
    """
    if not connection.in_atomic_block:
        raise TransactionRequired("what is written together belongs to one transaction")
    if _open.get() is not None:
        yield
        return
    batch = _Batch()
    token = _open.set(batch)
    try:
        with connection.execute_wrapper(batch.before):
            yield
            batch.flush()
    finally:
        _open.reset(token)


@requires_transaction
def write(
    sql: str,
    params: Sequence[Any],
    *,
    given: str = "",
    refuse: Callable[[], Exception] | None = None,
) -> None:
    """Send one INSERT, UPDATE or DELETE without RETURNING, now or ``together`` with others.

    ``given`` are common table expressions (``name AS (...)``) that the statement uses, on tables
    that nothing else writes ``together`` with it; their parameters come first. With ``refuse``, a
    statement that does not change exactly one row raises what ``refuse`` returns.

    Raises:
        NotWritable: the text is another kind of statement.
    """
    statement = _Write(given, sql, params, refuse)
    batch = _open.get()
    if batch is None:
        _send([statement])
    else:
        batch.add(statement)


def insert(rows: Sequence[M]) -> list[M]:
    """Write new rows of one model in one statement, as ``bulk_create`` does, compiled once.

    Rows without a key get the one that the database chooses, which cannot wait: give them one, or
    let them be ``appended``.

    Raises:
        NotWritable: the model leaves values to the database.
    """
    if not rows:
        return []
    if rows[0].pk is not None:
        append(rows)
        return list(rows)
    sql, values = _insertion_of(rows)
    key = rows[0]._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(f'{sql} RETURNING "{key}"', values)
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        _is_there(row)
    return list(rows)


def append(rows: Sequence[Model]) -> None:
    """Write new rows of one model whose keys nobody asks for, now or ``together`` with others.

    Raises:
        NotWritable: the model leaves values to the database.
    """
    if rows:
        write(*_insertion_of(rows))
        for row in rows:
            _is_there(row)


def update(row: Model, *names: str) -> None:
    """Write some fields of a row that is there, as ``save(update_fields=...)`` does.

    Raises:
        NotAsExpected: it is not there.
    """
    sql, fields = _update(type(row), names)
    values = [each.get_db_prep_save(each.pre_save(row, add=False), connection) for each in fields]
    write(sql, values, refuse=lambda: NotAsExpected(f"{row!r} is not there"))


def _send(writes: Sequence[_Write]) -> None:
    """Send statements as one, and see that those which must have changed one row did."""
    sql = _text(tuple(each.text for each in writes))
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for each in writes for value in each.params])
        counts = [cursor.rowcount] if len(writes) == 1 else cursor.fetchone()
    for each, count in zip(writes, counts, strict=True):
        if each.refuse and count != 1:
            raise each.refuse()


@functools.lru_cache(maxsize=512)
def _text(writes: tuple[tuple[str, str], ...]) -> str:
    """Return one statement for all: a common table expression for each but one that is alone.

    They are counted, because PostgreSQL runs what is asked for in the order in which it is, and
    what nobody asks for from the last to the first.
    """
    if len(writes) == 1:
        given, sql = writes[0]
        return f"WITH {given} {sql}" if given else sql
    expressions = []
    for number, (given, sql) in enumerate(writes):
        expressions += [given] if given else []
        expressions.append(f"w{number} AS ({sql} RETURNING 1)")
    counts = ", ".join(f"(SELECT count(*) FROM w{number})" for number in range(len(writes)))  # noqa: S608
    return f"WITH {', '.join(expressions)} SELECT {counts}"


def _is_there(row: Model) -> None:
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _insertion_of(rows: Sequence[Model]) -> tuple[str, list[Any]]:
    """Return the text of an insertion and its values: those of one row, or a list by column, so
    that the text is the same for any number of rows."""
    kind, has_key = type(rows[0]), rows[0].pk is not None
    sql, fields = _insertion(kind, is_one=len(rows) == 1, has_key=has_key)
    values = [
        [each.get_db_prep_save(each.pre_save(row, add=True), connection) for row in rows]
        for each in fields
    ]
    return sql, [column[0] for column in values] if len(rows) == 1 else values


@functools.lru_cache(maxsize=512)
def _insertion(kind: type[Model], *, is_one: bool, has_key: bool) -> tuple[str, list[Any]]:
    options = kind._meta
    fields = [each for each in options.concrete_fields if has_key or not each.primary_key]
    if any(each.has_db_default() for each in fields):
        raise NotWritable(f"{kind.__name__} leaves values to the database")
    columns = ", ".join(f'"{each.column}"' for each in fields)
    places = ", ".join("%s" if is_one else f"%s::{_type(each)}[]" for each in fields)
    rows = f"VALUES ({places})" if is_one else f"SELECT * FROM unnest({places})"  # noqa: S608
    return f'INSERT INTO "{options.db_table}" ({columns}) {rows}', fields


def _type(column: Any) -> str:
    """Return the type of a column's values."""
    return str(column.rel_db_type(connection) if column.primary_key else column.db_type(connection))


@functools.lru_cache(maxsize=512)
def _update(kind: type[Model], names: tuple[str, ...]) -> tuple[str, list[Any]]:
    options = kind._meta
    fields: list[Any] = [options.get_field(name) for name in names]
    columns = ", ".join(f'"{each.column}" = %s' for each in fields)
    sql = f'UPDATE "{options.db_table}" SET {columns} WHERE "{options.pk.column}" = %s'  # noqa: S608 - names of columns
    return sql, [*fields, options.pk]
