"""A day's visits: who opens the app when, for how many requests, and the screens they ask for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from redshop.simulation.behaviour import choice, sessions
from redshop.simulation.population import People
from redshop.simulation.scenario import Scenario
from redshop.simulation.streams import stream

#: Notes asked for in one request, as the API's page.
PAGE: Final = 20
#: Mean sessions of a person on a day on which they come, thinned like exposures (assumed).
MEAN_SESSIONS: Final = 1.0
#: Share of active days on which somebody looks for a product without a note (assumed).
ERRAND_SHARE: Final = 0.03


@dataclass(slots=True, kw_only=True)
class Visit:
    """One person in the app, from opening it to leaving; ``clock`` is how far they have got."""

    person: int
    day: int
    session_id: UUID
    clock: datetime
    requests: int
    first_number: int
    is_search: bool
    done: int = 0
    is_errand: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def number(self) -> int:
        """The number of the next request among all of this person's day."""
        return self.first_number + self.done


def plan_visits(
    *,
    seed: int,
    day: int,
    midnight: datetime,
    people: People,
    scenario: Scenario,
    utc_offset_hours: float,
) -> list[Visit]:
    """Return the visits of a day in order of their start."""

    def draws(purpose: str) -> np.random.Generator:
        return stream(seed=seed, purpose=f"visits:{purpose}", day=day)

    count = len(people)
    active = sessions.are_active(people.activity, draws("active").random(count))
    per_person = sessions.counts(np.full(count, MEAN_SESSIONS), draws("sessions").random(count))
    errands = draws("errand").random(count) < ERRAND_SHARE
    visits: list[Visit] = []
    for person in np.flatnonzero(active):
        visits += _visits_of(
            seed=seed,
            person=int(person),
            day=day,
            midnight=midnight,
            count=int(per_person[person]),
            is_searcher=bool(people.is_searcher[person]),
            mean_requests=requests_per_session(scenario),
            search_share=scenario.settings().number("search.first_share"),
            utc_offset_hours=utc_offset_hours,
            has_errand=bool(errands[person]),
        )
    return sorted(visits, key=lambda visit: (visit.clock, visit.person, visit.first_number))


def requests_per_session(scenario: Scenario) -> float:
    """Return the mean requests of a session that yield the scenario's exposures a day."""
    requests = scenario.exposures_per_active_day / choice.mean_depth(shown=PAGE)
    return max(requests / MEAN_SESSIONS, 1.0)


def _visits_of(
    *,
    seed: int,
    person: int,
    day: int,
    midnight: datetime,
    count: int,
    is_searcher: bool,
    mean_requests: float,
    search_share: float,
    utc_offset_hours: float,
    has_errand: bool,
) -> list[Visit]:
    rng = stream(seed=seed, purpose="visits:of", day=day, person=person)
    seconds = np.sort(sessions.starts(rng.random(count), utc_offset_hours=utc_offset_hours))
    searchers = np.full(count, is_searcher)
    searches = sessions.first_searches(searchers, rng.random(count), search_share)
    means = sessions.mean_requests(mean_requests, searches, search_share)
    requests = sessions.counts(means, rng.random(count))
    first = np.concatenate([[0], np.cumsum(requests)[:-1]])
    return [
        Visit(
            person=person,
            day=day,
            session_id=UUID(bytes=rng.bytes(16), version=4),
            clock=midnight + timedelta(milliseconds=round(float(seconds[place]) * 1_000)),
            requests=int(requests[place]),
            first_number=int(first[place]),
            is_search=bool(searches[place]),
            is_errand=has_errand and place == 0,
        )
        for place in range(count)
    ]
