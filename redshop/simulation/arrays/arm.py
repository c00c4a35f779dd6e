"""An arm of a replication: what has happened in it so far, and the days as they pass."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from notes.discovery.policies import INTERESTS, FeedPolicy
from notes.discovery.ranking.pool import INTERACTIONS
from redshop.simulation.arrays import living, policing, state, today
from redshop.simulation.arrays.draws import Purpose, uniforms
from redshop.simulation.arrays.garden import Garden
from redshop.simulation.arrays.log import Log
from redshop.simulation.arrays.sales import Sales
from redshop.simulation.arrays.state import Goods, Memory
from redshop.simulation.arrays.world import (
    CULTIVATED,
    MOST_RESPONSE,
    NOBODY,
    POOL_DAYS,
    SEEDED,
    World,
    is_paid_for,
    notes_bought,
)
from redshop.simulation.behaviour import choice, purchase, sessions
from redshop.simulation.calibration import figure
from redshop.simulation.scenario import Settings
from redshop.simulation.types import Bools, Floats, Ints
from redshop.simulation.visits import MEAN_SESSIONS, PAGE

#: People of one task of the pool of threads, and threads.
CHUNK, THREADS = 512, 2
#: What people remember having seen takes so many bytes at most; else nobody remembers.
MOST_SEEN_BYTES: Final = 1 << 30
#: Product notes that each remembers having opened, at least and at most.
LEAST_RING, MOST_RING = 16, 512
#: Share of undisclosed paid notes that readers find out (assumed).
FOUND_OUT: Final = 0.2


@dataclass(slots=True)
class Counts:
    """What happened, added up over the days."""

    active: int = 0
    requests: Ints = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    pairs: Ints = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    looks: Ints = field(default_factory=lambda: np.zeros((2, PAGE, 3, 2), dtype=np.int64))
    acts: Ints = field(default_factory=lambda: np.zeros((2, 8), dtype=np.int64))
    opens: Ints = field(default_factory=lambda: np.zeros(2, dtype=np.int64))
    carts: int = 0
    paying: int = 0
    errands: int = 0
    published: int = 0
    published_by_people: int = 0
    published_by_creators: int = 0
    promoted: int = 0
    taken_down: int = 0
    taken_down_wrongly: int = 0
    person_days: int = 0


class Arm:
    """A world that goes its own way by the settings of an arm."""

    def __init__(
        self, world: World, told: Settings, policy: FeedPolicy, log: Log | None = None
    ) -> None:
        """Begin where the world begins; with a ``log`` what people see and do is kept there."""
        self.world, self.told, self.policy, self.log = world, told, policy, log
        self.notes = world.notes.copied()
        self.without_brand = told.whole("growth.without_brand")
        if self.without_brand >= 0:
            self.notes.product[self.notes.brand == self.without_brand] = NOBODY
        self.counts = Counts()
        self.interactions = np.zeros((len(self.notes.author), len(INTERACTIONS)))
        self.impressions = np.zeros(len(self.notes.author), dtype=np.int64)
        self.exists = np.zeros(len(self.notes.author), dtype=np.bool_)
        self.is_review = np.zeros(len(self.notes.author), dtype=np.bool_)
        self.goods = Goods(
            world.shop.shelf,
            world.shop.relative_price * self._price_factor(),
        )
        self.memory = _memory(world, told)
        self.sales = Sales(world, told, policy)
        self.followers = np.bincount(
            world.follows[world.follows >= 0], minlength=len(world.authors)
        )
        self.place_of = np.full(world.count + len(world.assortment.brands), NOBODY, dtype=np.int64)
        self.place_of[world.authors] = np.arange(len(world.authors))
        self.erosion = 0.0
        self.is_paid = is_paid_for(self.notes, told)
        self.shared = np.full((len(world.authors), today.SHARED_DAYS), NOBODY, dtype=np.int32)
        self._seen_by_author: Floats = np.zeros(len(world.authors))
        self.garden = Garden.of(self)

    def live(self) -> None:
        """Let all days pass."""
        for day in range(-POOL_DAYS, 0):
            self._publish(day)
        for day in range(self.world.days):
            self._publish(day)
            if self.told.says("labels.policing"):
                self._police(day)
            self._day(day)
        self.sales.close(self)

    def _price_factor(self) -> float:
        duty = self.told.number("business.duty")
        abroad = 1.0 + duty if self.told.text("business.model") == "cross_border" else 1.0
        return self.told.number("purchase.price_factor") * abroad

    # -- notes -----------------------------------------------------------------------------

    def _publish(self, day: int) -> None:
        """Let what is written today be there: creators write more where they are seen more."""
        notes, told = self.notes, self.told
        today = np.flatnonzero(notes.day[: self.world.written] == day)
        is_brand = notes.author[today] >= self.world.count
        rate = told.number("population.notes_per_creator_day") * self._response(
            self.place_of[notes.author[today]]
        )
        there = is_brand | (notes.threshold[today] < rate)
        for kind in (SEEDED, CULTIVATED):
            bought = notes.bought[today] == kind
            there = np.where(bought, notes.rank[today] < self._bought_today(day, kind), there)
        there &= ~self._is_left_out(today)
        if self.garden is not None and day >= 0:
            self.garden.plant(today[there & (notes.bought[today] == CULTIVATED)], self, day)
        self.exists[today] = there
        if day >= 0:
            ordinary = notes.bought[today] == 0
            self.counts.published += int(there.sum())
            self.counts.published_by_people += int((there & ~is_brand).sum())
            self.counts.published_by_creators += int((there & ~is_brand & ordinary).sum())

    def _police(self, day: int) -> None:
        """Take down what was published the day before and looks like a covert advertisement."""
        gone = policing.found_out(self, day - 1)
        self.exists[gone] = False
        self.counts.taken_down += len(gone)
        self.counts.taken_down_wrongly += int((~self.is_paid[gone]).sum())

    def _is_left_out(self, places: Ints) -> Bools:
        """Tell which notes are never written in this arm, whatever would come of them."""
        note = self.told.whole("growth.without_note")
        author = self.told.whole("growth.without_author")
        return np.asarray((places == note) | (self.notes.author[places] == author))

    def _bought_today(self, day: int, kind: int) -> float:
        """Return how many notes are bought on a day, so that all days have what the budget buys."""
        a_day = notes_bought(self.told, kind)
        return float(np.floor((day + 1) * a_day) - np.floor(day * a_day))

    def _response(self, places: Ints) -> Floats:
        """Return how many times their usual rate creators publish, by how much they are seen.

        (seen / mean seen) ** ``publishing.response``, at most MOST_RESPONSE (assumed).
        """
        power = self.told.number("publishing.response")
        mean = self._seen_by_author.mean()
        if not power or not mean:
            return np.ones(len(places))
        ratio = (self._seen_by_author[places] + mean) / (2.0 * mean)
        return np.asarray(np.minimum(ratio**power, MOST_RESPONSE))

    def write_review(self, place: int, author: int, product: int, day: int, quality: float) -> None:
        """Write a note about a purchase in its place, which is empty."""
        if author == self.told.whole("growth.without_author"):
            return
        columns = self.notes
        columns.author[place], columns.day[place], columns.product[place] = author, day, product
        columns.brand[place] = self.world.shop.brand[product]
        columns.language[place] = self.world.people.language[author]
        columns.quality[place] = quality
        self.exists[place] = True
        self.counts.published += 1
        self.counts.published_by_people += 1

    # -- a day -----------------------------------------------------------------------------

    def _day(self, day: int) -> None:
        told, world, everybody = self.told, self.world, np.arange(self.world.count)

        def drawn(purpose: Purpose, slot: int = 0) -> Floats:
            return uniforms(
                seed=world.seed, purpose=purpose, step=day, persons=everybody, slot=slot
            )

        weekday = (told.whole("calendar.starts_on") + day) % 7
        busy = told.number("calendar.weekend_factor") if weekday >= 5 else 1.0
        active = sessions.are_active(world.people.activity * busy, drawn(Purpose.ACTIVE))
        people = np.flatnonzero(active)
        share = told.number("search.first_share")
        searches = sessions.first_searches(
            world.people.is_searcher, drawn(Purpose.FIRST_SEARCH), share
        )
        means = sessions.mean_requests(self._mean_requests(), searches, share)
        requests = sessions.counts(means, drawn(Purpose.REQUESTS))
        begins = sessions.starts(drawn(Purpose.CLOCK), utc_offset_hours=8.0)
        begin = day + begins / state.DAY_SECONDS
        table, pool = today.table_of(self, day), today.pool_of(self, day)
        rules = today.rules_of(self, day, table)
        chunks = [people[start : start + CHUNK] for start in range(0, len(people), CHUNK)]

        def lived(chunk: Ints) -> tuple[object, ...]:
            return living.live(
                chunk, requests[chunk], searches[chunk], begin[chunk], rules, table, pool,
                self.goods, self.memory,
            )  # fmt: skip

        self.counts.active += len(people)
        self.counts.person_days += world.count
        self.shared[:, day % today.SHARED_DAYS] = NOBODY
        with ThreadPoolExecutor(THREADS) as threads:
            for found in threads.map(lived, chunks):
                self._take(*found)  # type: ignore[arg-type]
                self._share(day, found[1])  # type: ignore[arg-type]
                if self.log is not None:
                    self.log.take(found[0], day, begin)  # type: ignore[arg-type]
        self.sales.pass_day(self, day)
        self.memory.stock[:] *= np.float32(0.5 ** (1.0 / INTERESTS.half_life_days))
        self._watch()

    def _mean_requests(self) -> float:
        """Return the mean requests of a session that yield the exposures of a day."""
        exposures = self.told.number("population.exposures_per_active_day")
        thinned = self.told.whole("attention.exposures_thinned")
        requests = exposures / thinned / choice.mean_depth(shown=PAGE) / MEAN_SESSIONS
        return max(requests * self.told.number("attention.session_factor"), 1.0)

    def _take(
        self, shown: Ints, opens: Ints, carts: Floats, touches: Floats, looks: Ints, asked: Ints
    ) -> None:
        """Add up what some people did."""
        counts, size = self.counts, len(self.impressions)
        counts.looks += looks
        counts.requests += asked[0]
        counts.pairs += asked[1]
        self.impressions += np.bincount(shown[:, state.SHOWN_NOTE], minlength=size)
        counts.promoted += int(self.is_promoted[shown[:, state.SHOWN_NOTE]].sum())
        note, deeds = opens[:, state.OPEN_NOTE], opens[:, state.OPEN_DEEDS]
        searching = opens[:, state.OPEN_SEARCHING]
        counts.opens += np.bincount(searching, minlength=2)
        for bit in range(8):
            did = (deeds >> bit) & 1 > 0
            counts.acts[:, bit] += np.bincount(searching[did], minlength=2)
        for column, deed in enumerate(
            (state.LIKE, state.SAVE, state.COMMENT, state.SHARE, state.FOLLOW)
        ):
            self.interactions[:, column] += np.bincount(note[deeds & deed > 0], minlength=size)
        if self.garden is not None:
            self.garden.watch(note, deeds)
        followed = self.place_of[self.notes.author[note[deeds & state.FOLLOW > 0]]]
        self.followers += np.bincount(followed[followed >= 0], minlength=len(self.followers))
        if self.told.text("labels.paid") == "undisclosed":
            seen_through = FOUND_OUT * float(self.is_paid[note].sum()) / self.world.count
            thinned = self.told.whole("attention.exposures_thinned")
            self.erosion += self.told.number("trust.erosion") * seen_through * thinned
        self.sales.take(carts, touches)
        if self.log is not None:
            self.log.take_carts(carts)
        counts.carts += len(carts)
        counts.paying += int(carts[:, state.CART_PAYS].sum())
        counts.errands += int((carts[:, state.CART_NOTE] < 0).sum())

    def _share(self, day: int, opens: Ints) -> None:
        """Keep the last note that each author shared today, for those who follow them."""
        shares = opens[opens[:, state.OPEN_DEEDS] & state.SHARE > 0]
        places = self.place_of[shares[:, state.OPEN_PERSON]]
        there = places >= 0
        self.shared[places[there], day % today.SHARED_DAYS] = shares[there, state.OPEN_NOTE]

    def _watch(self) -> None:
        """Let creators know how far they were seen."""
        places = self.place_of[self.notes.author]
        there = places >= 0
        self._seen_by_author = np.bincount(
            places[there], weights=self.impressions[there], minlength=len(self.world.authors)
        ).astype(np.float64)

    def is_small(self, places: Ints) -> Bools:
        """Tell which authors, by their places, are small: few follow them."""
        followers = np.where(places >= 0, self.followers[places], 0)
        return np.asarray(followers < self.told.whole("discovery.small_followers"))

    def is_told_paid(self) -> Bools:
        """Tell which notes readers take for paid ones: those that are, where they are labelled."""
        if self.told.text("labels.paid") == "undisclosed":
            return self.is_promoted
        return self.is_paid | self.is_promoted

    @property
    def is_promoted(self) -> Bools:
        """Which notes have bought places."""
        is_brand = self.notes.author >= self.world.count
        if self.told.text("business.model") == "advertising":
            return np.asarray(is_brand)
        if self.told.text("growth.mode") == "paid":
            return np.asarray(is_brand & (self.notes.brand == self.told.whole("growth.brand")))
        return np.zeros(len(is_brand), dtype=np.bool_)


def _memory(world: World, told: Settings) -> Memory:
    people, count, products = world.people, world.count, len(world.shop.shelf)
    width = (len(world.notes.author) + 63) >> 6
    remembers = width * 8 * count <= MOST_SEEN_BYTES
    daily = (
        told.number("population.exposures_per_active_day")
        / told.whole("attention.exposures_thinned")
        * told.number("population.daily_active_share")
        * figure("funnel.open_given_impression").number
    )
    wanted = int(3 * purchase.HALF_LIFE_DAYS * daily)
    ring = min(max(1 << int(np.ceil(np.log2(max(wanted, 1)))), LEAST_RING), MOST_RING)
    return Memory(
        interests=people.interests.astype(np.float32),
        stock=np.zeros((count, people.interests.shape[1]), dtype=np.float32),
        follows=world.follows.copy(),
        language=people.language.astype(np.int64),
        thrift=people.thrift,
        is_searcher=people.is_searcher,
        seen=np.zeros((count, width if remembers else 0), dtype=np.uint64),
        wants=np.zeros((count, products), dtype=np.uint8),
        owns=np.zeros((count, products), dtype=np.uint8),
        note=np.full((count, ring), NOBODY, dtype=np.int32),
        product=np.full((count, ring), NOBODY, dtype=np.int16),
        when=np.zeros((count, ring), dtype=np.float32),
        weight=np.zeros((count, ring), dtype=np.float32),
        deeds=np.zeros((count, ring), dtype=np.uint16),
        turn=np.zeros(count, dtype=np.int64),
    )
