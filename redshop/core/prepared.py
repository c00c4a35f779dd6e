"""Queries that are compiled once: for what every call asks.

Django writes the SQL of a QuerySet anew each time, which takes several times as long as
PostgreSQL takes to answer by primary key. What changes between two runs of a hot query is only
its values, so the text is kept and the values are put into it.
"""

import copy
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Model, QuerySet

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
R = TypeVar("R")

#: Values that stand for others while a query is compiled, and that no query names by itself.
_STAND_INS: Final[dict[type, Callable[[int], Any]]] = {
    int: lambda n: 2_017_483_000 + n,
    str: lambda n: f"stands in for {n}",
    UUID: lambda n: UUID(int=0xFEED << 112 | n),
    datetime: lambda n: datetime(1001, 1, 1, tzinfo=UTC) + timedelta(seconds=n),
}


#: A function that is asked for ever other lengths of lists is not worth more memory.
MOST_TEXTS: Final = 64


class NotPreparable(TypeError):
    """The values of a query do not reach its SQL as they are, or rows are missing from it."""


_all_texts: Final[list[dict[Any, "_Text"]]] = []


def forget() -> None:
    """Compile everything anew from now on: for tests that change how a QuerySet is made."""
    for texts in _all_texts:
        texts.clear()


def prepared(make: Callable[P, QuerySet[M, R]]) -> Callable[P, list[R]]:
    """Turn a function that makes a QuerySet into one that returns its rows, compiled once.

    Its arguments are keywords: whole numbers, text, UUIDs, moments and lists of those, each used
    as it is as a value of the query; what is computed of them (``at - an_hour``) must be computed
    before. None, True and False choose between texts, as do lists of different lengths.

    Raises:
        NotPreparable: at the first run, where an argument does not reach the SQL as it is.
    """
    texts: dict[Any, _Text] = {}
    _all_texts.append(texts)

    @wraps(make)
    def rows(*args: P.args, **kwargs: P.kwargs) -> list[R]:
        if len(texts) > MOST_TEXTS:
            return list(make(*args, **kwargs))
        shape = tuple(_shape(value) for value in kwargs.values())
        try:
            text = texts.get(shape) or texts.setdefault(shape, _compile(make, kwargs))
        except EmptyResultSet:
            return []
        return cast("list[R]", text.rows(list(_flat(kwargs.values()))))

    return rows


@dataclass(frozen=True, slots=True)
class _Text:
    """The SQL of one query, with the place of each value in it."""

    queryset: Any
    compiler: Any
    sql: str
    params: tuple[Any, ...]
    places: Mapping[int, "_Place"]
    converters: Any

    def filled(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the parameters with these values in their places."""
        params = list(self.params)
        for number, place in self.places.items():
            params[number] = place.kind(values[place.index])
        return tuple(params)

    def rows(self, values: Sequence[Any]) -> list[Any]:
        if self.queryset.query.select_for_update and not connection.in_atomic_block:
            raise transaction.TransactionManagementError("rows are locked within a transaction")
        asked = _Asked(_Compiled(self.compiler, self.sql, self.filled(values), self.converters))
        return list(self.queryset._iterable_class(asked))


@dataclass(frozen=True, slots=True)
class _Place:
    """Which value belongs here, and as what (numbers bear their column's width)."""

    index: int
    kind: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What Django's makers of rows ask of a QuerySet."""

    query: "_Compiled"
    db: str = DEFAULT_DB_ALIAS
    _known_related_objects: Mapping[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What they ask of its query: a compiler that has done its work."""

    compiler: Any
    sql: str
    params: tuple[Any, ...]
    converters: Any

    def get_compiler(self, using: str) -> Any:
        """Return it with the connection of this thread."""
        ready = copy.copy(self.compiler)
        ready.connection = connections[using]
        ready.as_sql = lambda: (self.sql, self.params)
        ready.get_converters = lambda _columns: self.converters
        return ready


def _compile(make: Callable[..., Any], values: Mapping[str, Any]) -> _Text:
    """Compile with values that stand in for the given ones; see that these give the same text."""
    numbers = iter(range(1_000_000))
    stand_ins = {name: _stand_in(value, numbers) for name, value in values.items()}
    queryset = make(**stand_ins)
    compiler, sql, params = _sql(queryset)
    known = {value: index for index, value in enumerate(_flat(stand_ins.values()))}
    places = {
        number: _Place(known[param], type(param) if isinstance(param, int) else _as_it_is)
        for number, param in enumerate(params)
        if isinstance(param, Hashable) and param in known
    }
    columns = [column for column, *_ in compiler.select[: compiler.col_count]]
    converters = compiler.get_converters(columns)
    text = _Text(queryset, compiler, sql, params, places, converters)
    _verify(text, make, values)
    return text


def _as_it_is(value: Any) -> Any:
    return value


def _verify(text: _Text, make: Callable[..., Any], values: Mapping[str, Any]) -> None:
    given = list(_flat(values.values()))
    _, sql, params = _sql(make(**values))
    name = getattr(make, "__qualname__", make)
    if text.queryset._prefetch_related_lookups:
        raise NotPreparable(f"{name} prefetches")
    is_same = (sql, params) == (text.sql, text.filled(given))
    if not is_same or {place.index for place in text.places.values()} != set(range(len(given))):
        raise NotPreparable(f"{name} does not use its arguments as they are")


def _sql(queryset: Any) -> tuple[Any, str, tuple[Any, ...]]:
    compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, params = compiler.as_sql()
    return compiler, sql, tuple(params)


def _is_simple(value: Any) -> bool:
    return type(value) in _STAND_INS


def _stand_in(value: Any, numbers: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_stand_in(each, numbers) for each in value]
    return _STAND_INS[type(value)](next(numbers)) if _is_simple(value) else value


def _shape(value: Any) -> Any:
    """Return what the text of a query depends on: not the value, but its kind and length."""
    if isinstance(value, list | tuple):
        return tuple(_shape(each) for each in value)
    return type(value) if _is_simple(value) else value


def _flat(values: Any) -> Any:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        elif _is_simple(value):
            yield value
