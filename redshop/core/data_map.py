"""What is kept about people: every field of every table is classified, once, beside its app.

The map is not only read. An export of somebody's data is what it says is theirs, an erasure
deletes and blanks what it says, ``docs/data_map.md`` is printed from it, and a field that it does
not know fails ``manage.py check``.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import pgtrigger
from django.apps import apps
from django.db import connection, models
from django.db.models import Q

from redshop.core.db import requires_transaction

#: The role that may change what is append-only, to take out what identifies somebody, and that
#: nobody logs in as: an erasure takes it on for its transaction.
ERASER: Final = "redshop_eraser"

#: For triggers that keep rows as they were written.
UNLESS_ERASING: Final = pgtrigger.Condition(f"current_user <> '{ERASER}'")


class Kind(StrEnum):
    """What a field says of a person."""

    PLAIN = "plain"
    KEY = "key"
    ABOUT = "about"
    WORDS = "words"
    IDENTIFIES = "identifies"
    SECRET = "secret"  # noqa: S105 - a kind of field


IN_WORDS: Final[Mapping[Kind, str]] = {
    Kind.PLAIN: "nothing of a person",
    Kind.KEY: "the number by which a person is known here; of nobody once they are erased",
    Kind.ABOUT: "what somebody is like, chose or did",
    Kind.WORDS: "what somebody wrote in their own words",
    Kind.IDENTIFIES: "who somebody is: a name, an address, a device",
    Kind.SECRET: "what proves that somebody is who they say; shown and exported to nobody",
}
#: What no row of an erased person holds any more.
REMOVED: Final = frozenset({Kind.WORDS, Kind.IDENTIFIES, Kind.SECRET})


class Erasure(StrEnum):
    """What becomes of a person's rows when they are erased."""

    NOTHING = "nothing in it is anybody's"
    DELETED = "deleted"
    BLANKED = "kept under the person's number, without words and what identifies"
    KEPT = "kept: it holds the person's number and nothing else that leads to them"
    BY_HAND = "by its app"


@dataclass(frozen=True, slots=True)
class Table:
    """What one table holds about people, how long, and how it is erased.

    ``whose`` are lookups of the person whose rows they are, by id; the first says what is
    exported to them, with what their devices did before they were known, by ``device``.
    """

    label: str
    fields: Mapping[str, Kind]
    whose: tuple[str, ...]
    erasure: Erasure
    kept: str
    device: str = ""

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)

    def rows_of(self, person_id: int) -> Iterator[models.QuerySet[Any]]:
        """Yield the rows that are a person's, by each way in which they are."""
        for lookup in self.whose:
            yield self.model._base_manager.filter(**{lookup: person_id})

    def held_of(self, person: "Leaving") -> models.QuerySet[Any]:
        """Return the rows that are exported to a person, in order."""
        theirs = Q(**{self.whose[0]: person.person_id})
        if self.device:
            anonymous = {self.whose[0]: None, f"{self.device}__in": person.visitor_ids}
            theirs |= Q(**anonymous)
        return self.model._base_manager.filter(theirs).order_by("pk")

    def names(self, kinds: Collection[Kind]) -> list[str]:
        """Return the fields of some kinds."""
        return [name for name, kind in self.fields.items() if kind in kinds]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody who is being erased, and the devices that are theirs alone."""

    person_id: int
    visitor_ids: tuple[UUID, ...]


#: Takes out what the map alone cannot, before the map is followed; within the transaction of the
#: erasure, as the eraser.
Eraser = Callable[[Leaving, datetime], None]

_tables: dict[str, Table] = {}
_erasers: list[Eraser] = []
_devices: list[Callable[[int], Collection[UUID]]] = []
_elsewhere: dict[str, Callable[[Leaving], list[dict[str, Any]]]] = {}


def describe(
    label: str,
    *,
    whose: str = "",
    erasure: Erasure = Erasure.NOTHING,
    kept: str = "as long as what it is about",
    device: str = "",
    **fields: str,
) -> None:
    """Say what the fields of a model hold: names by kind, each kind's separated by blanks.

    Raises:
        ValueError: a field is named twice, or there is no such kind.
    """
    kinds: dict[str, Kind] = {}
    for kind, names in fields.items():
        for name in names.split():
            if name in kinds:
                raise ValueError(f"{label}.{name} is classified twice.")
            kinds[name] = Kind(kind)
    _tables[label] = Table(label, kinds, tuple(whose.split()), erasure, kept, device)


def erases(eraser: Eraser) -> Eraser:
    """Have an app take out what the map alone cannot."""
    _erasers.append(eraser)
    return eraser


def knows_devices(ask: Callable[[int], Collection[UUID]]) -> Callable[[int], Collection[UUID]]:
    """Have an app say which devices are a person's."""
    _devices.append(ask)
    return ask


