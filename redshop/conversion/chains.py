"""The funnel's statement: who got how far, for which product, counted from which start.

An event of a step belongs to the latest start that leads to it: a chain of events in the order of
the steps (equal moments in either order), nothing skipped but what may be skipped, none later
than the window after its start. So each new start restarts the window, whether it lies in the days
asked for or after them; what is counted are the chains that started in these days.
"""

from collections.abc import Sequence
from typing import Final

from redshop.conversion.rules import PROVENANCE
from redshop.conversion.types import FunnelGroup
from redshop.events.kinds import EventKind

#: The usual way, and what may be skipped on it: people buy without a recorded cart.
STEPS: Final = (
    EventKind.IMPRESSION.value,
    EventKind.NOTE_OPEN.value,
    EventKind.PRODUCT_VIEW.value,
    EventKind.CART_ADD.value,
    EventKind.CHECKOUT.value,
    EventKind.ORDER_PAID.value,
)
OPTIONAL: Final = frozenset(STEPS[2:5])

#: What each group is known by, in terms of the act that started a chain (or of the event itself).
_GROUPS: Final[dict[FunnelGroup | None, str]] = {
    None: "'all'",
    FunnelGroup.DAY: "((started.began AT TIME ZONE %(zone)s)::date)::text",
    FunnelGroup.SURFACE: "nullif(started.surface, '')",
    FunnelGroup.PROVENANCE: PROVENANCE,
    FunnelGroup.NOTE_TYPE: "notes_note.type",
    FunnelGroup.CATEGORY: "catalog_product.category_id::text",
    FunnelGroup.BRAND: "catalog_product.brand_id::text",
    FunnelGroup.AUTHOR: "notes_note.author_id::text",
    FunnelGroup.TOPIC: "notes_note_topics.topic_id::text",
}
_OF_NOTE: Final = frozenset(
    {FunnelGroup.PROVENANCE, FunnelGroup.NOTE_TYPE, FunnelGroup.AUTHOR, FunnelGroup.TOPIC}
)
_OF_PRODUCT: Final = frozenset({FunnelGroup.CATEGORY, FunnelGroup.BRAND})
#: Groups for which the act that started a chain has to be looked up.
_OF_START: Final = _OF_NOTE | {FunnelGroup.SURFACE}

