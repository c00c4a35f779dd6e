"""What becomes of carts in memory: payments, parcels, returns, notes about what arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from notes.discovery.policies import FeedPolicy
from redshop.simulation.arrays import state
from redshop.simulation.arrays.draws import Purpose, normals, uniforms
from redshop.simulation.arrays.world import World
from redshop.simulation.behaviour import publishing, purchase
from redshop.simulation.scenario import Settings
from redshop.simulation.types import Bools, Floats, Ints

if TYPE_CHECKING:
    from redshop.simulation.arrays.arm import Arm

#: Share of those who return a product that write about it all the same (assumed).
WRITES_AFTER_RETURN: Final = 0.2
#: Days from arrival to a note about it, mean (assumed, as in the live world).
WRITING_DAYS: Final = 1.5


class Draw(IntEnum):
    """What is drawn about a purchase; part of each draw's name, so members keep their values."""

    QUANTITY = 0
    CANCEL = 1
    SHIP = 2
    DELIVER = 3
    RETURNS = 4
    BACK = 5
    WRITES = 6
    WRITING = 7
    PLACE = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of varying number for each order: those of order ``i`` lie from ``ends[i]`` on."""

    ends: Ints  #: int64[orders + 1]
    notes: Ints
    values: Floats

    def of(self, place: int) -> slice:
        """Return where the rows of an order lie."""
        return slice(int(self.ends[place]), int(self.ends[place + 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Every order of an arm, in the order of payment; arrays of one length."""

    person: Ints
    product: Ints
    note: Ints  #: that led to it; -1 where somebody came for the product
    carted: Floats  #: days since the first midnight
    paid: Floats
    amount_minor: Floats
    refunded: Floats  #: the day, infinite where nothing came back
    interest: Floats  #: in the product, before the note that led to it
    affinity: Floats
    again: Floats  #: 1, or what owning it leaves of the chance to look at it
    day: Floats  #: of the visit in which it was carted
    chance: Floats  #: with which the note that led to it led to it, as it was drawn
    before: Parts  #: opened notes that showed it, with what interest each had left by then
    path: Parts  #: opened notes that showed it, until the payment, with when
    deeds: Ints  #: of the path, bits

    def __len__(self) -> int:
        return len(self.person)

    @property
    def net_minor(self) -> Floats:
        """What of each order was not given back."""
        return np.where(np.isfinite(self.refunded), 0.0, self.amount_minor)


class Review(NamedTuple):
    """A note about a purchase that will be written."""

    at: float  #: days
    person: int
    product: int
    place: float  #: which of the places of its shelf, 0 to 1
    is_kept: bool


