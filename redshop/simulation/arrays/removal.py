"""What each note would be missed for, by the shop's Markov chain over paths in memory.

A path is what the touches of a sale are, or those of somebody who has not bought a product since:
the notes that showed it and were opened, up to so many days before the last of them. Of those who
bought nothing a share is asked, each of whom stands for as many as that leaves out.
"""

from typing import Any, Final

import duckdb
import numpy as np

from redshop.conversion.markov.chain import removal_effects
from redshop.conversion.markov.counts import TRANSITIONS, arranged
from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.types import Floats, Ints

#: Of so many people, on average, the paths are asked that did not convert.
ASKED: Final = 1_000
#: So many digits of an effect are the same wherever it is computed.
_DIGITS: Final = 10
#: Notes as they follow one another. What is done with a note once it is opened leads from it to
#: itself, which changes no effect, so that of paths without a sale the opening is enough.
_STEPS: Final = """
CREATE TABLE steps AS
WITH unsold AS (
    SELECT opened.*, max(opened.day) OVER (PARTITION BY person_id, product_id) AS last_day
    FROM given_opened AS opened
    LEFT JOIN (SELECT person_id, product_id, max(day) AS day FROM lines GROUP BY ALL) AS bought
        USING (person_id, product_id)
    WHERE bought.day IS NULL OR opened.day > bought.day
),
told AS (
    SELECT 'sold ' || line_id AS path_id, occurred_at::VARCHAR AS moment, event_id::VARCHAR AS tie,
           note_id, 1.0 AS converted, 0.0 AS unconverted
    FROM path
    UNION ALL
    SELECT person_id || ' ' || product_id, printf('%020.9f', day), printf('%012d', note_id),
           note_id, 0.0, weight
    FROM unsold WHERE day >= last_day - {days}
)
SELECT path_id, row_number() OVER (PARTITION BY path_id ORDER BY moment, tie) AS place,
       note_id::VARCHAR AS state, converted, unconverted
FROM told
"""


def effects(database: duckdb.DuckDBPyConnection, arm: Arm, days: int) -> Floats:
    """Return float64[notes]: the share of sales that would be lost without each note.

    Notes that few paths pass are one group of the chain; each has the same part of its effect.

    Args:
        database: holds ``path``, the touches of sales, and ``lines``, the sales.
        days: how long before the last of its touches a path begins.
    """
    database.register("given_opened", _opened(arm))
    database.execute("DROP TABLE IF EXISTS steps")
    database.execute(_STEPS.format(days=days))
    counted = arranged(database.execute(TRANSITIONS).fetchall())
    found = np.zeros(len(arm.notes.author))
    touched = np.array(
        [int(note) for (note,) in database.execute("SELECT DISTINCT state FROM steps").fetchall()],
        dtype=np.int64,
    )
    named = np.array([int(group) for group in counted.groups if group], dtype=np.int64)
    # an inverse has other last digits on other machines, which must not decide between equals
    missed = np.round(removal_effects(counted.counts), _DIGITS)
    for group, effect in zip(counted.groups, missed, strict=True):
        rest: Ints = np.setdiff1d(touched, named) if group is None else np.array([int(group)])
        found[rest] += effect / max(len(rest), 1)
    return found


def _opened(arm: Arm) -> dict[str, Any]:
    """Return what people opened that shows a product, by whom it was and for how many it stands."""
    memory, orders = arm.memory, arm.sales.orders
    people = np.arange(arm.world.count)
    share = min(ASKED / max(len(people), 1), 1.0)
    drawn = uniforms(seed=arm.world.seed, purpose=Purpose.SAMPLE, step=2, persons=people)
    has_bought = np.isin(people, orders.person)
    asked = has_bought | (drawn < share)
    person, place = np.nonzero((memory.product >= 0) & asked[:, None])
    return {
        "person_id": person,
        "product_id": memory.product[person, place].astype(np.int64),
        "note_id": memory.note[person, place].astype(np.int64),
        "day": memory.when[person, place].astype(np.float64),
        "weight": np.where(has_bought[person], 1.0, 1.0 / share),
    }
