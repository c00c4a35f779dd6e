"""What people make of the screens they are shown: one pass over arrays, no database.

The random numbers of a screen belong to its request: (seed, request number, day, person).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from redshop.simulation.behaviour import choice, engagement, purchase
from redshop.simulation.library import Columns
from redshop.simulation.mind import Mind
from redshop.simulation.population import People
from redshop.simulation.scenario import Scenario
from redshop.simulation.streams import stream
from redshop.simulation.types import Bools, Floats, Ints

#: One column of uniforms for each decision about an impression, so that none disturbs another.
DECISIONS: Final = (
    "depth", "open", "hide", "view", "which", "cart", "sku", "quantity", "paid", "delay",
    *engagement.ACTIONS,
)  # fmt: skip
COLUMN: Final = {name: place for place, name in enumerate(DECISIONS)}
#: A deep read, from which true interest begins (assumed).
DEEP: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The answer to one request: who looks, where, and which notes in which order."""

    person: int
    day: int
    number: int
    is_search: bool
    notes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glances:
    """One entry an impression, over all screens of a round, in order of screen and position.

    ``product`` is what an opened note shows to its reader, -1 for nothing.
    """

    screen: Ints
    person: Ints
    note: Ints
    position: Ints
    opened: Bools
    is_paid: Bools
    dwell_ms: Floats
    completion: Floats
    hidden: Bools
    actions: dict[str, Bools]
    product: Ints
    viewed: Bools
    carted: Bools
    pays: Bools
    draws: Floats

    def draw(self, decision: str, place: int) -> float:
        """Return the uniform of one decision about one impression."""
        return float(self.draws[place, COLUMN[decision]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    """The screens as columns: one entry an impression, with its random numbers."""

    screen: Ints
    person: Ints
    note: Ints
    position: Ints
    searching: Bools
    uniforms: Floats
    normals: Floats


def glance(
    *,
    seed: int,
    screens: Sequence[Screen],
    people: People,
    columns: Columns,
    likes: Ints,
    products_of: Sequence[tuple[int, ...]],
    mind: Mind,
    scenario: Scenario,
) -> Glances:
    """Decide what everybody does with everything on their screens."""
    laid = _lay_out(seed, screens)
    person, note, searching, uniforms = laid.person, laid.note, laid.searching, laid.uniforms
    affinity = people.interests[person, columns.shelf[note]]
    chance = _open_chance(laid, affinity, people, columns, likes, mind, scenario)
    opened = (uniforms[:, COLUMN["open"]] < chance) & (columns.author[note] != person)
    median = columns.median_dwell[note]
    dwell = engagement.dwell_ms(median, affinity, laid.normals)
    product = _products(opened, note, products_of, uniforms[:, COLUMN["which"]])
    viewed, carted, pays = _shop(person, product, affinity, uniforms, mind, people, scenario)
    return Glances(
        screen=laid.screen,
        person=person,
        note=note,
        position=laid.position,
        opened=opened,
        is_paid=columns.is_paid[note],
        dwell_ms=dwell,
        completion=engagement.completion(dwell, median),
        hidden=~opened & ~searching & engagement.hides(affinity, uniforms[:, COLUMN["hide"]]),
        actions=_actions(opened, affinity, searching, uniforms),
        product=product,
        viewed=viewed,
        carted=carted,
        pays=pays,
        draws=uniforms,
    )


def remember(glances: Glances, mind: Mind, scenario: Scenario) -> None:
    """Let what was seen, read and looked at change what people know and want.

    One exposure stands for as many as are thinned away, and so does the interest it leaves.
    """
    mind.seen[glances.person, glances.note] = True
    np.add.at(mind.opened_today, glances.person[glances.opened], 1)
    np.add.at(mind.ads_today, glances.person[glances.is_paid], 1)
    stands_for = scenario.exposures_thinned / purchase.THINNED
    for weight, which in (
        (purchase.OPENED, glances.opened),
        (purchase.READ_DEEPLY, glances.opened & (glances.completion >= DEEP)),
        (purchase.VIEWED, glances.viewed),
    ):
        rows = which & (glances.product >= 0)
        places = (glances.person[rows], glances.product[rows])
        np.add.at(mind.interest, places, weight * stands_for)


def _lay_out(seed: int, screens: Sequence[Screen]) -> _Laid:
    uniforms, normals, shown = _draw(seed, screens)
    screen = np.repeat(np.arange(len(screens)), shown)
    seen = [s.notes[:count] for s, count in zip(screens, shown, strict=True)]
    return _Laid(
        screen=screen,
        person=np.array([s.person for s in screens], dtype=np.int64)[screen],
        note=np.array([note for notes in seen for note in notes], dtype=np.int64),
        position=np.concatenate([np.arange(count) for count in shown]),
        searching=np.array([s.is_search for s in screens])[screen],
        uniforms=uniforms,
        normals=normals,
    )


def _open_chance(
    laid: _Laid,
    affinity: Floats,
    people: People,
    columns: Columns,
    likes: Ints,
    mind: Mind,
    scenario: Scenario,
) -> Floats:
    """Return the probability that each note on a screen is opened, tired as people are by now."""
    told = scenario.settings()
    tired = choice.tiredness(
        mind.opened_today[laid.person],
        mind.ads_today[laid.person],
        columns.is_paid[laid.note],
        told.number("attention.satiation"),
        told.number("attention.ad_fatigue"),
    )
    utilities = choice.utility(
        affinity=affinity,
        quality=columns.quality[laid.note],
        trust=columns.trust[laid.note],
        likes=likes[laid.note],
        foreign=people.language[laid.person] != columns.language[laid.note],
        seen=mind.seen[laid.person, laid.note],
    )
    return choice.open_probability(utilities - tired, laid.position, laid.searching)


def _actions(
    opened: Bools, affinity: Floats, searching: Bools, uniforms: Floats
) -> dict[str, Bools]:
    """Decide which opened notes are liked, saved, commented on, shared, and followed up."""
    return {
        action: opened
        & (uniforms[:, COLUMN[action]] < engagement.probabilities(action, affinity, searching))
        for action in engagement.ACTIONS
    }


def _draw(seed: int, screens: Sequence[Screen]) -> tuple[Floats, Floats, list[int]]:
    """Return uniforms and normals, one row an impression, and how many each screen has."""
    uniforms, normals, shown = [], [], []
    for screen in screens:
        rng = stream(
            seed=seed, purpose=f"screen:{screen.number}", day=screen.day, person=screen.person
        )
        draws = rng.random((len(screen.notes), len(DECISIONS)))
        noise = rng.standard_normal(len(screen.notes))
        count = int(choice.depths(draws[:1, COLUMN["depth"]], shown=len(screen.notes)).sum())
        uniforms.append(draws[:count])
        normals.append(noise[:count])
        shown.append(count)
    return np.concatenate(uniforms), np.concatenate(normals), shown


def _products(
    opened: Bools, note: Ints, products_of: Sequence[tuple[int, ...]], draws: Floats
) -> Ints:
    """Return the product of each opened note that the reader notices, -1 where it shows none."""
    product = np.full(len(note), -1, dtype=np.int64)
    for place in np.flatnonzero(opened):
        shown = products_of[note[place]]
        if shown:
            product[place] = shown[int(draws[place] * len(shown))]
    return product


def _shop(
    person: Ints,
    product: Ints,
    affinity: Floats,
    uniforms: Floats,
    mind: Mind,
    people: People,
    scenario: Scenario,
) -> tuple[Bools, Bools, Bools]:
    """Decide who looks at the product, who puts it in the cart, and who will pay."""
    there = product >= 0
    interest = np.where(there, mind.interest[person, product], 0.0)
    view = purchase.view_probability(interest, affinity, factor=scenario.product_view_factor)
    view = view * np.where(mind.owns[person, product], purchase.AGAIN, 1.0)
    viewed = there & (uniforms[:, COLUMN["view"]] < view)
    cart = purchase.cart_probability(
        interest + purchase.VIEWED,
        mind.relative_price[product],
        people.thrift[person],
        factor=scenario.cart_factor,
    )
    carted = viewed & (uniforms[:, COLUMN["cart"]] < cart) & ~mind.wants[person, product]
    paid = purchase.paid_probability(factor=scenario.paid_factor)
    return viewed, carted, carted & (uniforms[:, COLUMN["paid"]] < paid)