#: Everything in question that is one of the steps, by whoever did it.
_ACTS: Final = """
acts AS (
    SELECT events_event.id, events_event.occurred_at, events_event.note_id,
           events_event.product_id, events_event.surface, events_event.order_id,
           CASE events_event.kind {cases} END AS step,
           coalesce(
               coalesce(events_event.person_id, events_identity.person_id)::text,
               events_event.visitor_id::text) AS actor
    FROM events_event
    LEFT JOIN events_identity ON events_event.person_id IS NULL
                             AND events_identity.visitor_id = events_event.visitor_id
    WHERE events_event.kind = ANY(%(steps)s) AND events_event.suspicion = ''
      AND events_event.population = ANY(%(populations)s)
      AND events_event.occurred_at >= %(since)s AND {until}
)"""
#: Those alone who started at some note of an author, found by the ways that are kept: so an
#: author's funnel costs what their audience did, and not what everybody did.
_AUDIENCE: Final = """
audience AS (
    SELECT DISTINCT split_part(actor, ':', 2) AS actor
    FROM conversion_funnelway
    WHERE author_id = %(author_id)s AND population = ANY(%(populations)s)
      AND day BETWEEN %(first_day)s AND %(last_day)s
),
who AS (
    SELECT CASE WHEN length(actor) < 36 THEN actor::bigint END AS person_id,
           CASE WHEN length(actor) = 36 THEN actor::uuid END AS visitor_id, actor
    FROM audience
    UNION ALL
    SELECT NULL, events_identity.visitor_id, audience.actor
    FROM audience
    JOIN events_identity ON events_identity.person_id
                          = CASE WHEN length(audience.actor) < 36 THEN audience.actor::bigint END
)"""
_ACTS_OF_SOME: Final = """
acts AS (
    SELECT event.id, event.occurred_at, event.note_id, event.product_id, event.surface,
           event.order_id, CASE event.kind {cases} END AS step, {actor} AS actor
    FROM who JOIN events_event AS event ON event.person_id = who.person_id
    WHERE event.kind = ANY(%(steps)s) AND event.suspicion = '' AND {scope}
    UNION ALL
    SELECT event.id, event.occurred_at, event.note_id, event.product_id, event.surface,
           event.order_id, CASE event.kind {cases} END AS step, {actor} AS actor
    FROM who JOIN events_event AS event ON event.visitor_id = who.visitor_id
                                       AND event.person_id IS NULL
    WHERE event.kind = ANY(%(steps)s) AND event.suspicion = '' AND {scope}
)"""
_OF_QUESTION: Final = (
    "event.population = ANY(%(populations)s)"
    " AND event.occurred_at >= %(since)s AND event.occurred_at <= %(latest)s"
)
#: An act is about its product, or about every product that its note showed at the time.
_ABOUT: Final = """
about AS (
    SELECT acts.*, acts.product_id AS about FROM acts WHERE acts.product_id IS NOT NULL
    UNION ALL
    SELECT acts.*, notes_producttag.product_id AS about
    FROM acts
    JOIN notes_producttag ON notes_producttag.note_id = acts.note_id
    WHERE acts.product_id IS NULL
      AND notes_producttag.valid_from <= acts.occurred_at
      AND (notes_producttag.valid_until IS NULL
           OR notes_producttag.valid_until > acts.occurred_at)
)"""
#: In the order in which a window function wants them.
_NUMBERED: Final = """
windows AS (
    SELECT * FROM unnest(%(category_ids)s::bigint[], %(days)s::int[]) AS given (category_id, days)
),
numbered AS (
    SELECT about.*,
           about.occurred_at - windows.days * INTERVAL '24 hours' AS earliest_start,
           row_number() OVER (
               PARTITION BY about.actor, about.about
               ORDER BY about.occurred_at, about.id) AS place
    FROM about
    JOIN catalog_product ON catalog_product.id = about.about
    JOIN windows ON windows.category_id = catalog_product.category_id
    WHERE about.actor IS NOT NULL
      AND (%(brand_ids)s::bigint[] IS NULL OR catalog_product.brand_id = ANY(%(brand_ids)s))
      AND (about.step > 0 OR %(author_id)s::bigint IS NULL OR EXISTS (
               SELECT 1 FROM notes_note
               WHERE notes_note.id = about.note_id AND notes_note.author_id = %(author_id)s))
),
chain0 AS (
    SELECT numbered.*, CASE WHEN step = 0 THEN place END AS start0,
           CASE WHEN step = 0 THEN occurred_at END AS began0
    FROM numbered
)"""
#: What one more step adds: the latest start seen so far at each earlier step, then the chain.
_LINK: Final = """
seen{before} AS (
    SELECT chain{before}.*, max(start{before}) OVER so_far AS latest{before},
           max(began{before}) OVER so_far AS latest_began{before}
    FROM chain{before}
    WINDOW so_far AS (PARTITION BY actor, about ORDER BY occurred_at
                      RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
chain{step} AS (
    SELECT seen{before}.*,
           CASE WHEN step = {step} AND {began} >= earliest_start THEN {start} END AS start{step},
           CASE WHEN step = {step} AND {began} >= earliest_start THEN {began} END AS began{step}
    FROM seen{before}
)"""
#: Every act that is part of a chain, with the place and the moment of the chain's start.
_CHAINED: Final = """
chained AS (
    SELECT actor, about, step, order_id, surface, note_id, occurred_at,
           coalesce({starts}) AS start, coalesce({moments}) AS began
    FROM chain{last} WHERE coalesce({starts}) IS NOT NULL
)"""
#: Those whose chain started in the days asked for.
_WALKED: Final = """
walked AS (
    SELECT actor, about, step, order_id, surface, note_id, start, began
    FROM chained WHERE began < %(until)s
)"""
_REACHED: Final = """
reached AS (
    SELECT started.actor, started.about, started.start, started.step, started.order_id,
           {group} AS key
    FROM walked AS started
    {joins}
)"""
_REACHED_BY_START: Final = """
reached AS (
    SELECT started.actor, started.about, started.start, started.step, started.order_id,
           {group} AS key
    FROM walked AS started
    {joins}
    WHERE started.step = 0
    UNION ALL
    SELECT walked.actor, walked.about, walked.start, walked.step, walked.order_id, {group} AS key
    FROM walked
    JOIN walked AS started ON started.step = 0 AND started.actor = walked.actor
                          AND started.about = walked.about AND started.start = walked.start
    {joins}
    WHERE walked.step > 0
)"""
#: What of each paid order's product was not given back.
_KEPT: Final = """
bought AS (
    SELECT DISTINCT key, order_id, about FROM reached WHERE step = {paid}
),
kept AS (
    SELECT line.order_id, line.product_id, orders_order.currency,
           sum(line.quantity - line.refunded_quantity) AS units,
           sum(line.total_minor - line.refunded_minor) AS net_minor
    FROM (SELECT DISTINCT order_id FROM bought) AS paid
    JOIN orders_order ON orders_order.id = paid.order_id
    JOIN orders_orderline AS line ON line.order_id = orders_order.id
    GROUP BY line.order_id, line.product_id, orders_order.currency
),
money AS (
    SELECT bought.key, sum(kept.net_minor) AS net_minor
    FROM bought
    JOIN kept ON kept.order_id = bought.order_id AND kept.product_id = bought.about
    WHERE kept.currency = %(currency)s
    GROUP BY bought.key
)"""
_PEOPLE: Final = """
ways AS (
    SELECT reached.key, reached.actor, {flags},
           bool_or(reached.step = {paid} AND kept.units > 0) AS keeps
    FROM reached
    LEFT JOIN kept ON kept.order_id = reached.order_id AND kept.product_id = reached.about
    GROUP BY reached.key, reached.actor, reached.about, reached.start
),
people AS (
    SELECT key, actor, {people}, bool_or(keeps) AS keeps FROM ways GROUP BY key, actor
),
counted AS (
    SELECT key, {counts}, count(*) FILTER (WHERE keeps) AS keep FROM people GROUP BY key
)"""
_EVENTS: Final = """
reached AS NOT MATERIALIZED (
    SELECT started.id, started.step, started.order_id, {about} AS about, {group} AS key
    FROM (SELECT {source}.*, {source}.occurred_at AS began FROM {source}) AS started
    {joins}
    WHERE {scope}
)"""
_EVENTS_COUNTED: Final = """
kept_events AS (
    SELECT reached.key, count(DISTINCT reached.id) AS keep
    FROM reached
    JOIN kept ON kept.order_id = reached.order_id AND kept.product_id = reached.about
    WHERE reached.step = {paid} AND kept.units > 0
    GROUP BY reached.key
),
tallied AS (SELECT key, {counts} FROM reached GROUP BY key),
counted AS (
    SELECT tallied.*, coalesce(kept_events.keep, 0) AS keep
    FROM tallied LEFT JOIN kept_events ON kept_events.key IS NOT DISTINCT FROM tallied.key
)"""
_ANSWER: Final = """
SELECT counted.*, coalesce(money.net_minor, 0)::bigint AS net_minor,
       {n} AS n
FROM counted
LEFT JOIN money ON money.key IS NOT DISTINCT FROM counted.key
ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s
"""
_EVERYBODY: Final = (
    "(SELECT count(*) FROM (SELECT DISTINCT actor FROM reached WHERE step = 0) AS first)"
)
_DISTINCT_FIRST: Final = "(SELECT count(DISTINCT id) FROM reached WHERE step = 0)"
_ALL_FIRST: Final = "(SELECT coalesce(sum(n0), 0)::bigint FROM counted)"


