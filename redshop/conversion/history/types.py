"""What the event log of another shop says, in our words."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from uuid import UUID


class LogUnreadable(Exception):
    """The file is not an event log that can be read, or not to its end."""


class AlreadyImported(Exception):
    """All of the log was written before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the words of a log mean: its shop, money and time zone, and which acts are which.

    An act that is mapped to an empty kind is left out; one that is not mapped is set aside. A
    line that says it happened after ``until`` is wrong.
    """

    shop: str
    currency: str
    zone: tzinfo
    kinds: Mapping[str, str]
    until: datetime


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line of the file: its number, how many bytes were read up to it, its cells."""

    number: int
    offset: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a person of that shop did with a product."""

    id: UUID
    kind: str
    occurred_at: datetime
    person: str
    product: str
    product_name: str
    brand: str
    category: tuple[str, ...]
    price_minor: int | None
    session_id: UUID | None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be understood, and why."""

    line: RawLine
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a log, understood; they are written in one transaction."""

    acts: tuple[Act, ...]
    bad: tuple[BadLine, ...]
    left_out: int

    def __len__(self) -> int:
        return len(self.acts) + len(self.bad) + self.left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did, of acts between two moments; ``known`` lines were there before, in the
    tables or in the file."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    lines: int = 0
    known: int = 0
    left_out: int = 0
    set_aside: int = 0
    people: int = 0
    products: int = 0
    orders: int = 0
    events: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Imported") -> "Imported":
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__slots__
            if name not in {"events", "first_at", "last_at"}
        }
        firsts = [each.first_at for each in (self, other) if each.first_at]
        lasts = [each.last_at for each in (self, other) if each.last_at]
        return Imported(
            **counts,
            events=Counter(self.events) + Counter(other.events),
            first_at=min(firsts, default=None),
            last_at=max(lasts, default=None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import would make of the first lines of a log."""

    shop: str
    currency: str
    columns: Mapping[str, str]
    kinds: Mapping[str, int]
    lines: int
    left_out: int
    bad: tuple[BadLine, ...]
    first_at: datetime | None
    last_at: datetime | None