def holds_elsewhere(
    name: str,
) -> Callable[[Callable[[Leaving], list[dict[str, Any]]]], None]:
    """Have an app tell, for exports, what it holds of a person outside the tables."""

    def register(ask: Callable[[Leaving], list[dict[str, Any]]]) -> None:
        _elsewhere[name] = ask

    return register


def tables() -> list[Table]:
    """Return the whole map, by app as they are installed."""
    return [
        _tables[model._meta.label] for model in apps.get_models() if model._meta.label in _tables
    ]


def unclassified() -> list[str]:
    """Return the fields that the map does not know, and the names in it that are no fields."""
    wrong = []
    for model in apps.get_models(include_auto_created=True):
        table = _tables.get(model._meta.label)
        there = {field.name for field in model._meta.concrete_fields}
        known = set(table.fields) if table else set()
        if model._meta.auto_created:  # a table of two keys
            continue
        wrong += [f"{model._meta.label}.{name} is not classified" for name in sorted(there - known)]
        wrong += [f"{model._meta.label}.{name} is no field" for name in sorted(known - there)]
    return wrong + [problem for table in tables() for problem in _contradictions(table)]


def _contradictions(table: Table) -> list[str]:
    holds = table.names(REMOVED | {Kind.ABOUT, Kind.KEY})
    if table.whose and table.erasure == Erasure.NOTHING:
        return [f"{table.label} is somebody's, and nothing is erased in it"]
    if table.erasure == Erasure.KEPT and (left := table.names(REMOVED)):
        return [f"{table.label} is kept with {', '.join(left)}"]
    if table.erasure in {Erasure.DELETED, Erasure.BLANKED} and not table.whose:
        return [f"{table.label} does not say whose it is"]
    if table.erasure == Erasure.NOTHING and holds:
        return [f"{table.label}.{name} is said to be nobody's" for name in holds]
    return []


@contextmanager
def as_eraser() -> Iterator[None]:
    """Be the one role that may change what is append-only, within the running transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {ERASER}")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


def leaving(person_id: int) -> Leaving:
    """Return a person with the devices that are theirs."""
    devices = {device for ask in _devices for device in ask(person_id)}
    return Leaving(person_id, tuple(sorted(devices)))


@requires_transaction
def erase(person: Leaving, *, at: datetime) -> dict[str, int]:
    """Take out of every table what identifies a person; return how many rows of each it touched.

    What the apps do themselves comes first and is not counted.
    """
    with as_eraser():
        for eraser in _erasers:
            eraser(person, at)
        touched = {
            table.label: sum(_erased(table, rows) for rows in table.rows_of(person.person_id))
            for table in tables()
            if table.erasure in {Erasure.DELETED, Erasure.BLANKED}
        }
    return {label: count for label, count in touched.items() if count}


def _erased(table: Table, rows: models.QuerySet[Any]) -> int:
    if table.erasure == Erasure.DELETED:
        return rows.delete()[0]
    blank = {name: nothing_in(table.model, name) for name in table.names(REMOVED)}
    return rows.exclude(**blank).update(**blank)


def nothing_in(model: type[models.Model], name: str) -> Any:
    """Return what stands in a field where nothing does."""
    field: Any = model._meta.get_field(name)
    if field.null:
        return None
    if isinstance(field, models.JSONField):
        return field.get_default() if field.has_default() else {}
    return ""


def held_about(person: Leaving) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield what is held about a person, but for secrets: a name and rows for each table."""
    for table in tables():
        if table.whose:
            names = table.names(set(Kind) - {Kind.SECRET})
            yield table.label, list(table.held_of(person).values(*names))
    for name, ask in _elsewhere.items():
        yield name, ask(person)


def table_of(label: str) -> Table:
    """Return what the map says of a table."""
    return _tables[label]


def printed() -> str:
    """Return the map as Markdown, as ``docs/data_map.md`` has it."""
    kinds = "\n".join(f"- **{kind}**: {words}" for kind, words in IN_WORDS.items())
    personal = [table for table in tables() if set(table.fields.values()) != {Kind.PLAIN}]
    others = ", ".join(table.label for table in tables() if table not in personal)
    return (
        "# What is kept about people\n\n"
        "Printed by `manage.py data_map` from what each app says in its `privacy.py`; a field that"
        " nobody classified fails `make check`.\n\n"
        f"{kinds}\n\n"
        "| table | whose | key | about | words | identifies | secret | kept | when erased |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        + "".join(_row(table) for table in personal)
        + f"\nNothing of people: {others}.\n"
    )


def _row(table: Table) -> str:
    order = (Kind.KEY, Kind.ABOUT, Kind.WORDS, Kind.IDENTIFIES, Kind.SECRET)
    cells = [", ".join(table.names({kind})) for kind in order]
    whose = ", ".join(table.whose)
    return f"| {table.label} | {whose} | {' | '.join(cells)} | {table.kept} | {table.erasure} |\n"
