"""Everything that one run holds in memory, and how it survives an interruption."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from redshop.simulation.agenda import Agenda
from redshop.simulation.assortment import Assortment
from redshop.simulation.library import Library
from redshop.simulation.mind import Mind
from redshop.simulation.models import SimulationRun
from redshop.simulation.population import People
from redshop.simulation.scenario import Scenario, ready
from redshop.simulation.settling import Residents
from redshop.simulation.shops import Shops
from redshop.simulation.streams import stream


@dataclass(slots=True, kw_only=True)
class Life:
    """The world, its people, and what has happened so far."""

    run: SimulationRun
    people: People
    world: Assortment
    shops: Shops
    residents: Residents
    library: Library
    mind: Mind
    agenda: Agenda = field(default_factory=Agenda)
    #: What each person's cart holds: whether they mean to pay, by SKU.
    carts: dict[int, dict[int, bool]] = field(default_factory=dict)
    #: How many orders each person has placed: it names the streams of the next.
    orders: Counter[int] = field(default_factory=Counter)
    #: Whom each person follows, as authors' places.
    following: dict[int, list[int]] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.run.seed

    @property
    def scenario(self) -> Scenario:
        """The run's scenario."""
        return ready()[self.run.scenario]

    def midnight(self, day: int) -> datetime:
        """Return the moment at which a day begins."""
        return self.run.since_at + timedelta(days=day)

    def draws(self, purpose: str, *, at: datetime, person: int) -> np.random.Generator:
        """Return the stream of a purpose for a person on the day of a moment."""
        day = max((at - self.run.since_at).days, 0)
        return stream(seed=self.seed, purpose=purpose, day=day, person=person)

    def follows_someone(self, person: int) -> bool:
        """Tell whether the person's following feed can have anything in it."""
        return bool(self.following.get(person))

    def top_of(self, product: int) -> str:
        """Return the top category of a product."""
        return self.world.shelves[self.world.products[product].shelf].top

    def as_json(self) -> dict[str, Any]:
        """Return everything that is needed to go on with the next day."""
        return {
            "agenda": self.agenda.as_json(),
            "library": self.library.as_json(),
            "mind": self.mind.as_json(),
            "carts": [[p, sorted(cart.items())] for p, cart in sorted(self.carts.items())],
            "orders": sorted(self.orders.items()),
            "following": sorted(self.following.items()),
            "tally": dict(self.tally),
        }

    def recall(self, document: dict[str, Any]) -> None:
        """Take over what ``as_json`` described."""
        self.agenda = Agenda.from_json(document["agenda"])
        self.library = Library.from_json(document["library"])
        self.mind.recall(document["mind"])
        self.carts = {person: dict(map(tuple, cart)) for person, cart in document["carts"]}
        self.orders = Counter(dict(map(tuple, document["orders"])))
        self.following = dict(map(tuple, document["following"]))
        self.tally = Counter(document["tally"])
