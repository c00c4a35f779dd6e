"""What the people of an experiment did, before and after they were first shown their arm."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from redshop.conversion.experiments.statistics import Values

#: So long before somebody was first exposed, what they did tells what they are like.
BEFORE: Final = timedelta(days=14)
#: What is told of each person, from their exposure on and (``..._before``) before it.
COLUMNS: Final = ("orders", "net", "opens", "impressions")
#: One row a person: visitors are the people they turned out to be; who was shown two arms is in
#: neither. Orders count whole when they were paid in time, less what was given back since.
_PEOPLE: Final = """
WITH shown AS (
    SELECT coalesce(exposure.person_id, events_identity.person_id) AS person_id,
           CASE WHEN coalesce(exposure.person_id, events_identity.person_id) IS NULL
                THEN exposure.visitor_id END AS visitor_id,
           exposure.arm_id, exposure.exposed_at
    FROM experiments_exposure AS exposure
    LEFT JOIN events_identity ON exposure.person_id IS NULL
                             AND events_identity.visitor_id = exposure.visitor_id
    WHERE exposure.experiment_id = %(experiment_id)s AND exposure.exposed_at < %(until)s
      AND exposure.population = ANY(%(populations)s)
),
people AS (
    SELECT person_id, visitor_id, min(arm_id) AS arm_id, min(exposed_at) AS exposed_at,
           count(DISTINCT arm_id) AS arms
    FROM shown GROUP BY person_id, visitor_id
),
bought AS (
    SELECT people.person_id,
           count(*) FILTER (WHERE paid_at >= exposed_at) AS orders,
           count(*) FILTER (WHERE paid_at < exposed_at) AS orders_before,
           coalesce(sum(net) FILTER (WHERE paid_at >= exposed_at), 0) AS net,
           coalesce(sum(net) FILTER (WHERE paid_at < exposed_at), 0) AS net_before
    FROM people
    JOIN LATERAL (
        SELECT orders_order.paid_at,
               (SELECT sum(line.total_minor - line.refunded_minor) FROM orders_orderline AS line
                WHERE line.order_id = orders_order.id) AS net
        FROM orders_order
        WHERE orders_order.buyer_id = people.person_id AND orders_order.currency = %(currency)s
          AND orders_order.paid_at >= people.exposed_at - %(before)s
          AND orders_order.paid_at < %(until)s
    ) AS paid ON true
    GROUP BY people.person_id
),
seen AS (
    SELECT people.person_id, people.visitor_id,
           count(*) FILTER (WHERE kind = 'note_open' AND occurred_at >= exposed_at) AS opens,
           count(*) FILTER (WHERE kind = 'impression' AND occurred_at >= exposed_at)
               AS impressions,
           count(*) FILTER (WHERE kind = 'note_open' AND occurred_at < exposed_at)
               AS opens_before,
           count(*) FILTER (WHERE kind = 'impression' AND occurred_at < exposed_at)
               AS impressions_before
    FROM people
    JOIN LATERAL (
        SELECT event.kind, event.occurred_at FROM events_event AS event
        WHERE event.person_id = people.person_id
          AND event.occurred_at >= people.exposed_at - %(before)s
          AND event.occurred_at < %(until)s AND event.suspicion = ''
          AND event.kind IN ('note_open', 'impression')
        UNION ALL
        SELECT event.kind, event.occurred_at
        FROM (SELECT people.visitor_id UNION
              SELECT visitor_id FROM events_identity
              WHERE events_identity.person_id = people.person_id) AS device
        JOIN events_event AS event ON event.visitor_id = device.visitor_id
                                  AND event.person_id IS NULL
        WHERE event.occurred_at >= people.exposed_at - %(before)s
          AND event.occurred_at < %(until)s AND event.suspicion = ''
          AND event.kind IN ('note_open', 'impression')
    ) AS acts ON true
    GROUP BY people.person_id, people.visitor_id
)
SELECT CASE WHEN arms = 1 THEN arm_id END AS arm_id,
       coalesce(orders, 0), coalesce(net, 0)::bigint, coalesce(opens, 0),
       coalesce(impressions, 0), coalesce(orders_before, 0), coalesce(net_before, 0)::bigint,
       coalesce(opens_before, 0), coalesce(impressions_before, 0)
FROM people
LEFT JOIN bought ON bought.person_id = people.person_id
LEFT JOIN seen ON seen.person_id IS NOT DISTINCT FROM people.person_id
              AND seen.visitor_id IS NOT DISTINCT FROM people.visitor_id
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The people of an experiment: the arm of each, shape (n,), and a column (n,) for each of
    COLUMNS, since the exposure and before it; ``crossovers`` were shown two arms."""

    arms: NDArray[np.int64]
    after: dict[str, Values]
    before: dict[str, Values]
    crossovers: int


def measure(
    *, experiment_id: int, until: datetime, populations: list[str], currency: str
) -> Measured:
    """Return what everybody who was exposed before ``until`` did up to then."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "experiment_id": experiment_id,
            "until": until,
            "populations": populations,
            "currency": currency,
            "before": BEFORE,
        }
        cursor.execute(_PEOPLE, values)
        rows = cursor.fetchall()
    kept = [row for row in rows if row[0] is not None]
    table = np.array(kept, dtype=np.float64).reshape(len(kept), 1 + 2 * len(COLUMNS))
    after, before = table[:, 1 : 1 + len(COLUMNS)], table[:, 1 + len(COLUMNS) :]
    return Measured(
        arms=table[:, 0].astype(np.int64),
        after={name: after[:, place] for place, name in enumerate(COLUMNS)},
        before={name: before[:, place] for place, name in enumerate(COLUMNS)},
        crossovers=len(rows) - len(kept),
    )
