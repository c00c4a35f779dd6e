"""How many people, or events, got from step to step, and what was paid and kept in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from redshop.conversion import chains
from redshop.conversion.chains import OPTIONAL, STEPS
from redshop.conversion.rates import rate
from redshop.conversion.selectors import labels, lookback, rolled_funnel
from redshop.conversion.selectors.asking import meta_of, values_of
from redshop.conversion.selectors.rolled_funnel import Source, source_of
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import (
    EVERYTHING,
    FunnelGroup,
    Meta,
    Period,
    Rate,
    Scope,
    Slice,
    Unit,
)
from redshop.core.money import Money
from redshop.events.kinds import EventKind

#: Raised whenever what is counted changes.
VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the way from the first step to the last."""

    period: Period
    population: str
    currency: str
    group_by: FunnelGroup | None = None
    steps: tuple[str, ...] = STEPS
    optional: frozenset[str] = OPTIONAL
    unit: Unit = Unit.PEOPLE
    window_days: int | None = None
    scope: Scope = EVERYTHING
    page: Slice = field(default_factory=Slice)


@dataclass(frozen=True, slots=True)
class Step:
    """How many reached a step, of those at the first, and of those at the step before."""

    step: str
    people: int
    from_first: Rate
    from_previous: Rate


@dataclass(frozen=True, slots=True)
class NetPaid:
    """Who paid and kept something, and the money that was not given back."""

    people: int
    from_first: Rate
    amount: Money


@dataclass(frozen=True, slots=True)
class Row:
    """The funnel of one group."""

    key: int | str | None
    label: str
    steps: tuple[Step, ...]
    net_paid: NetPaid | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of funnels, the widest first (days in order)."""

    results: tuple[Row, ...]
    has_more: bool
    meta: Meta


def funnel(question: Question, *, at: datetime) -> Answer:
    """Answer how far people, or events, got: from sums where they are kept, else from the log."""
    source, fresh_at = source_of(question, at=at)
    ask = rolled_funnel.rows if source == Source.SUMS else partial(_ask, source=source)
    rows = _complete(ask(question), question)
    shown = rows[: question.page.limit]
    group_by = question.group_by.value if question.group_by else "all"
    named = labels.named(group_by, keys=[row["key"] for row in shown])
    return Answer(
        results=tuple(_row(row, named[row["key"]], question) for row in shown),
        has_more=len(rows) > question.page.limit,
        meta=_meta(question, n=rows[0]["n"] if rows else 0, source=source, fresh_at=fresh_at),
    )


@dataclass(frozen=True, slots=True)
class Walk:
    """How far people got, and how many events there were, of the same steps."""

    people: Row
    events: Row


def walk(question: Question, *, at: datetime) -> Walk:
    """Answer for people and events at once, from the first step of which there is anything.

    A shop's history may know of views and purchases only; its funnel starts with the views.
    """
    [events] = funnel(replace(question, unit=Unit.EVENTS), at=at).results
    there = [place for place, step in enumerate(events.steps) if step.people] or [0]
    later = replace(question, steps=question.steps[there[0] :])
    [people] = funnel(later, at=at).results
    return Walk(people, replace(events, steps=events.steps[there[0] :]))


def _ask(question: Question, *, source: Source) -> list[dict[str, Any]]:
    scope = question.scope
    if question.unit == Unit.EVENTS:
        statement = chains.of_events(
            steps=question.steps,
            group_by=question.group_by,
            of_brands=scope.brand_ids is not None,
            of_author=scope.author_id is not None,
        )
    else:
        skipped = frozenset(
            place for place, step in enumerate(question.steps) if step in question.optional
        )
        statement = chains.of_people(
            steps=question.steps,
            optional=skipped,
            group_by=question.group_by,
            is_of_audience=source == Source.AUDIENCE,
        )
    return rows_of(statement, _values(question))


def _complete(rows: list[dict[str, Any]], question: Question) -> list[dict[str, Any]]:
    """Return the rows, and one of nothing where everybody is asked for and nobody was there."""
    if rows or question.group_by is not None:
        return rows
    names = [f"{letter}{place}" for letter in "nm" for place in range(len(question.steps))]
    return [dict.fromkeys([*names, "keep", "net_minor", "n"], 0) | {"key": "all"}]


def _values(question: Question) -> dict[str, Any]:
    windows = lookback.days_by_category()
    if question.window_days is not None:
        windows = dict.fromkeys(windows, question.window_days)
    zone = ZoneInfo(settings.PLATFORM_TIME_ZONE)
    longest = timedelta(hours=24) * max(windows.values(), default=0)
    return {
        **values_of(question),
        "steps": list(question.steps),
        "latest": question.period.until + longest,
        "category_ids": list(windows),
        "days": list(windows.values()),
        "first_day": question.period.since.astimezone(zone).date(),
        "last_day": question.period.until.astimezone(zone).date(),
    }


def _row(row: dict[str, Any], name: labels.Name, question: Question) -> Row:
    counts = [row[f"n{place}"] for place in range(len(question.steps))]
    both = [counts[0], *(row[f"m{place}"] for place in range(1, len(question.steps)))]
    net_paid = NetPaid(
        people=row["keep"],
        from_first=rate(row["keep"], counts[0]),
        amount=Money(row["net_minor"], question.currency),
    )
    return Row(
        key=name[0],
        label=name[1],
        steps=_steps(question.steps, counts=counts, both=both),
        net_paid=net_paid if EventKind.ORDER_PAID in question.steps else None,
    )


def _steps(names: Sequence[str], *, counts: Sequence[int], both: Sequence[int]) -> tuple[Step, ...]:
    previous = [counts[0], *counts[:-1]]
    return tuple(
        Step(
            step=name,
            people=count,
            from_first=rate(count, counts[0]),
            from_previous=rate(came, before),
        )
        for name, count, came, before in zip(names, counts, both, previous, strict=True)
    )


def _meta(question: Question, *, n: int, source: Source, fresh_at: datetime) -> Meta:
    notes = ["Events of the steps, each once; no window."]
    if question.unit == Unit.PEOPLE:
        notes = [
            "People who started in the days asked for; later steps count until the window ends.",
            "from_previous is the share of those at the step before who went on to this one.",
        ]
        if question.window_days is None:
            notes.append("The window is the lookback of each product's category.")
    if source == Source.SUMS:
        notes.append("From sums that are kept up with the log.")
    return meta_of(
        question,
        definition=f"funnel.{question.unit}",
        version=VERSION,
        n=n,
        fresh_at=fresh_at,
        notes=notes,
        window_days=question.window_days if question.unit == Unit.PEOPLE else None,
    )
