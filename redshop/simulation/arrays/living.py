"""A day of some people, compiled: what they are shown, open, do with it, look at and want.

The same behaviour as in the live world (``behaviour``), on the same arrays of a screen. Nobody
changes what others see before the day is over, so people live side by side.
"""

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.arrays import state
from redshop.simulation.arrays.draws import Purpose, key_for, key_of, uniform
from redshop.simulation.arrays.proposing import interest_of, is_seen, offered
from redshop.simulation.arrays.state import Goods, Memory, Pool, Rules, Table
from redshop.simulation.behaviour.choice import depths, open_probability, tiredness, utility
from redshop.simulation.behaviour.engagement import completion, dwell_ms, tilted
from redshop.simulation.behaviour.purchase import carting, viewing
from redshop.simulation.compiled import compiled
from redshop.simulation.glance import DEEP
from redshop.simulation.types import Bools, Floats, Ints
from redshop.simulation.visits import PAGE

_P_PROPOSAL, _P_ACCEPTANCE = int(Purpose.PROPOSAL), int(Purpose.ACCEPTANCE)
_P_DECISION, _P_ERRAND, _P_SURFACE = (
    int(Purpose.DECISION), int(Purpose.ERRAND), int(Purpose.SURFACE),
)  # fmt: skip
#: Numbers of the decisions about a place.
_OPEN, _VIEW, _CART, _PAYS, _DELAY, _DWELL, _NOISE, _ACTION = 0, 1, 2, 3, 4, 5, 6, 8
_DEEDS = np.array([state.LIKE, state.SAVE, state.COMMENT, state.SHARE, state.FOLLOW])
#: What an act says of somebody's interest in its shelf, as ``InterestPolicy`` weighs it.
_OPENED, _LIKED, _SAVED, _COMMENTED, _SHARED = 1.0, 2.0, 3.0, 3.0, 3.0


@compiled
def interest_in(person: int, product: int, when: float, rules: Rules, memory: Memory) -> float:
    """Return somebody's interest in a product: what each touch added, halving with time."""
    length = memory.note.shape[1]
    found = 0.0
    for place in range(min(memory.turn[person], length)):
        if memory.product[person, place] == product:
            age = when - memory.when[person, place]
            found += memory.weight[person, place] * 0.5 ** (age / rules.half_life)
    return found


@compiled
def _search_shelf(
    person: int, key: np.uint64, number: int, when: float, rules: Rules, goods: Goods,
    memory: Memory,
) -> int:  # fmt: skip
    """Choose what to search for: by interest, the more so where a product is wanted."""
    weights = memory.interests[person].astype(np.float64)
    for place in range(min(memory.turn[person], memory.note.shape[1])):
        product = memory.product[person, place]
        age = when - memory.when[person, place]
        weights[goods.shelf[product]] += memory.weight[person, place] * 0.5 ** (
            age / rules.half_life
        )
    sums = np.cumsum(weights)
    return int(np.searchsorted(sums, uniform(key, number, 5) * sums[-1]))


@compiled
def _remember(
    person: int, note: int, product: int, when: float, weight: float, deeds: int, memory: Memory
) -> None:
    place = memory.turn[person] % memory.note.shape[1]
    memory.note[person, place] = note
    memory.product[person, place] = product
    memory.when[person, place] = when
    memory.weight[person, place] = weight
    memory.deeds[person, place] = deeds
    memory.turn[person] += 1


@compiled
def _follow(person: int, author_place: int, memory: Memory) -> None:
    """Follow an author; whoever follows too many forgets the first."""
    row = memory.follows[person]
    for place in range(len(row)):
        if row[place] == author_place:
            return
        if row[place] < 0:
            row[place] = author_place
            return
    row[:-1] = row[1:].copy()
    row[-1] = author_place


@compiled
def _touches(
    person: int, product: int, when: float, rules: Rules, memory: Memory,
    touches: NDArray[np.float64], count: int,
) -> int:  # fmt: skip
    """Copy the touches of a product, oldest first, as (note, faded weight); return the new end."""
    length = memory.note.shape[1]
    turn = memory.turn[person]
    for step in range(max(turn - length, 0), turn):
        place = step % length
        if memory.product[person, place] == product and count < len(touches):
            age = when - memory.when[person, place]
            touches[count, 0] = memory.note[person, place]
            touches[count, 1] = memory.weight[person, place] * 0.5 ** (age / rules.half_life)
            count += 1
    return count


