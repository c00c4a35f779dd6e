"""Why each order was placed: what would have been bought anyway, and each note's share of the rest.

The chance that somebody buys a product on the day they do, given a set S of the notes they opened:

    p(S) = e + (1 - e) q(S)

where e is the chance that they come for it without any note, and q(S) that they look at it, want
it and pay for it where the note that led to it is in S, and zero where it is not; interest in the
product is what the notes of S left. A note's share is its Shapley value (Shapley 1953) in p: exact
for up to ``EXACT`` notes, by sampled orders above. Shares and baseline add up to p.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from redshop.simulation.arrays.arm import Arm
from redshop.simulation.arrays.draws import Purpose, key_for, key_of, uniform
from redshop.simulation.arrays.sales import Orders, Parts
from redshop.simulation.arrays.today import campaign_of, paid_share
from redshop.simulation.behaviour.purchase import carting, viewing
from redshop.simulation.compiled import compiled
from redshop.simulation.types import Floats, Ints

#: So many notes have their exact value; of more, so many orders in which they come are sampled.
EXACT, SAMPLES = 10, 256
_PERMUTATION: Final = int(Purpose.PERMUTATION)


@dataclass(frozen=True, slots=True)
class Truth:
    """Of each order, with its notes: the chance it had, and who is to thank for how much of it."""

    chance: Floats  #: p of all notes
    baseline: Floats  #: e, of it
    shares: Parts  #: of each note that played a part, of it

    def by_note(self, worth: Floats, notes: int) -> Floats:
        """Return float64[notes]: what each note brought, where orders are worth so much."""
        per_order = np.repeat(worth / self.chance, np.diff(self.shares.ends))
        brought = self.shares.values * per_order
        return np.bincount(self.shares.notes, brought, notes).astype(np.float64)

    def anyway(self, worth: Floats) -> float:
        """Return what would have been bought anyway, where orders are worth so much."""
        return float((worth * self.baseline / self.chance).sum())


@compiled
def chance_of(
    interests: Floats, view: float, again: float, affinity: float, cart: float, viewed: float,
    price: float, elasticity: float, paid: float,
) -> Floats:  # fmt: skip
    """Return float64[n]: the chance to look, want and pay, at each interest in the product."""
    looks = again * viewing(view, interests, np.full(len(interests), affinity))
    many = np.full(len(interests), price)
    wants = carting(cart, interests + viewed, many, np.full(len(interests), elasticity))
    return looks * wants * paid


@compiled
def exact(others: Floats, own: float, coefficients: Floats) -> Floats:
    """Return float64[1 + others]: Shapley values of the note that led there, and of the others.

    Args:
        others: float64[m], what interest each other note left.
        own: the same of the note that led there.
        coefficients: float64[8], what ``chance_of`` takes beside interests.
    """
    m = len(others)
    interests = np.full(1 << m, own)
    sizes = np.zeros(1 << m, dtype=np.int64)
    for mask in range(1 << m):
        for place in range(m):
            if mask >> place & 1:
                interests[mask] += others[place]
                sizes[mask] += 1
    c = coefficients
    worth = chance_of(interests, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7])
    factorials = np.ones(m + 2)
    for number in range(1, m + 2):
        factorials[number] = factorials[number - 1] * number
    found = np.zeros(m + 1)
    for mask in range(1 << m):
        s = sizes[mask]
        found[0] += factorials[s] * factorials[m - s] / factorials[m + 1] * worth[mask]
        for place in range(m):
            if not mask >> place & 1:
                weight = factorials[s + 1] * factorials[m - s - 1] / factorials[m + 1]
                found[1 + place] += weight * (worth[mask | 1 << place] - worth[mask])
    return found


@compiled
def sampled(others: Floats, own: float, coefficients: Floats, key: np.uint64) -> Floats:
    """Return the same by ``SAMPLES`` orders in which the notes come; they add up exactly."""
    m, c = len(others), coefficients
    found, order = np.zeros(m + 1), np.arange(m + 1)
    for sample in range(SAMPLES):
        for place in range(m, 0, -1):
            other = int(uniform(key, sample, place) * (place + 1))
            order[place], order[other] = order[other], order[place]
        interests, is_there = np.zeros(m + 2), False
        for place in range(m + 1):
            which = order[place]
            interests[place + 1] = interests[place] + (own if which == 0 else others[which - 1])
        worth = chance_of(interests, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7])
        before = 0.0
        for place in range(m + 1):
            is_there = is_there or order[place] == 0
            after = worth[place + 1] if is_there else 0.0
            found[order[place]] += (after - before) / SAMPLES
            before = after
    return found


@compiled
def _shares(
    note: Ints, ends: Ints, notes: Ints, values: Floats, coefficients: Floats, seed: int
) -> tuple[Ints, Ints, Floats]:
    """Return how many notes played a part in each order, which, and the Shapley value of each."""
    sizes = np.zeros(len(note), dtype=np.int64)
    found_notes = np.empty(len(notes) + len(note), dtype=np.int64)
    found = np.empty(len(notes) + len(note))
    count, base = 0, key_of(seed, _PERMUTATION, 0)
    for order in range(len(note)):
        if note[order] < 0:
            continue
        there, left = notes[ends[order] : ends[order + 1]], values[ends[order] : ends[order + 1]]
        own = left[there == note[order]].sum()
        rest = np.unique(there[there != note[order]])
        others = np.empty(len(rest))
        for place in range(len(rest)):
            others[place] = left[there == rest[place]].sum()
        if len(rest) < EXACT:
            told = exact(others, own, coefficients[order])
        else:
            told = sampled(others, own, coefficients[order], key_for(base, order))
        found_notes[count], sizes[order] = note[order], len(told)
        found_notes[count + 1 : count + len(told)] = rest
        found[count : count + len(told)] = told
        count += len(told)
    return sizes, found_notes[:count], found[:count]


def truth_of(arm: Arm) -> Truth:
    """Tell why each order of an arm was placed."""
    orders, told = arm.sales.orders, arm.told
    coefficients = _coefficients(arm, orders)
    sizes, notes, values = _shares(
        orders.note, orders.before.ends, orders.before.notes, orders.before.values, coefficients,
        arm.world.seed,
    )  # fmt: skip
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    weights = arm.world.people.interests[:, arm.world.shop.shelf]
    of_product = (
        weights[orders.person, orders.product] / weights[orders.person].sum(axis=1)
        if len(orders)
        else np.empty(0)
    )
    baseline = (
        told.number("purchase.errand_share")
        * of_product
        * told.number("purchase.errand_carts")
        * paid_share(told)
    )
    shares = values * np.repeat(1.0 - baseline, sizes)
    # what the kernel drew with, not what the shares add up to: that they do is theirs to show
    chance = baseline + (1.0 - baseline) * orders.chance
    return Truth(chance, baseline, Parts(ends, notes, shares))


def _coefficients(arm: Arm, orders: Orders) -> Floats:
    """Return float64[orders, 8]: what ``chance_of`` takes beside interests."""
    told = arm.told
    count, full = len(orders), np.full
    thrift = arm.world.people.thrift[orders.person]
    return np.stack(
        [
            full(count, told.number("funnel.product_view_given_open")
                 * told.number("purchase.product_view_factor")),
            orders.again,
            orders.affinity,
            told.number("funnel.cart_given_product_view")
            * told.number("purchase.cart_factor")
            * campaign_of(told, orders.day),
            full(count, told.number("purchase.viewed")),
            arm.goods.relative_price[orders.product],
            told.number("purchase.price_sensitivity") * thrift,
            full(count, paid_share(told)),
        ],
        axis=1,
    )  # fmt: skip
