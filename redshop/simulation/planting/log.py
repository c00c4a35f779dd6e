"""The log of a world in memory: the same events that phones and services would have left."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from redshop.core.db import requires_transaction
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source, Surface
from redshop.events.services import writing
from redshop.simulation.arrays import state
from redshop.simulation.arrays.log import Seen
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.arrays.tables import SURFACES
from redshop.simulation.arrays.world import TYPES
from redshop.simulation.assortment import LANGUAGES
from redshop.simulation.behaviour.engagement import DWELL_SPREAD, MEDIAN_DWELL, completion
from redshop.simulation.content import Subject, write_query
from redshop.simulation.glance import DEEP
from redshop.simulation.life import Life
from redshop.simulation.planting.deeds import BEFORE
from redshop.simulation.planting.happening import ACTS, Happened, first_follows
from redshop.simulation.planting.naming import VISIT, Moments, event_ids, moments, request_ids
from redshop.simulation.streams import stream
from redshop.simulation.types import Floats, Ints

#: Different things that people type who look for a shelf in a language.
QUERIES: Final = 8
_REQUEST_DAYS: Final = state.REQUEST_SECONDS / state.DAY_SECONDS
#: Names of what is none of ``ACTS``.
_SEARCHES, _FIRST_FOLLOWS = len(ACTS), len(ACTS) + 1
_NAMES: Final = 64

_SEARCHED: Final = (
    "id", "occurred_at", "received_at", "person_id", "session_id", "request_id", "query",
)  # fmt: skip

Columns = dict[str, NDArray[Any] | str]
#: Told how much of the log is written.
Progress = Callable[[float], None]


class LogOf:
    """Who, what and when of a world's log, as the database knows them."""

    def __init__(self, life: Life, lived: Lived, seen: Seen, note_ids: Ints) -> None:
        """Make what all kinds have in common."""
        self.life, self.lived, self.seen, self.note_ids = life, lived, seen, note_ids
        self.seed = life.seed  #: names ids
        self.accounts = np.array(life.residents.everybody)
        #: The day on which the visit of each row began.
        self.day = np.floor(seen.when - seen.request * _REQUEST_DAYS + 1e-9).astype(np.int64)

    def requests(self, rows: Ints) -> NDArray[Any]:
        """Return V16[n]: the request of each row."""
        seen = self.seen
        return request_ids(
            seed=self.seed, person=seen.person[rows], day=self.day[rows], request=seen.request[rows]
        )

    def who(self, rows: Ints, at: Moments, name: int) -> Columns:
        """Return the columns of some rows that all kinds have."""
        return {
            "id": event_ids(seed=self.seed, name=name, at=at),
            "occurred_at": at,
            "received_at": at,
            "person_id": self.accounts[self.seen.person[rows]],
            "request_id": self.requests(rows),
            "population": Population.SIMULATED.value,
        }

    def on_day(self, rows: Ints, day: int) -> slice:
        """Return where rows, which are in the order of time, are of a day; the last one's are all
        that come after it, too."""
        until = day + 1 if day + 1 < self.life.run.days else np.inf
        return slice(*np.searchsorted(self.seen.when[rows], [day, until]))

    def visits(self, rows: Ints) -> NDArray[Any]:
        """Return V16[n]: the visit of each row."""
        whole = np.full(len(rows), VISIT)
        return request_ids(
            seed=self.seed, person=self.seen.person[rows], day=self.day[rows], request=whole
        )


@requires_transaction
def plant_log(log: LogOf, done: Mapping[EventKind, Happened], *, progress: Progress) -> int:
    """Write the log, a day at a time; return how many events there are."""
    count = _plant_first_follows(log)
    searches = _searches(log.seen)
    for day in range(log.life.run.days):
        for number, each in enumerate(done.values()):
            count += sum(map(writing.import_columns, _of_day(log, each, number, day)))
        count += _plant_searches(log, searches, day)
        progress((day + 1) / log.life.run.days)
    return count


def _of_day(log: LogOf, done: Happened, number: int, day: int) -> Iterator[Columns]:
    """Yield the events of a kind on a day, one batch for each surface."""
    today = log.on_day(done.rows, day)
    rows, days = done.rows[today], done.days[today]
    for surface, label in enumerate(SURFACES):
        here = log.seen.surface[rows] == surface
        some = rows[here]
        name = (day * _NAMES + number) * _NAMES + surface
        columns = log.who(some, moments(log.life.run.since_at, days[here]), name)
        yield {
            **columns,
            **_what(log, done, some, name),
            "kind": done.act.kind.value,
            "source": done.act.source.value,
            "surface": label,
            "note_id": log.note_ids[log.seen.note[some]],
        }


