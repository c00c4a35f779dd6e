"""A day at a glance: who was there, what was sold and given back, what led to it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection
from redis import RedisError

from notes.models import Note
from redshop.conversion.selectors import attribution, funnel, populations
from redshop.conversion.types import AttributionModel, Period, Slice, Standing
from redshop.core import outbox
from redshop.core.money import Money

#: How many days the curve and the funnel show, the day itself included.
DAYS: Final = 28
NOTES: Final = 8
MODEL: Final = AttributionModel.LAST_TOUCH

#: The last moment at which something was paid, or is in the log of today.
_LATEST: Final = """
SELECT greatest(
    (SELECT max(paid_at) FROM orders_order WHERE population = ANY(%(populations)s)),
    (SELECT max(occurred_at) FROM events_event
     WHERE population = ANY(%(populations)s) AND occurred_at >= %(today)s)
)
"""
_PRESENT: Final = """
SELECT count(DISTINCT coalesce(person_id::text, visitor_id::text))
           FILTER (WHERE occurred_at >= %(day)s),
       count(DISTINCT coalesce(person_id::text, visitor_id::text))
           FILTER (WHERE occurred_at < %(day)s),
       (SELECT count(*) FROM notes_note WHERE population = ANY(%(populations)s)
           AND published_at >= %(day)s AND published_at < %(until)s),
       (SELECT count(*) FROM notes_note WHERE population = ANY(%(populations)s)
           AND published_at >= %(day_before)s AND published_at < %(day)s)
FROM events_event
WHERE occurred_at >= %(day_before)s AND occurred_at < %(until)s AND suspicion = ''
  AND population = ANY(%(populations)s)
