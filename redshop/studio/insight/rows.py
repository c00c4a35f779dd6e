"""A note as insight sees it: how it came about, what it is like, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

#: How a note came about, each apart: AI's first, since such a note may be paid for too.
STRATA: Final = ("organic", "paid", "ai")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which notes are compared: published in a time, of a population and a category, or of all."""

    since: datetime
    until: datetime
    population: str
    currency: str
    zone: ZoneInfo
    days: int = 7  #: of age, at which all are looked at
    model: str = "last_touch"
    category_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A note: whose it is, how it came about, its attributes, and its sums."""

    note_id: int
    author_id: int
    stratum: str
    language: str
    has_product: bool
    levels: Mapping[str, str]
    topics: tuple[str, ...]
    people: int  #: who saw it
    saw_and_opened: int
    opens: int
    saves: int
    product_views: int
    impressions: int
    sales: float  #: conversions that it is credited with
    net_minor: int


def stratum(*, disclosure: str, ai_use: str) -> str:
    """Return how a note came about."""
    if ai_use != "none":
        return "ai"
    return "paid" if disclosure else "organic"
