"""What questions about some days of some people have in common, as SQL and as ``meta`` want it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from redshop.conversion.selectors import populations
from redshop.conversion.types import Meta, Period, Scope, Slice


class OfPeople(Protocol):
    """A question about some days of a population."""

    @property
    def period(self) -> Period: ...
    @property
    def population(self) -> str: ...


class OfSales(OfPeople, Protocol):
    """A question about what some of them bought, in one currency, a page at a time."""

    @property
    def currency(self) -> str: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def page(self) -> Slice: ...


def values_of(question: OfSales) -> dict[str, Any]:
    """Return a question's parameters by the names that statements know them by.

    One row more is asked for than a page holds, so that it is known whether there is another.
    """
    brands = question.scope.brand_ids
    return {
        "since": question.period.since,
        "until": question.period.until,
        "zone": question.period.zone.key,
        "currency": question.currency,
        "populations": populations.members(question.population),
        "brand_ids": None if brands is None else list(brands),
        "author_id": question.scope.author_id,
        "limit": question.page.limit + 1,
        "offset": question.page.offset,
    }


def meta_of(
    question: OfPeople,
    *,
    definition: str,
    version: int,
    n: int,
    fresh_at: datetime,
    notes: Iterable[str] = (),
    window_days: int | None = None,
) -> Meta:
    """Return what the figures of an answer are."""
    mixed = ("Real and simulated people together.",)
    return Meta(
        definition=definition,
        version=version,
        period=question.period,
        window_days=window_days,
        population=question.population,
        n=n,
        fresh_at=fresh_at,
        kind=populations.kind_of(question.population),
        notes=(*notes, *(mixed if question.population == populations.ALL else ())),
    )
