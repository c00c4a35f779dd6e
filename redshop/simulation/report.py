"""What a run came to, against what it is calibrated to."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import connection

from redshop.simulation.behaviour.engagement import ACTIONS
from redshop.simulation.behaviour.purchase import category_part
from redshop.simulation.calibration import REST, figure, figures
from redshop.simulation.life import Life
from redshop.simulation.measured import Check, Measured, check

_COUNTS: Final = """
SELECT kind, surface = 'search', count(*)
FROM events_event
WHERE person_id = ANY(%(people)s) AND occurred_at >= %(since)s AND occurred_at < %(until)s
GROUP BY 1, 2
"""
_LINES: Final = """
SELECT top.slug, count(*), sum((line.refunded_quantity > 0)::int)
FROM orders_orderline line
JOIN orders_order ON orders_order.id = line.order_id
JOIN catalog_product product ON product.id = line.product_id
JOIN catalog_category category ON category.id = product.category_id
JOIN catalog_category top ON top.id = category.parent_id
WHERE orders_order.buyer_id = ANY(%(people)s) AND orders_order.paid_at < %(until)s - %(ripe)s
GROUP BY 1
"""
_DELAYS: Final = """
SELECT top.slug, count(*), sum(extract(epoch FROM orders_order.paid_at - first.at) / 86400)::float8
FROM orders_orderline line
JOIN orders_order ON orders_order.id = line.order_id
JOIN catalog_product product ON product.id = line.product_id
JOIN catalog_category category ON category.id = product.category_id
JOIN catalog_category top ON top.id = category.parent_id
CROSS JOIN LATERAL (
    SELECT min(event.occurred_at) AS at
    FROM events_event event
    JOIN notes_producttag tag ON tag.note_id = event.note_id AND tag.product_id = line.product_id
    WHERE event.person_id = orders_order.buyer_id AND event.kind = 'note_open'
      AND event.occurred_at <= orders_order.paid_at
) first
WHERE orders_order.buyer_id = ANY(%(people)s) AND orders_order.paid_at IS NOT NULL
  AND first.at IS NOT NULL
GROUP BY 1
"""
#: By then after the payment, most of what goes back has come back.
RIPE: Final = timedelta(days=6)


def check_calibration(life: Life) -> list[Check]:
    """Return every figure that a run of days can be held against, in the file's order."""
    measured = {(each.key, each.part): each for each in _measure(life)}
    return [
        check(target, measured[key, part])
        for key, target in figures().items()
        for part in target.parts
        if (key, part) in measured
    ]


def _measure(life: Life) -> Iterator[Measured]:
    window = {
        "people": list(life.residents.person_ids),
        "since": life.run.since_at,
        "until": life.run.until_at,
        "ripe": RIPE,
    }
    yield from _population(life)
    yield from _attention(life, window)
    yield from _requests(life)
    yield from _funnel(life, window)
    yield from _returns(window)
    yield from _delays(window)


def _population(life: Life) -> Iterator[Measured]:
    people, days = life.people, life.run.days
    for name, share in {
        "female_share": people.is_female,
        "sharer_share": people.is_sharer,
        "monthly_creator_share": people.is_creator,
        "tier_1_2_city_share": people.in_large_city,
    }.items():
        yield Measured(f"population.{name}", "", float(share.mean()))
    yield Measured("search.searcher_share", "", float(people.is_searcher.mean()), "who ever search")
    by_people = sum(card.author < len(people) for card in life.library.cards)
    yield Measured("population.user_generated_share", "", _rate(by_people, len(life.library)))
    written, creators = life.tally["notes by creators"], int(people.is_creator.sum())
    yield Measured("population.notes_per_creator_day", "", _rate(written, creators * days))
    active = life.tally["active person-days"]
    yield Measured("population.daily_active_share", "", _rate(active, len(people) * days))