class Sales:
    """Carts that wait for a decision, and the orders they became."""

    def __init__(self, world: World, told: Settings, policy: FeedPolicy) -> None:
        self.world, self.told = world, told
        self._carts = np.empty((0, state.CART_COLUMNS))
        self._touches: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
        self._due = np.empty(0)
        self._done: list[dict[str, object]] = []
        self._reviews: list[Review] = []
        self.orders: Orders

    def take(self, carts: Floats, touches: Floats) -> None:
        """Keep the carts that will be paid for, and when that is."""
        paying = carts[carts[:, state.CART_PAYS] > 0]
        if not len(paying):
            return
        kept = np.concatenate(
            [np.empty((0, 2))]
            + [touches[int(row[state.CART_START]) : int(row[state.CART_END])] for row in paying]
        )
        sizes = (paying[:, state.CART_END] - paying[:, state.CART_START]).astype(np.int64)
        ends = np.cumsum(sizes)
        self._touches += [part.copy() for part in np.split(kept, ends[:-1])]
        product = paying[:, state.CART_PRODUCT].astype(np.int64)
        days = -self.world.shop.delay_days[product] * np.log1p(-paying[:, state.CART_DELAY])
        self._carts = np.concatenate([self._carts, paying])
        self._due = np.concatenate([self._due, paying[:, state.CART_WHEN] + days])

    def pass_day(self, arm: "Arm", day: int) -> None:
        """Let what is due today be paid, and be written about."""
        due = np.flatnonzero(self._due < day + 1)
        due = due[np.lexsort((self._carts[due, state.CART_PERSON], self._due[due]))]
        if len(due):
            self._pay(arm, due)
            keep = np.ones(len(self._due), dtype=np.bool_)
            keep[due] = False
            self._touches = [self._touches[place] for place in np.flatnonzero(keep)]
            self._carts, self._due = self._carts[keep], self._due[keep]
        waiting = []
        for review in self._reviews:
            if review.at < day + 1:
                self._write(arm, day, review)
            else:
                waiting.append(review)
        self._reviews = waiting

    def close(self, arm: "Arm") -> None:
        """Put all orders together."""

        def whole(name: str, kind: type = np.float64) -> Any:
            told: list[Any] = [np.asarray(each[name], dtype=kind) for each in self._done]
            return np.concatenate([np.empty(0, dtype=kind), *told])

        def parts(name: str) -> Parts:
            sizes = whole(f"{name}_sizes", np.int64)
            ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            return Parts(ends, whole(f"{name}_notes", np.int64), whole(f"{name}_values"))

        numbers = (
            "carted", "paid", "amount_minor", "refunded", "interest", "affinity", "again", "chance",
            "day",
        )  # fmt: skip
        self.orders = Orders(
            **{name: whole(name, np.int64) for name in ("person", "product", "note", "deeds")},
            **{name: whole(name) for name in numbers},
            before=parts("before"),
            path=parts("path"),
        )

    def _pay(self, arm: "Arm", due: Ints) -> None:
        carts, paid = self._carts[due], self._due[due]
        person = carts[:, state.CART_PERSON].astype(np.int64)
        product = carts[:, state.CART_PRODUCT].astype(np.int64)
        note = carts[:, state.CART_NOTE].astype(np.int64)
        arm.memory.owns[person, product] = 1
        arm.memory.wants[person, product] = 0
        draws = draws_about(self.world.seed, person, product, carts[:, state.CART_WHEN])
        quantity = purchase.quantities(draws[Draw.QUANTITY])
        arrived = paid + _stage("ship", draws[Draw.SHIP]) + _stage("deliver", draws[Draw.DELIVER])
        refunded = self._refunds(arm, note, product, paid, arrived, draws)
        self._plan_reviews(person, product, arrived, np.isfinite(refunded), draws)
        path_sizes, path_notes, path_values, deeds = _paths(arm, person, product, paid)
        before = [self._touches[place] for place in due]
        whole = np.concatenate([np.empty((0, 2)), *before])
        self._done.append(
            {
                "person": person,
                "product": product,
                "note": note,
                "carted": carts[:, state.CART_WHEN],
                "paid": paid,
                "amount_minor": np.round(
                    self.world.shop.price_minor[product]
                    * arm.goods.relative_price[product]
                    / self.world.shop.relative_price[product]
                )
                * quantity,
                "refunded": refunded,
                "interest": carts[:, state.CART_INTEREST],
                "affinity": carts[:, state.CART_AFFINITY],
                "again": carts[:, state.CART_AGAIN],
                "chance": carts[:, state.CART_CHANCE],
                "day": carts[:, state.CART_DAY],
                "before_sizes": np.array([len(part) for part in before]),
                "before_notes": whole[:, 0],
                "before_values": whole[:, 1],
                "path_sizes": path_sizes,
                "path_notes": path_notes,
                "path_values": path_values,
                "deeds": deeds,
            }
        )

    def _refunds(
        self, arm: "Arm", note: Ints, product: Ints, paid: Floats, arrived: Floats,
        draws: Mapping[Draw, Floats],
    ) -> Floats:  # fmt: skip
        """Return the day on which the money comes back, infinite where it does not."""
        share = self.world.shop.refund_share[product] * self.told.number("purchase.refund_factor")
        verified = (note >= 0) & arm.is_review[note]
        share = share * np.where(verified, self.told.number("purchase.verified_refund_factor"), 1.0)
        back = np.where(
            draws[Draw.RETURNS] < share, arrived + _stage("return", draws[Draw.BACK]), np.inf
        )
        cancelled = draws[Draw.CANCEL] < purchase.CANCELS_BEFORE_SHIPPING
        return np.where(cancelled, paid + 0.05, back)

    def _plan_reviews(
        self,
        person: Ints,
        product: Ints,
        arrived: Floats,
        is_returned: Bools,
        draws: Mapping[Draw, Floats],
    ) -> None:
        """Plan the notes of those who have the product and like to share (the loop closes)."""
        if self.told.text("purchase.channel") == "link_out":
            return  # nothing proves a purchase that was made elsewhere
        share = self.told.number("publishing.about_purchase")
        chance = share * np.where(is_returned, WRITES_AFTER_RETURN, 1.0)
        writes = self.world.people.is_sharer[person] & (draws[Draw.WRITES] < chance)
        moments = arrived - WRITING_DAYS * np.log1p(-draws[Draw.WRITING])
        for place in np.flatnonzero(writes):
            self._reviews.append(
                Review(
                    at=float(moments[place]),
                    person=int(person[place]),
                    product=int(product[place]),
                    place=float(draws[Draw.PLACE][place]),
                    is_kept=not is_returned[place],
                )
            )

    def _write(self, arm: "Arm", day: int, review: "Review") -> None:
        """Write a note about a purchase, where its place is free; the first one keeps it.

        It is of a proven purchase where the product was kept.
        """
        person, product = review.person, review.product
        places = self.world.places_by_shelf[int(self.world.shop.shelf[product])]
        place = int(places[int(review.place * len(places))])
        if arm.exists[place] or self.world.shop.brand[product] == arm.without_brand:
            return
        name = np.array([person * 1_000 + product])
        noise = normals(seed=self.world.seed, purpose=Purpose.NOTE, step=7, persons=name)
        skill = self.world.people.skill[[person]]
        quality = float(publishing.note_quality(skill, noise)[0]) + publishing.QUALITY_OF_BUYERS
        arm.write_review(place, person, product, day, quality)
        arm.is_review[place] = review.is_kept


def draws_about(seed: int, person: Ints, product: Ints, when: Floats) -> dict[Draw, Floats]:
    """Return the uniforms about each purchase, named by its person, product and the day it was
    put in the cart."""
    name = (when.astype(np.int64) << 42) + (product << 28) + person
    return {
        draw: uniforms(seed=seed, purpose=Purpose.AFTERWARDS, step=0, persons=name, slot=draw)
        for draw in Draw
    }


def _stage(stage: str, draws: Floats) -> Floats:
    return np.asarray(purchase.LEAST_DAYS[stage] - purchase.MEAN_DAYS[stage] * np.log1p(-draws))


def _paths(
    arm: "Arm", person: Ints, product: Ints, paid: Floats
) -> tuple[Ints, Ints, Floats, Ints]:
    """Return the opened notes that showed what each bought: how many, which, when, the deeds."""
    memory = arm.memory
    there = (memory.product[person] == product[:, None]) & (memory.when[person] <= paid[:, None])
    rows, columns = np.nonzero(there)
    whose = person[rows]
    order = np.lexsort((memory.when[whose, columns], rows))
    whose, columns = whose[order], columns[order]
    return (
        there.sum(axis=1),
        memory.note[whose, columns].astype(np.int64),
        memory.when[whose, columns].astype(np.float64),
        memory.deeds[whose, columns].astype(np.int64),
    )