@compiled
def _acts(
    key: np.uint64, slots: Ints, affinity: Floats, surface: int, dwell: Floats,
    median: Floats, rules: Rules,
) -> Ints:  # fmt: skip
    """Decide what is done with the notes of a screen that were opened: bits of deeds."""
    deeds = np.zeros(len(slots), dtype=np.int64)
    deep = completion(dwell, median) >= DEEP
    for action in range(len(_DEEDS)):
        rate = rules.actions[action, 1 if surface == state.SEARCH else 0]
        chance = tilted(np.full(len(slots), rate), affinity)
        for place in range(len(slots)):
            if uniform(key, slots[place], _ACTION + action) < chance[place]:
                deeds[place] |= _DEEDS[action]
    for place in range(len(slots)):
        if deep[place]:
            deeds[place] |= state.READ
    return deeds


@compiled
def _noise(key: np.uint64, slots: Ints) -> Floats:
    """Return standard normals of some places (Box and Muller 1958)."""
    found = np.empty(len(slots))
    for place in range(len(slots)):
        first, second = uniform(key, slots[place], _DWELL), uniform(key, slots[place], _NOISE)
        found[place] = np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)
    return found


@compiled
def _chances(
    person: int, notes: Ints, surface: int, opens: int, ads: int, rules: Rules, table: Table,
    memory: Memory, seen: Bools,
) -> Floats:  # fmt: skip
    """Return the chance that each note on a screen is opened, tired as somebody is by now."""
    affinity = memory.interests[person][table.shelf[notes]].astype(np.float64)
    told = utility(
        affinity,
        table.quality[notes],
        table.trust[notes],
        table.likes[notes],
        table.language[notes] != memory.language[person],
        seen,
    )
    told -= tiredness(
        np.full(len(notes), opens),
        np.full(len(notes), ads),
        table.is_paid[notes],
        rules.satiation,
        rules.ad_fatigue,
    )
    return open_probability(
        told, np.arange(len(notes)), np.full(len(notes), surface == state.SEARCH)
    )


@compiled
def _learn(person: int, shelf: int, deeds: int, memory: Memory) -> None:
    """Let the system know what somebody did with a note."""
    told = _OPENED
    if deeds & state.LIKE:
        told += _LIKED
    if deeds & state.SAVE:
        told += _SAVED
    if deeds & state.COMMENT:
        told += _COMMENTED
    if deeds & state.SHARE:
        told += _SHARED
    memory.stock[person, shelf] += told


@compiled
def _shop(
    person: int, note: int, product: int, slot: int, when: float, key: np.uint64, affinity: float,
    rules: Rules, goods: Goods, memory: Memory, carts: Floats, counts: Ints, touches: Floats,
) -> int:  # fmt: skip
    """Decide whether the product of an opened note is looked at and wanted; return the deeds."""
    interest = interest_in(person, product, when, rules, memory)
    one = np.full(1, interest)
    view = viewing(rules.view_rate, one, np.full(1, affinity))[0]
    again = rules.again if memory.owns[person, product] else 1.0
    view *= again
    if uniform(key, slot, _VIEW) >= view:
        return 0
    elasticity = np.full(1, rules.elasticity * memory.thrift[person])
    cart = carting(
        rules.cart_rate,
        one + rules.just_viewed,
        np.full(1, goods.relative_price[product]),
        elasticity,
    )[0]
    if memory.wants[person, product] or uniform(key, slot, _CART) >= cart:
        return state.VIEW
    if counts[1] >= len(carts):
        return state.VIEW
    pays = uniform(key, slot, _PAYS) < rules.paid
    row = carts[counts[1]]
    row[state.CART_PERSON], row[state.CART_PRODUCT], row[state.CART_NOTE] = person, product, note
    row[state.CART_WHEN], row[state.CART_PAYS] = when, pays
    row[state.CART_DAY] = rules.day
    row[state.CART_DELAY] = uniform(key, slot, _DELAY)
    row[state.CART_INTEREST], row[state.CART_AFFINITY] = interest, affinity
    row[state.CART_AGAIN], row[state.CART_CHANCE] = again, view * cart * rules.paid
    row[state.CART_START] = counts[2]
    counts[2] = _touches(person, product, when, rules, memory, touches, counts[2])
    row[state.CART_END] = counts[2]
    counts[1] += 1
    memory.wants[person, product] = pays
    return state.VIEW | state.CART


@compiled
def _note_down(
    person: int, notes: Ints, slots: Ints, surface: int, opened: Bools, seen: Bools,
    shown: NDArray[np.int32],
) -> None:  # fmt: skip
    """Keep what was on a screen in its rows of ``shown``; what was done with it comes later."""
    for place in range(len(notes)):
        row = shown[place]
        row[state.SHOWN_NOTE], row[state.SHOWN_PERSON] = notes[place], person
        row[state.SHOWN_PLACE] = slots[place]
        row[state.SHOWN_WHAT] = (
            surface
            | (np.int64(opened[place]) << state.SHOWN_OPENED)
            | (np.int64(seen[place]) << state.SHOWN_BEFORE)
        )