"""
#: Of goods, as in all conversion figures: without shipping and duty.
_SALES: Final = """
SELECT currency, on_day, sum(orders)::int, sum(gross)::bigint, sum(refunded)::bigint
FROM (
    SELECT currency, (paid_at AT TIME ZONE %(zone)s)::date AS on_day,
           1 AS orders, total_minor - shipping_minor - duty_minor AS gross, 0 AS refunded
    FROM orders_order
    WHERE paid_at >= %(since)s AND paid_at < %(until)s
      AND population = ANY(%(populations)s)
    UNION ALL
    SELECT orders_refund.currency, (refunded_at AT TIME ZONE %(zone)s)::date,
           0, 0, (SELECT sum(amount_minor) FROM orders_refundline
                  WHERE refund_id = orders_refund.id)
    FROM orders_refund
    JOIN orders_order ON orders_order.id = orders_refund.order_id
    WHERE refunded_at >= %(since)s AND refunded_at < %(until)s
      AND population = ANY(%(populations)s)
) AS entries
GROUP BY currency, on_day
"""


@dataclass(frozen=True, slots=True)
class DailySales:
    """What was paid for goods, and what was given back of that, on one day."""

    day: date
    orders: int
    gross: Money
    refunded: Money

    @property
    def net(self) -> Money:
        return self.gross - self.refunded


@dataclass(frozen=True, slots=True)
class Presence:
    """How many people did anything, and how many notes were published, on a day."""

    people: int
    notes: int


@dataclass(frozen=True, slots=True)
class BestNote:
    """A note that earned much, with its picture where it has one."""

    id: int
    title: str
    author: str
    picture: str
    conversions: float
    net: Money


@dataclass(frozen=True, slots=True)
class Overview:
    """A day and the weeks before it, of one population."""

    population: str
    kind: str
    period: Period
    currency: str
    other_currencies: tuple[str, ...]
    presence: Presence
    presence_before: Presence
    sales: tuple[DailySales, ...]
    walk: funnel.Walk
    notes: tuple[BestNote, ...]
    unattributed: Standing
    total: Standing
    backlog: outbox.Backlog
    fresh_at: datetime

    @property
    def day(self) -> date:
        """The last of the days, the one that is looked at."""
        return self.period.end - timedelta(days=1)


def overview(
    *,
    population: str,
    at: datetime,
    day: date | None = None,
    days: int = DAYS,
    notes: int = NOTES,
    funnel_seconds: int = 0,
) -> Overview:
    """Return one day, by default the last on which anything happened, and the weeks before it.

    The funnel, its one costly part, may be ``funnel_seconds`` old.
    """
    zone = ZoneInfo(settings.PLATFORM_TIME_ZONE)
    end = (day or _latest_day(population, zone=zone, at=at)) + timedelta(days=1)
    period = Period(end - timedelta(days=days), end, zone)
    sales = _sales(population, period)
    currency = next(iter(sales), settings.PLATFORM_CURRENCY)
    asked: dict[str, Any] = {"period": period, "population": population, "currency": currency}
    earned = attribution.attribution(
        attribution.Question(**asked, model=MODEL, page=Slice(limit=notes)), at=at
    )
    presence, presence_before = _presence(population, period)
    return Overview(
        population=population,
        kind=populations.kind_of(population),
        period=period,
        currency=currency,
        other_currencies=tuple(sales)[1:],
        presence=presence,
        presence_before=presence_before,
        sales=_every_day(sales.get(currency, {}), period, currency=currency),
        walk=_walk(funnel.Question(**asked), seconds=funnel_seconds, at=at),
        notes=_best(earned.results),
        unattributed=earned.unattributed,
        total=earned.total,
        backlog=outbox.backlog(at=at),
        fresh_at=earned.meta.fresh_at,
    )


def _walk(question: funnel.Question, *, seconds: int, at: datetime) -> funnel.Walk:
    """Return the funnel, or the one kept a moment ago."""
    name = connection.settings_dict["NAME"]
    key = f"overview:{name}:{question.population}:{question.currency}:{question.period.end}"
    if seconds:
        with suppress(RedisError):
            if (kept := cache.get(key)) is not None:
                return cast("funnel.Walk", kept)
    walked = funnel.walk(question, at=at)
    if seconds:
        with suppress(RedisError):
            cache.set(key, walked, seconds)
    return walked


def _latest_day(population: str, *, zone: ZoneInfo, at: datetime) -> date:
    today = Period.last_days(1, at=at, zone=zone)
    [(latest,)] = _rows(_LATEST, population, today, today=today.since)
    return min(latest or at, at).astimezone(zone).date()


def _presence(population: str, period: Period) -> tuple[Presence, Presence]:
    """Return who was there on the day and on the one before."""
    day = period.until - timedelta(days=1)
    before = day - timedelta(days=1)
    [(people, people_before, notes, notes_before)] = _rows(
        _PRESENT, population, period, day=day, day_before=before
    )
    return Presence(people, notes), Presence(people_before, notes_before)


def _sales(population: str, period: Period) -> dict[str, dict[date, list[int]]]:
    """Return orders, gross and refunded by day, the currency with the most orders first."""
    by_currency: dict[str, dict[date, list[int]]] = {}
    for currency, day, *numbers in _rows(_SALES, population, period):
        by_currency.setdefault(currency, {})[day] = numbers
    by_orders = sorted(
        by_currency, key=lambda name: (-sum(n[0] for n in by_currency[name].values()), name)
    )
    return {currency: by_currency[currency] for currency in by_orders}


def _every_day(
    found: Mapping[date, list[int]], period: Period, *, currency: str
) -> tuple[DailySales, ...]:
    """Return a row for every day, also for those on which nothing was sold."""
    days = [period.first + timedelta(days=n) for n in range((period.end - period.first).days)]
    return tuple(
        DailySales(day, orders, Money(gross, currency), Money(refunded, currency))
        for day in days
        for orders, gross, refunded in [found.get(day, [0, 0, 0])]
    )


def _best(earned: Sequence[Standing]) -> tuple[BestNote, ...]:
    ids = [int(row.key) for row in earned if row.key is not None]
    known = _authors_and_pictures(ids)
    return tuple(
        BestNote(
            id=pk,
            title=row.label,
            author=known[pk][0],
            picture=known[pk][1],
            conversions=row.conversions,
            net=row.net,
        )
        for pk, row in zip(ids, earned, strict=True)
    )


def _authors_and_pictures(note_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return each note's author and the address of its first picture, small; one query."""
    rows = (
        Note.objects.filter(pk__in=note_ids)
        .order_by("-pictures__position", "-pictures__pk")
        .values_list("pk", "author__handle", "pictures__media__renditions")
    )
    return {
        pk: (author, default_storage.url(sizes["thumb"]["file"]) if sizes else "")
        for pk, author, sizes in rows
    }


def _rows(statement: str, population: str, period: Period, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "populations": populations.members(population),
                "since": period.since,
                "until": period.until,
                "zone": period.zone.key,
                **values,
            },
        )
        return list(cursor.fetchall())
