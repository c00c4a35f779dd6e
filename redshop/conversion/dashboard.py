"""The admin's home page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from orders.waiting import Waiting, waiting
from redshop.accounts.models import User
from redshop.conversion import access
from redshop.conversion.report import NAMES
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.funnel import Walk
from redshop.conversion.selectors.overview import DailySales, Overview, overview
from redshop.conversion.types import Rate
from redshop.core.money import EXPONENTS, Money
from redshop.core.populations import Population

PAID: Final = "var(--color-primary-600)"
REFUNDED: Final = "var(--color-base-400)"
#: The funnel of the home page may be so old.
FUNNEL_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Card:
    """One number of the day, with the one of the day before and where to read on."""

    title: str
    value: str
    hint: str = ""
    icon: str = ""
    address: str = ""
    is_alarming: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the funnel; ``width`` is its share of the first in per cent."""

    name: str
    people: int
    width: float
    share: str
    interval: str
    is_net: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One side of a switch."""

    name: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Todo:
    """So many things that a person must look at, and where they are."""

    title: str
    count: int
    address: str


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the day's numbers to the home page, for those who may read every statistic."""
    if not isinstance(request.user, User) or not access.is_analyst(request.user):
        return context
    given = request.GET.get("population", "")
    population = populations.choose(given if given in Population.values else None)
    shown = overview(
        population=population,
        at=timezone.now(),
        day=_day(request.GET.get("day", "")),
        funnel_seconds=FUNNEL_SECONDS,
    )
    return {
        **context,
        "title": "Overview",
        "overview": shown,
        "switch": _switch(shown),
        "cards": _cards(shown),
        "bars": _bars(shown.walk),
        "curve": json.dumps(_curve(shown.sales)),
        "before": _address(shown.population, shown.day - timedelta(days=1)),
        "after": _address(shown.population, shown.day + timedelta(days=1)),
        "credits": reverse("admin:conversion_credit_changelist"),
        "waiting": [_todo(one) for one in waiting(at=timezone.now())],
    }


def _todo(one: Waiting) -> Todo:
    return Todo(one.title, one.count, f"{reverse(f'admin:{one.page}_changelist')}?{one.query}")


def _day(given: str) -> date | None:
    """Return the day asked for, None where it is no day that can be shown."""
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None


def _address(population: str, day: date) -> str:
    return "?" + urlencode({"population": population, "day": day.isoformat()})


def _switch(shown: Overview) -> list[Choice]:
    return [
        Choice(str(label), f"?population={value}", value == shown.population)
        for value, label in Population.choices
    ]


def _cards(shown: Overview) -> list[Card]:
    day, before = shown.sales[-1], shown.sales[-2]
    facts = reverse("admin:core_fact_changelist")
    waiting, aside = shown.backlog.due, shown.backlog.set_aside
    oldest = f"the oldest for {shown.backlog.oldest_due_seconds:,.0f} s" if waiting else "all done"
    return [
        Card("People active", *_two(shown.presence.people, shown.presence_before.people), "group"),
        Card("New notes", *_two(shown.presence.notes, shown.presence_before.notes), "edit_note"),
        Card("Orders paid", *_two(day.orders, before.orders), "shopping_bag"),
        Card("Paid", *_sums(day.gross, before.gross), "payments"),
        Card("Refunded", *_sums(day.refunded, before.refunded), "undo"),
        Card("Net", *_sums(day.net, before.net), "savings"),
        Card("Facts waiting", f"{waiting:,}", oldest, "hourglass_empty", facts),
        Card(
            "Facts set aside",
            f"{aside:,}",
            "a person must look" if aside else "none failed for good",
            "report",
            f"{facts}?standing=set_aside",
            is_alarming=aside > 0,
        ),
    ]


def _two(now: int, before: int) -> tuple[str, str]:
    return f"{now:,}", f"day before: {before:,}"


def _sums(now: Money, before: Money) -> tuple[str, str]:
    return plain(now), f"day before: {plain(before)}"


def plain(amount: Money) -> str:
    """Return an amount without its currency, without the fraction where it is long."""
    text = str(amount).removesuffix(f" {amount.currency}")
    exponent = EXPONENTS.get(amount.currency, 2)
    return text if len(text) <= 9 or not exponent else text[: -exponent - 1]


def _bars(walk: Walk) -> list[Bar]:
    steps, net = walk.people.steps, walk.people.net_paid
    widest = steps[0].people
    bars = [
        _bar(NAMES[step.step].capitalize(), step.people, widest, step.from_first) for step in steps
    ]
    if net is not None:
        bars.append(_bar("Paid and kept", net.people, widest, net.from_first, is_net=True))
    return bars


def _bar(name: str, people: int, widest: int, share: Rate, *, is_net: bool = False) -> Bar:
    width = 100 * people / widest if widest else 0.0
    return Bar(
        name=name,
        people=people,
        width=round(width, 1),
        share="–" if share.value is None else f"{share.value:.1%}",
        interval="" if share.low is None else f"{share.low:.1%} to {share.high:.1%}",
        is_net=is_net,
    )


def _curve(sales: Sequence[DailySales]) -> dict[str, Any]:
    """Return the chart's data: what was paid and given back, in major units, day by day."""
    return {
        "labels": [f"{row.day:%-d %b}" for row in sales],
        "datasets": [
            {
                "label": "Paid",
                "data": [_major(row.gross) for row in sales],
                "borderColor": PAID,
                "displayYAxis": True,
                "maxTicksXLimit": 7,
            },
            {
                "label": "Refunded",
                "data": [_major(row.refunded) for row in sales],
                "borderColor": REFUNDED,
                "borderDash": [4, 3],
            },
        ],
    }


def _major(amount: Money) -> float:
    return float(amount.amount_minor / 10 ** EXPONENTS.get(amount.currency, 2))
