"""What crosses the boundaries of this app."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from redshop.core.money import Money


class AttributionModel(StrEnum):
    """A rule that divides a conversion among its touches."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"
    LINEAR = "linear"
    TIME_DECAY = "time_decay"
    POSITION = "position"
    SHAPLEY = "shapley"


#: The model that is not stored of each line: it divides what touches led to, all at once.
MARKOV: Final = "markov"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A paid order line: who bought what, when, for how much, and how far back touches count."""

    line_id: int
    order_id: UUID
    person_id: int
    product_id: int
    amount_minor: int
    currency: str
    population: str
    converted_at: datetime
    window_days: int


@dataclass(frozen=True, slots=True)
class Touch:
    """An event that may have led to a conversion, with what its note was at the time."""

    event_id: UUID
    occurred_at: datetime
    note_id: int
    author_id: int
    surface: str
    provenance: str


@dataclass(frozen=True, slots=True)
class Share:
    """What a model gives one touch of a conversion, or takes back where a refund is named."""

    model: AttributionModel
    touch: Touch
    weight_billionths: int
    amount_minor: int
    refund_id: UUID | None = None

    @property
    def entry(self) -> tuple[str, UUID | None, UUID, int, int, int]:
        """What makes two shares of a line the same, whatever the note has become since."""
        return (
            self.model.value,
            self.refund_id,
            self.touch.event_id,
            self.touch.note_id,
            self.weight_billionths,
            self.amount_minor,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What events, orders and refunds say about one line, computed from nothing else.

    ``considered`` touches counted, before those beyond the limit were ``cut``.
    """

    conversion: Conversion
    considered: int = 0
    cut: int = 0
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of a time zone, from ``first`` up to ``end``, which is excluded."""

    first: date
    end: date
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.end - self.first).days)]

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), tzinfo=self.zone)

    @property
    def until(self) -> datetime:
        return datetime.combine(self.end, time(), tzinfo=self.zone)

    @classmethod
    def last_days(cls, days: int, *, at: datetime, zone: ZoneInfo) -> "Period":
        """Return the ``days`` days of which the one of ``at`` is the last."""
        end = at.astimezone(zone).date() + timedelta(days=1)
        return cls(first=end - timedelta(days=days), end=end, zone=zone)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose numbers may be seen: everything, the products of brands, or the notes of an author."""

    brand_ids: tuple[int, ...] | None = None
    author_id: int | None = None


EVERYTHING = Scope()


class Basis(StrEnum):
    """On which day a refund counts: the order's, or its own."""

    ORDER = "order"
    REFUND = "refund"


class Engine(StrEnum):
    """What computes credits anew; the result is the same."""

    POSTGRESQL = "postgresql"
    DUCKDB = "duckdb"
    SPARK = "spark"


class CreditGroup(StrEnum):
    """What credits are summed by."""

    NOTE = "note"
    AUTHOR = "author"
    SURFACE = "surface"
    PROVENANCE = "provenance"
    TOPIC = "topic"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a group of credits amounts to; ``conversions`` may be a fraction of one."""

    key: int | str | None
    label: str
    conversions: float
    gross: Money
    refunded: Money

    @property
    def net(self) -> Money:
        return self.gross - self.refunded


@dataclass(frozen=True, slots=True)
class Meta:
    """What a statistic is: definition, window, population, how much it rests on, how fresh."""

    definition: str
    version: int
    period: Period
    window_days: int | None
    population: str
    n: int
    fresh_at: datetime
    kind: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a long answer."""

    offset: int = 0
    limit: int = 20


class FunnelGroup(StrEnum):
    """What a funnel is divided by: by where it started, or by the product."""

    DAY = "day"
    SURFACE = "surface"
    PROVENANCE = "provenance"
    NOTE_TYPE = "note_type"
    CATEGORY = "category"
    BRAND = "brand"
    AUTHOR = "author"
    TOPIC = "topic"


class Unit(StrEnum):
    """What a funnel counts."""

    PEOPLE = "people"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with what it is made of, and its 95 % interval where it is a proportion."""

    numerator: int
    denominator: int
    value: float | None
    low: float | None
    high: float | None
