"""The funnel and the best notes as plain text."""

from typing import Final
from unicodedata import east_asian_width

from redshop.conversion.rates import rate
from redshop.conversion.selectors import attribution
from redshop.conversion.selectors.funnel import Walk
from redshop.conversion.selectors.overview import MODEL, Overview
from redshop.conversion.types import Period, Rate

NAMES: Final = {
    "impression": "impressions",
    "note_open": "opens",
    "product_view": "product views",
    "cart_add": "carts",
    "checkout": "checkouts",
    "order_paid": "paid",
}
#: Columns that a title and a name may take.
TITLE, NAME = 34, 16


def funnel_and_notes(shown: Overview) -> str:
    """Return both tables, at most 80 columns wide, headed by what the figures are."""
    days = f"{shown.period.first} to {shown.day}, {shown.period.zone.key}"
    total = shown.total
    parts = [
        f"{shown.kind.upper()} figures: {shown.population} people, {days}",
        "",
        *_steps(shown.walk),
        "",
        f"paid {total.gross}, refunded {total.refunded}, net {total.net}",
        "",
        *_notes(shown),
    ]
    return "\n".join(parts)


def funnel(walk: Walk, period: Period) -> str:
    """Return the table of a funnel, headed by its days."""
    head = f"{period.first} up to {period.end}, {period.zone.key}: people by product and step"
    return "\n".join([head, "", *_steps(walk)])


def _steps(walk: Walk) -> list[str]:
    """Return a line a step: how often, how many people on the way there, and their share."""
    people, events = walk.people, walk.events
    lines = [f"{'':<15}{'events':>11}{'people':>9}{'of the first':>15}{'95 % interval':>18}"]
    lines += [
        _step(NAMES[walked.step], counted.people, walked.people, walked.from_first)
        for walked, counted in zip(people.steps, events.steps, strict=True)
    ]
    if people.net_paid and events.net_paid:
        gone = people.steps[-1].people - people.net_paid.people
        events_gone = events.steps[-1].people - events.net_paid.people
        lines.append(_step("refunded", events_gone, gone, rate(gone, people.steps[0].people)))
    return lines


def _step(name: str, events: int, people: int, share: Rate) -> str:
    value = "" if share.value is None else f"{share.value:.2%}"
    interval = "" if share.low is None else f"{share.low:.2%} – {share.high:.2%}"
    return f"{name:<15}{events:>11,}{people:>9,}{value:>15}{interval:>18}".rstrip()


def _notes(shown: Overview) -> list[str]:
    """Return a line for each of the notes that earned most, and what none of them earned."""
    lines = [
        f"{'the notes that earned most':<{TITLE}}  {'author':<{NAME}}{'sales':>8}{'net':>18}",
        *(
            f"{fit(note.title, TITLE)}  {fit(note.author, NAME)}"
            f"{note.conversions:>8,.1f}{note.net!s:>18}"
            for note in shown.notes
        ),
    ]
    rest = shown.unattributed
    lines.append(
        f"{'no note led there':<{TITLE + NAME + 2}}{rest.conversions:>8,.1f}{rest.net!s:>18}"
    )
    lines.append(f"(credited by {MODEL.replace('_', ' ')}, net of refunds)")
    return lines


def what_if(answer: attribution.Answer, stands: attribution.Answer) -> str:
    """Return an answer's groups, beside what the total's parts are by the credits that stand."""
    meta, rest = answer.meta, answer.unattributed
    lines = [
        (
            f"{meta.kind.upper()} figures: {meta.population} people, {meta.period.first} up to"
            f" {meta.period.end}, {meta.period.zone.key}"
        ),
        f"{meta.definition}, {meta.window_days} days instead of each category's lookback",
        "",
        f"{'':<{TITLE}}{'sales':>12}{'net':>22}",
        *(
            f"{fit(row.label, TITLE)}{row.conversions:>12,.1f}{row.net!s:>22}"
            for row in answer.results
        ),
        *(["…"] if answer.has_more else []),
        f"{'no note led there':<{TITLE}}{rest.conversions:>12,.1f}{rest.net!s:>22}",
        (
            f"{'(by the credits that stand)':<{TITLE}}{stands.unattributed.conversions:>12,.1f}"
            f"{stands.unattributed.net!s:>22}"
        ),
        f"{'all':<{TITLE}}{answer.total.conversions:>12,.1f}{answer.total.net!s:>22}",
    ]
    return "\n".join(lines)


def fit(text: str, width: int) -> str:
    """Return the text cut or filled to so many columns; Chinese characters take two."""
    kept, taken = "", 0
    for character in text:
        columns = 2 if east_asian_width(character) in "WF" else 1
        if taken + columns > width:
            break
        kept, taken = kept + character, taken + columns
    return kept + " " * (width - taken)
