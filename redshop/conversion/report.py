"""The funnel and the best notes as plain text."""

from datetime import datetime, timedelta
from typing import Any, Final
from unicodedata import east_asian_width

from django.conf import settings

from notes.models import Note
from redshop.conversion.rates import rate
from redshop.conversion.selectors import attribution, funnel, populations
from redshop.conversion.types import AttributionModel, Period, Rate, Slice, Unit

NAMES: Final = {
    "impression": "impressions",
    "note_open": "opens",
    "product_view": "product views",
    "cart_add": "carts",
    "checkout": "checkouts",
    "order_paid": "paid",
}
MODEL: Final = AttributionModel.LAST_TOUCH
#: Columns that a title and a name may take.
TITLE, NAME = 34, 16


def funnel_and_notes(*, period: Period, population: str, notes: int, at: datetime) -> str:
    """Return both tables, at most 80 columns wide, headed by what the figures are."""
    asked: dict[str, Any] = {
        "period": period,
        "population": population,
        "currency": settings.PLATFORM_CURRENCY,
    }
    people = funnel.funnel(funnel.Question(**asked), at=at)
    events = funnel.funnel(funnel.Question(**asked, unit=Unit.EVENTS), at=at)
    earned = attribution.attribution(
        attribution.Question(**asked, model=MODEL, page=Slice(limit=notes)), at=at
    )
    last = period.end - timedelta(days=1)
    kind, days = populations.kind_of(population).upper(), f"{period.first} to {last}"
    parts = [
        f"{kind} figures: {population} people, {days}, {period.zone.key}",
        "",
        *_steps(people.results[0], events.results[0]),
        "",
        f"paid {earned.total.gross}, refunded {earned.total.refunded}, net {earned.total.net}",
        "",
        *_notes(earned),
    ]
    return "\n".join(parts)


def _steps(people: funnel.Row, events: funnel.Row) -> list[str]:
    """Return a line a step: how often, how many people on the way there, and their share."""
    lines = [f"{'':<15}{'events':>11}{'people':>9}{'of the first':>15}{'95 % interval':>18}"]
    lines += [
        _step(NAMES[walked.step], counted.people, walked.people, walked.from_first)
        for walked, counted in zip(people.steps, events.steps, strict=True)
    ]
    if people.net_paid and events.net_paid:
        gone = people.steps[-1].people - people.net_paid.people
        share = rate(gone, people.steps[0].people)
        lines.append(
            _step("refunded", events.steps[-1].people - events.net_paid.people, gone, share)
        )
    return lines


def _step(name: str, events: int, people: int, share: Rate) -> str:
    value = "" if share.value is None else f"{share.value:.2%}"
    interval = "" if share.low is None else f"{share.low:.2%} – {share.high:.2%}"
    return f"{name:<15}{events:>11,}{people:>9,}{value:>15}{interval:>18}"


def _notes(earned: attribution.Answer) -> list[str]:
    """Return a line for each of the notes that earned most, and what none of them earned."""
    ids = [int(row.key or 0) for row in earned.results]
    authors = dict(Note.objects.filter(pk__in=ids).values_list("pk", "author__handle"))
    lines = [
        f"{'the notes that earned most':<{TITLE}}  {'author':<{NAME}}{'sales':>8}{'net':>18}",
        *(
            f"{fit(row.label, TITLE)}  {fit(authors[pk], NAME)}"
            f"{row.conversions:>8,.1f}{row.net!s:>18}"
            for pk, row in zip(ids, earned.results, strict=True)
        ),
    ]
    rest = earned.unattributed
    lines.append(
        f"{'no note led there':<{TITLE + NAME + 2}}{rest.conversions:>8,.1f}{rest.net!s:>18}"
    )
    lines.append(f"(credited by {MODEL.replace('_', ' ')}, net of refunds)")
    return lines


def fit(text: str, width: int) -> str:
    """Return the text cut or filled to so many columns; Chinese characters take two."""
    kept, taken = "", 0
    for character in text:
        taken += 2 if east_asian_width(character) in "WF" else 1
        if taken > width:
            break
        kept += character
    return kept + " " * (width - _columns(kept))


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