@compiled
def _look(
    person: int, number: int, notes: Ints, surface: int, when: float, tired: Ints,
    rules: Rules, table: Table, goods: Goods, memory: Memory, key: np.uint64,
    shown: NDArray[np.int32], opens: NDArray[np.int32], carts: Floats, touches: Floats,
    counts: Ints, tally: Ints,
) -> None:  # fmt: skip
    """Let somebody look at a screen: open, read, act, want; say so in its rows of ``shown``."""
    seen = np.zeros(len(notes), dtype=np.bool_)
    for place in range(len(notes) if memory.seen.shape[1] else 0):
        seen[place] = is_seen(person, notes[place], memory)
        memory.seen[person, notes[place] >> 6] |= np.uint64(1) << np.uint64(notes[place] & 63)
    searching = int(surface == state.SEARCH)
    chance = _chances(person, notes, surface, tired[0], tired[1], rules, table, memory, seen)
    slots = number * state.PLACES + np.arange(len(notes))
    opened = np.zeros(len(notes), dtype=np.bool_)
    for place in range(len(notes)):
        opened[place] = uniform(key, slots[place], _OPEN) < chance[place]
        tally[searching, place, table.type[notes[place]], 0] += 1
        tally[searching, place, table.type[notes[place]], 1] += opened[place]
        tired[1] += table.is_paid[notes[place]]
    _note_down(person, notes, slots, surface, opened, seen, shown)
    there, slots, rows = notes[opened], slots[opened], np.flatnonzero(opened)
    affinity = memory.interests[person][table.shelf[there]].astype(np.float64)
    median = table.median_dwell[there]
    dwell = dwell_ms(median, affinity, _noise(key, slots))
    deeds = _acts(key, slots, affinity, surface, dwell, median, rules)
    for place in range(len(there)):
        note, product = there[place], table.product[there[place]]
        if product >= 0:
            deeds[place] |= _shop(
                person, note, product, slots[place], when, key, affinity[place], rules, goods,
                memory, carts, counts, touches,
            )  # fmt: skip
            weight = rules.opened + rules.read_deeply * (deeds[place] & state.READ > 0)
            weight += rules.viewed * (deeds[place] & state.VIEW > 0)
            _remember(person, note, product, when, weight, deeds[place], memory)
        _learn(person, table.shelf[note], deeds[place], memory)
        if deeds[place] & state.FOLLOW and table.author_place[note] >= 0:
            _follow(person, table.author_place[note], memory)
        shown[rows[place], state.SHOWN_WHAT] |= deeds[place] << state.SHOWN_DEEDS
        row = opens[counts[0]]
        row[state.OPEN_NOTE], row[state.OPEN_PERSON] = note, person
        row[state.OPEN_DEEDS], row[state.OPEN_SEARCHING] = deeds[place], searching
        counts[0] += 1
        tired[0] += 1


@compiled
def _surface(
    number: int, before: int, begins: int, followed: int, person: int, key: np.uint64,
    rules: Rules, memory: Memory,
) -> int:  # fmt: skip
    """Decide where somebody goes next: a chain of two states, and sometimes whom they follow."""
    if not number:
        searches = begins == state.SEARCH
    elif not memory.is_searcher[person]:
        searches = False
    else:
        draw = uniform(key, number, 1)
        stays = draw >= (rules.leave_search if before == state.SEARCH else rules.leave_feed)
        searches = stays == (before == state.SEARCH)
    if searches:
        return state.SEARCH
    if followed and uniform(key, number, 2) < rules.following_share:
        return state.FOLLOWING
    return state.EXPLORE


@compiled
def _errand(
    person: int, key: np.uint64, when: float, rules: Rules, goods: Goods, memory: Memory,
    carts: Floats, counts: Ints, touches: Floats,
) -> None:  # fmt: skip
    """Let somebody look for a product that they have in mind; no note leads there."""
    if uniform(key, 0, 0) >= rules.errand_share:
        return
    sums = np.cumsum(memory.interests[person].astype(np.float64)[goods.shelf])
    product = np.searchsorted(sums, uniform(key, 0, 1) * sums[-1])
    if memory.wants[person, product] or uniform(key, 0, 2) >= rules.errand_carts:
        return
    if counts[1] >= len(carts):
        return
    pays = uniform(key, 0, 3) < rules.paid
    row = carts[counts[1]]
    row[:] = 0.0
    row[state.CART_PERSON], row[state.CART_PRODUCT], row[state.CART_NOTE] = person, product, -1
    row[state.CART_WHEN], row[state.CART_PAYS] = when, pays
    row[state.CART_DELAY] = uniform(key, 0, 4)
    row[state.CART_START] = counts[2]
    counts[2] = _touches(person, product, when, rules, memory, touches, counts[2])
    row[state.CART_END] = counts[2]
    counts[1] += 1
    memory.wants[person, product] = pays