def _attention(life: Life, window: Mapping[str, Any]) -> Iterator[Measured]:
    thinned = life.scenario.exposures_thinned
    shown = sum(_counts(window).get(("impression", where), 0) for where in (True, False))
    exposures = _rate(shown * thinned, life.tally["active person-days"])
    yield Measured("population.exposures_per_active_day", "", exposures, f"×{thinned}, thinned")
    searches = life.tally["requests to search"] * thinned
    days = life.tally["active person-days"] * float(life.people.is_searcher.mean())
    yield Measured(
        "search.searches_per_searcher_day", "", _rate(searches, days), f"×{thinned}, thinned"
    )


def _requests(life: Life) -> Iterator[Measured]:
    asked = {name: life.tally[f"requests to {name}"] for name in ("search", "explore", "following")}
    yield Measured("search.request_share", "", _rate(asked["search"], sum(asked.values())))
    pairs = {name: life.tally[f"pairs: {name}"] for name in figure("surface.transition").parts}
    for name, count in pairs.items():
        yield Measured("surface.transition", name, _rate(count, sum(pairs.values())))


def _funnel(life: Life, window: Mapping[str, Any]) -> Iterator[Measured]:
    counts, scenario = _counts(window), life.scenario

    def total(kind: str) -> int:
        return counts.get((kind, True), 0) + counts.get((kind, False), 0)

    opens, shown = total("note_open"), total("impression")
    yield Measured("funnel.open_given_impression", "", _rate(opens, shown))
    for action in ACTIONS:
        key = f"funnel.{action}_given_open"
        for part in figure(key).parts:
            is_search = part == "search"
            done = counts.get((action, is_search), 0) if part else total(action)
            of = counts.get(("note_open", is_search), 0) if part else opens
            yield Measured(key, part, _rate(done, of))
    done = sum(total(action) for action in ACTIONS)
    yield Measured(
        "funnel.engagement_given_impression", "", _rate(done, shown), "the headline check"
    )
    views, carts = total("product_view"), total("cart_add")
    for key, done, of, factor in (
        ("product_view_given_open", views, opens, scenario.product_view_factor),
        ("cart_given_product_view", carts, views, scenario.cart_factor),
    ):
        yield Measured(f"funnel.{key}", "", _rate(done, of * factor), f"÷{factor:g}, declared")
    deciding = sum(pays for cart in life.carts.values() for pays in cart.values())
    paying, factor = total("order_paid") + deciding, scenario.paid_factor
    remark = f"÷{factor:g}, declared; those still deciding included"
    yield Measured("funnel.paid_given_cart", "", _rate(paying, carts * factor), remark)


def _returns(window: Mapping[str, Any]) -> Iterator[Measured]:
    lines: dict[str, list[int]] = {}
    for top, paid, returned in _rows(_LINES, window):
        part = _part("purchase.refund_share", top)
        sums = lines.setdefault(part, [0, 0])
        sums[0], sums[1] = sums[0] + paid, sums[1] + returned
    for part, (paid, returned) in lines.items():
        yield Measured(
            "purchase.refund_share",
            part,
            _rate(returned, paid),
            f"paid over {RIPE.days} days before the end",
        )


def _delays(window: Mapping[str, Any]) -> Iterator[Measured]:
    sums: dict[str, list[float]] = {}
    for top, count, days in _rows(_DELAYS, window):
        part = _part("purchase.days_to_convert", top)
        both = sums.setdefault(part, [0.0, 0.0])
        both[0], both[1] = both[0] + count, both[1] + days
    for part, (count, days) in sums.items():
        remark = "what comes later is not seen"
        yield Measured(
            "purchase.days_to_convert", part, _rate(days, count), remark, is_judged=False
        )


def _part(key: str, top: str) -> str:
    """Return the part of a figure that a top category belongs to."""
    return category_part(top) if category_part(top) in figure(key).parts else REST


def _counts(window: Mapping[str, Any]) -> dict[tuple[str, bool], int]:
    return {(kind, is_search): count for kind, is_search, count in _rows(_COUNTS, window)}


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _rate(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None