def predecessors(step: int, *, optional: frozenset[int]) -> list[int]:
    """Return the steps that may come right before a step: those between are optional."""
    found = [step - 1]
    while found[-1] in optional and found[-1] > 0:
        found.append(found[-1] - 1)
    return found


def chained(many: int, *, optional: frozenset[int]) -> str:
    """Return the relations that put ``acts`` (id, occurred_at, note_id, product_id, surface,
    order_id, step, actor) of so many steps in chains; the last one is ``chained``.

    Parameters: ``category_ids`` with the window of each in ``days``; ``brand_ids`` and
    ``author_id``, None for all.
    """
    each = range(many)
    return ",".join(
        [
            _ABOUT,
            _NUMBERED,
            *(_link(step, optional=optional) for step in each[1:]),
            _CHAINED.format(
                last=many - 1,
                starts=", ".join(f"start{k}" for k in each),
                moments=", ".join(f"began{k}" for k in each),
            ),
        ]
    )


def of_people(
    *,
    steps: Sequence[str],
    optional: frozenset[int],
    group_by: FunnelGroup | None,
    is_of_audience: bool = False,
) -> str:
    """Return the statement that counts people: columns key, n0.., m1.., keep, net_minor, n.

    ``n`` are people who reached a step, ``m`` those who reached it and, from the same start, the
    one before. ``is_of_audience`` has it look at those alone whom ways say to have been at notes of
    the author asked for; parameters ``first_day`` and ``last_day`` are days of the platform.
    """
    each, paid = range(len(steps)), _paid(steps)
    acts = (
        f"{_AUDIENCE}, {acts_of_some(steps, scope=_OF_QUESTION)}"
        if is_of_audience
        else _acts(steps, until="events_event.occurred_at <= %(latest)s")
    )
    counts = [f"count(*) FILTER (WHERE n{k}) AS n{k}" for k in each]
    both = [f"count(*) FILTER (WHERE m{k}) AS m{k}" for k in each[1:]]
    parts = [
        acts,
        chained(len(steps), optional=optional),
        _WALKED,
        (_REACHED_BY_START if group_by in _OF_START else _REACHED).format(
            group=_GROUPS[group_by], joins=_joins(group_by, product="started.about")
        ),
        _KEPT.format(paid=paid),
        _PEOPLE.format(
            paid=paid,
            flags=", ".join(f"bool_or(reached.step = {k}) AS n{k}" for k in each),
            people=", ".join(
                [f"bool_or(n{k}) AS n{k}" for k in each]
                + [f"bool_or(n{k - 1} AND n{k}) AS m{k}" for k in each[1:]]
            ),
            counts=", ".join(counts + both),
        ),
    ]
    return "WITH " + ",".join(parts) + _ANSWER.format(order=_order(group_by), n=_EVERYBODY)