@compiled
def _screen(
    person: int, number: int, surface: int, shelf: int, depth: int,
    keys: tuple[np.uint64, np.uint64], interest: Floats, sums: Floats, followed: int,
    rules: Rules, table: Table, pool: Pool, memory: Memory,
) -> Ints:  # fmt: skip
    """Return the notes that come onto a screen, those that find no note left out."""
    shown = np.full(depth, -1, dtype=np.int64)
    for place in range(depth):
        shown[place] = offered(
            person, number * state.PLACES + place, surface, shelf, keys, interest, sums, followed,
            shown, place, rules, table, pool, memory,
        )  # fmt: skip
    return shown[shown >= 0]


@compiled
def _keys_of(seed: int, day: int) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the keys of a day: proposals, acceptance, decisions, ways, errands."""
    return (
        key_of(seed, _P_PROPOSAL, day), key_of(seed, _P_ACCEPTANCE, day),
        key_of(seed, _P_DECISION, day), key_of(seed, _P_SURFACE, day), key_of(seed, _P_ERRAND, day),
    )  # fmt: skip


@compiled
def _day_of(
    person: int, requests: int, begins: int, when: float,
    base: tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64], rules: Rules,
    table: Table, pool: Pool, goods: Goods, memory: Memory, shown: NDArray[np.int32],
    opens: NDArray[np.int32], carts: Floats, touches: Floats, counts: Ints, tally: Ints,
    asked: Ints,
) -> None:  # fmt: skip
    """Let one person live a day: an errand perhaps, then request after request."""
    keys = (key_for(base[0], person), key_for(base[1], person))
    key, way = key_for(base[2], person), key_for(base[3], person)
    interest = interest_of(person, rules, memory)
    sums = np.cumsum(np.maximum(interest - rules.prior / (rules.prior + rules.half), 1e-3))
    followed = int((memory.follows[person] >= 0).sum())
    tired, before = np.zeros(2, dtype=np.int64), state.EXPLORE
    _errand(person, key_for(base[4], person), when, rules, goods, memory, carts, counts, touches)
    for number in range(requests):
        surface = _surface(number, before, begins, followed, person, way, rules, memory)
        asked[0, surface] += 1
        if number:
            asked[1, 2 * (before == state.SEARCH) + (surface == state.SEARCH)] += 1
        before = surface
        depth = depths(np.full(1, uniform(way, number, 3)), PAGE)[0]
        shelf = 0
        if surface == state.SEARCH:
            shelf = _search_shelf(person, way, number, when, rules, goods, memory)
        notes = _screen(
            person, number, surface, shelf, depth, keys, interest, sums, followed, rules, table,
            pool, memory,
        )  # fmt: skip
        _look(
            person, number, notes, surface, when, tired, rules, table, goods, memory, key,
            shown[counts[3] : counts[3] + len(notes)], opens, carts, touches, counts, tally,
        )  # fmt: skip
        counts[3] += len(notes)
        when += state.REQUEST_SECONDS / state.DAY_SECONDS


@compiled
def live(
    people: Ints, requests: Ints, first_search: Bools, begin: Floats, rules: Rules, table: Table,
    pool: Pool, goods: Goods, memory: Memory,
) -> tuple[
    NDArray[np.int32], NDArray[np.int32], Floats, Floats, Ints, Ints
]:  # fmt: skip
    """Let some people live a day.

    Args:
        people: int64[n], who opens the app, each once.
        requests, first_search, begin: how often they ask, whether they search first, when they
            come (days).

    Returns:
        Notes shown, int32[impressions, 4]; notes opened, int32[opens, 4]; carts,
        float64[carts, 13]; touches before them, float64[touches, 2]; impressions and opens,
        int64[search, place, type, 2]; requests by surface, and pairs of them, int64[2, 4].
    """
    total = int(requests.sum()) * PAGE
    shown, opens = np.empty((total, 4), dtype=np.int32), np.empty((total, 4), dtype=np.int32)
    carts = np.zeros((total // 4 + len(people), state.CART_COLUMNS))
    touches = np.empty((total + 64 * len(people), 2))
    counts, tally = np.zeros(4, dtype=np.int64), np.zeros((2, PAGE, 3, 2), dtype=np.int64)
    asked, base = np.zeros((2, 4), dtype=np.int64), _keys_of(rules.seed, rules.day)
    for place in range(len(people)):
        begins = state.SEARCH if first_search[place] else state.EXPLORE
        _day_of(
            people[place], requests[place], begins, begin[place], base, rules, table, pool, goods,
            memory, shown, opens, carts, touches, counts, tally, asked,
        )  # fmt: skip
    return (
        shown[: counts[3]], opens[: counts[0]], carts[: counts[1]], touches[: counts[2]], tally,
        asked,
    )  # fmt: skip
