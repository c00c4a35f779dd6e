"""One subject at a time: whom a note reached, what they did, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from notes.models import Note
from redshop.conversion import rules
from redshop.conversion.rates import rate
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.asking import meta_of
from redshop.conversion.selectors.elsewhere import NOTE, LinkOuts, link_outs, no_link_outs
from redshop.conversion.selectors.rows import rows_of
from redshop.conversion.types import AttributionModel, Meta, Period, Rate
from redshop.core.money import Money
from redshop.events.kinds import EventKind

VERSION: Final = 1
#: Kinds by the names of their sums.
KINDS: Final = {
    "impressions": EventKind.IMPRESSION,
    "opens": EventKind.NOTE_OPEN,
    "reads": EventKind.READ,
    "likes": EventKind.LIKE,
    "saves": EventKind.SAVE,
    "comments": EventKind.COMMENT,
    "shares": EventKind.SHARE,
    "product_views": EventKind.PRODUCT_VIEW,
    "cart_adds": EventKind.CART_ADD,
}
ENGAGING: Final = ("reads", "likes", "saves", "comments", "shares")

_DEEDS: Final = f"""
SELECT count(*) FILTER (WHERE impressions > 0) AS people,
       count(*) FILTER (WHERE opens > 0) AS openers,
       count(*) FILTER (WHERE impressions > 0 AND opens > 0) AS saw_and_opened,
       count(*) FILTER (WHERE {" + ".join(ENGAGING)} > 0) AS engaged,
       {", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in KINDS)}
FROM (
    SELECT {
    ", ".join(f"count(*) FILTER (WHERE kind = '{kind}') AS {name}" for name, kind in KINDS.items())
}
    FROM events_event
    LEFT JOIN events_identity ON events_event.person_id IS NULL
                             AND events_identity.visitor_id = events_event.visitor_id
    WHERE events_event.note_id = %(note_id)s
      AND events_event.occurred_at >= %(since)s AND events_event.occurred_at < %(until)s
      AND events_event.population = ANY(%(populations)s) AND events_event.suspicion = ''
    GROUP BY coalesce(coalesce(events_event.person_id, events_identity.person_id)::text,
                      events_event.visitor_id::text)
) AS people
"""  # noqa: S608 - constants of this module only
_CREDITED: Final = """
SELECT credit.model,
       coalesce(sum(credit.weight_billionths) FILTER (WHERE credit.refund_id IS NULL), 0)::bigint
           AS weight,
       coalesce(sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NULL), 0)::bigint
           AS gross,
       -coalesce(sum(credit.amount_minor) FILTER (WHERE credit.refund_id IS NOT NULL), 0)::bigint
           AS refunded
FROM conversion_credit AS credit
JOIN orders_orderline AS line ON line.id = credit.line_id
JOIN orders_order ON orders_order.id = line.order_id
WHERE credit.note_id = %(note_id)s AND credit.currency = %(currency)s
  AND orders_order.paid_at >= %(since)s AND orders_order.paid_at < %(until)s
  AND credit.population = ANY(%(populations)s)
GROUP BY credit.model
"""


@dataclass(frozen=True, slots=True)
class Question:
    """Which days of whom, in which currency."""

    period: Period
    population: str
    currency: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How many people came how near."""

    impressions: int
    people: int
    opens: int
    openers: int
    open_rate: Rate


@dataclass(frozen=True, slots=True)
class Engagement:
    """What they did with a note; ``people`` did any of it."""

    reads: int
    likes: int
    saves: int
    comments: int
    shares: int
    people: int


@dataclass(frozen=True, slots=True)
class Interest:
    """What they did with what it shows."""

    product_views: int
    cart_adds: int


@dataclass(frozen=True, slots=True)
class Credited:
    """What a model credits it with."""

    model: str
    conversions: float
    gross: Money
    refunded: Money

    @property
    def net(self) -> Money:
        return self.gross - self.refunded


@dataclass(frozen=True, slots=True)
class NoteStatistics:
    """What a note did in some days."""

    id: int
    title: str
    reach: Reach
    engagement: Engagement
    interest: Interest
    credits: tuple[Credited, ...]
    link_outs: LinkOuts
    meta: Meta


def note(note: Note, *, question: Question, at: datetime) -> NoteStatistics:
    """Answer what one note did in the days asked for, and what each model credits it with."""
    values = {
        "note_id": note.pk,
        "since": question.period.since,
        "until": question.period.until,
        "populations": populations.members(question.population),
        "currency": question.currency,
    }
    deeds = rows_of(_DEEDS, values)[0]
    elsewhere = link_outs(question, by="note", keys=[note.pk])
    return NoteStatistics(
        id=note.pk,
        title=note.title,
        reach=reach_of(deeds),
        engagement=engagement_of(deeds),
        interest=interest_of(deeds),
        credits=_credits(rows_of(_CREDITED, values), currency=question.currency),
        link_outs=elsewhere.get(note.pk) or no_link_outs(question.currency),
        meta=meta_of(
            question,
            definition="note",
            version=VERSION,
            n=deeds["people"],
            fresh_at=at,
            notes=["Refunds count on the day of the order.", "n is the people who saw it.", NOTE],
        ),
    )


def reach_of(row: Mapping[str, Any]) -> Reach:
    """Return how near people came, of a row that counted it."""
    return Reach(
        impressions=row["impressions"],
        people=row["people"],
        opens=row["opens"],
        openers=row["openers"],
        open_rate=rate(row["saw_and_opened"], row["people"]),
    )


def engagement_of(row: Mapping[str, Any]) -> Engagement:
    """Return what people did, of a row that counted it."""
    return Engagement(**{name: row[name] for name in ENGAGING}, people=row["engaged"])


def interest_of(row: Mapping[str, Any]) -> Interest:
    """Return what people did with what was shown, of a row that counted it."""
    return Interest(row["product_views"], row["cart_adds"])


def _credits(rows: list[dict[str, Any]], *, currency: str) -> tuple[Credited, ...]:
    """Return what every model credits, nothing where it credits nothing."""
    by_model = {row["model"]: row for row in rows}
    nothing = {"weight": 0, "gross": 0, "refunded": 0}
    return tuple(
        Credited(
            model=model.value,
            conversions=row["weight"] / rules.WHOLE,
            gross=Money(row["gross"], currency),
            refunded=Money(row["refunded"], currency),
        )
        for model in AttributionModel
        if (row := by_model.get(model.value, nothing))
    )