def of_events(
    *, steps: Sequence[str], group_by: FunnelGroup | None, of_brands: bool, of_author: bool
) -> str:
    """Return the statement that counts events, with the same columns (``m`` like ``n``)."""
    each, paid = range(len(steps)), _paid(steps)
    explodes = of_brands or group_by in _OF_PRODUCT
    is_repeated = explodes or group_by == FunnelGroup.TOPIC
    one = "count(DISTINCT reached.id)" if is_repeated else "count(*)"
    product = "started.about" if explodes else "started.product_id"
    filters = ["catalog_product.brand_id = ANY(%(brand_ids)s)"] * of_brands
    filters += ["notes_note.author_id = %(author_id)s"] * of_author
    parts = [
        _acts(steps, until="events_event.occurred_at < %(until)s"),
        _ABOUT,
        _EVENTS.format(
            about=product,
            group=_GROUPS[group_by],
            source="about" if explodes else "acts",
            joins=_joins(group_by, product=product, of_product=of_brands, of_note=of_author),
            scope=" AND ".join(filters) or "true",
        ),
        _KEPT.format(paid=paid),
        _EVENTS_COUNTED.format(
            paid=paid,
            counts=", ".join(
                f"{one} FILTER (WHERE reached.step = {k}) AS {name}{k}"
                for name, some in (("n", each), ("m", each[1:]))
                for k in some
            ),
        ),
    ]
    n = _DISTINCT_FIRST if is_repeated else _ALL_FIRST
    return "WITH " + ",".join(parts) + _ANSWER.format(order=_order(group_by), n=n)


def acts_of_some(steps: Sequence[str], *, actor: str = "who.actor", scope: str = "true") -> str:
    """Return the relation of the acts of everybody in ``who`` (person_id or visitor_id, and actor),
    found by index; its parameter is ``steps``."""
    return _ACTS_OF_SOME.format(cases=_cases(steps), actor=actor, scope=scope)


def _cases(steps: Sequence[str]) -> str:
    """Return what of a CASE makes the place of a step out of its name."""
    return " ".join(f"WHEN '{step}' THEN {place}" for place, step in enumerate(steps))


def _acts(steps: Sequence[str], *, until: str) -> str:
    return _ACTS.format(cases=_cases(steps), until=until)


def _link(step: int, *, optional: frozenset[int]) -> str:
    before = predecessors(step, optional=optional)
    return _LINK.format(
        before=step - 1,
        step=step,
        start=f"greatest({', '.join(f'latest{k}' for k in before)})",
        began=f"greatest({', '.join(f'latest_began{k}' for k in before)})",
    )


def _joins(
    group_by: FunnelGroup | None, *, product: str, of_product: bool = False, of_note: bool = False
) -> str:
    """Return the joins that the group's key needs; a missing note or product leaves it empty."""
    joins = []
    if of_note or group_by in _OF_NOTE:
        joins.append("LEFT JOIN notes_note ON notes_note.id = started.note_id")
    if group_by == FunnelGroup.TOPIC:
        joins.append("LEFT JOIN notes_note_topics ON notes_note_topics.note_id = notes_note.id")
    if of_product or group_by in _OF_PRODUCT:
        joins.append(f"JOIN catalog_product ON catalog_product.id = {product}")
    return "\n    ".join(joins)


def _paid(steps: Sequence[str]) -> int:
    """Return the place of the payment among the steps, -1 where it is none of them."""
    return steps.index(EventKind.ORDER_PAID) if EventKind.ORDER_PAID in steps else -1


def _order(group_by: FunnelGroup | None) -> str:
    return "counted.key" if group_by == FunnelGroup.DAY else "counted.n0 DESC, counted.key"