def _what(log: LogOf, done: Happened, rows: Ints, name: int) -> Columns:
    """Return the columns that only events of this kind have."""
    seen, notes, kind = log.seen, log.lived.arm.notes, done.act.kind
    told: Columns = {}
    if done.act.source == Source.CLIENT:
        told["session_id"] = log.visits(rows)
        told["position"] = seen.position[rows].astype(np.int32)
    if kind == EventKind.PRODUCT_VIEW:
        sold = np.array(log.life.shops.product_ids)
        told["product_id"] = sold[notes.product[seen.note[rows]]]
    if kind == EventKind.FOLLOW:
        told["author_id"] = log.accounts[notes.author[seen.note[rows]]]
    if kind == EventKind.READ:
        median = np.array([MEDIAN_DWELL[each] for each in TYPES])[notes.type[seen.note[rows]]]
        dwell = _dwell(log, rows, median, name)
        told["dwell_ms"] = dwell.astype(np.int32)
        told["completion"] = np.round(completion(dwell, median), 4)
    return told


def _dwell(log: LogOf, rows: Ints, median: Floats, name: int) -> Floats:
    """Return float64[n], in milliseconds: log-normal around the time in which a note is read
    deeply, on the side of it on which they read."""
    edge = -1.2 * np.log1p(-DEEP) * median
    rng = stream(seed=log.seed, purpose="planted reading", person=name)
    spread = np.abs(rng.standard_normal(len(rows))) * DWELL_SPREAD
    is_deep = log.seen.deeds[rows] & state.READ > 0
    dwell = np.where(is_deep, edge * np.exp(spread) + 2.0, edge * np.exp(-spread) - 2.0)
    return np.asarray(np.clip(dwell, 500.0, 600_000.0))


def _searches(seen: Seen) -> Ints:
    """Return the first row of each search, in the order of time."""
    is_new = np.ones(len(seen), dtype=np.bool_)
    is_new[1:] = (np.diff(seen.person) != 0) | (np.diff(seen.when) != 0)
    rows = np.flatnonzero(is_new & (SURFACES.index("search") == seen.surface))
    return rows[np.argsort(seen.when[rows], kind="stable")]


def _plant_searches(log: LogOf, searches: Ints, day: int) -> int:
    """Write what was searched for on a day; return how many searches there were."""
    rows = searches[log.on_day(searches, day)]
    at = moments(log.life.run.since_at, log.seen.when[rows] - 1.0 / state.DAY_SECONDS)
    name = (day * _NAMES + _SEARCHES) * _NAMES
    told: dict[str, Any] = {
        **log.who(rows, at, name),
        "session_id": log.visits(rows),
        "query": _queries(log, rows),
    }
    uuids = {"id", "request_id", "session_id"}
    lists = [
        [bytes(each).hex() for each in told[column]] if column in uuids else told[column].tolist()
        for column in _SEARCHED
    ]
    rest = (EventKind.SEARCH_SUBMIT, Surface.SEARCH, Population.SIMULATED, Source.CLIENT, "", "")
    writing.copy(
        [*_SEARCHED, "kind", "surface", "population", "source", "currency", "suspicion"],
        [(*row, *map(str, rest)) for row in zip(*lists, strict=True)],
    )
    return len(rows)


def _queries(log: LogOf, rows: Ints) -> NDArray[Any]:
    """Return str[n]: what was typed, in the language of whoever did, about what came first."""
    seen, shelves = log.seen, len(log.life.world.shelves)
    person, shelf = seen.person[rows], log.lived.arm.notes.shelf[seen.note[rows]]
    which = (person * 7 + seen.request[rows]) % QUERIES
    keys = (log.life.people.language[person] * shelves + shelf) * QUERIES + which
    texts = {int(key): _query(log.life, int(key)) for key in np.unique(keys)}
    return np.array([texts[key] for key in keys.tolist()], dtype=object)


def _query(life: Life, key: int) -> str:
    place, _ = divmod(key, QUERIES)
    language, shelf = divmod(place, len(life.world.shelves))
    return write_query(
        subject=Subject(language=LANGUAGES[language], shelf=life.world.shelves[shelf]),
        rng=stream(seed=life.seed, purpose="planted query", person=key),
    )


def _plant_first_follows(log: LogOf) -> int:
    person, followed = first_follows(log.lived)
    at = moments(log.life.run.since_at, np.full(len(person), -BEFORE))
    return writing.import_columns(
        {
            "id": event_ids(seed=log.seed, name=_FIRST_FOLLOWS * _NAMES, at=at),
            "kind": EventKind.FOLLOW.value,
            "source": Source.SERVER.value,
            "surface": Surface.PROFILE.value,
            "occurred_at": at,
            "received_at": at,
            "person_id": log.accounts[person],
            "author_id": log.accounts[followed],
            "population": Population.SIMULATED.value,
        }
    )
