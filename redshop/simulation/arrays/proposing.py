"""What comes onto a place of a screen: proposals that all arms share, accepted by an arm's scores.

A proposal is a hash of (seed, day, person, place, try): the same note in every arm. It is accepted
with the probability (score / a high score) ** sharpness, at most one. The first that is accepted is
shown; where none is, the best of them. So what is shown is drawn with a weight that grows with the
score, and two policies show the same wherever they agree.
"""

from typing import Final

import numpy as np

from redshop.simulation.arrays.draws import uniform
from redshop.simulation.arrays.state import (
    EXPLORE,
    FOLLOWING,
    SEARCH,
    Memory,
    Pool,
    Rules,
    Table,
)
from redshop.simulation.compiled import compiled, inlined
from redshop.simulation.types import Floats, Ints

#: So many proposals for a place at most.
TRIES: Final = 12
#: Numbers of further draws of a place.
_SMALL, _REACH, _WHICH = 1_000, 1_001, 1_002
_NOBODY: Final = -1


@compiled
def interest_of(person: int, rules: Rules, memory: Memory) -> Floats:
    """Return float64[shelves], 0 to 1: raw / (raw + half), with what people did and the prior.

    The formula of ``notes.discovery.interests.topic_weights``; fading is done once a day.
    """
    raw = np.maximum(memory.stock[person].astype(np.float64) + rules.prior, 0.0)
    interest: Floats = raw / (raw + rules.half)
    return interest


@inlined
def proposed(
    person: int,
    slot: int,
    attempt: int,
    surface: int,
    shelf: int,
    key: np.uint64,
    sums: Floats,
    followed: int,
    pool: Pool,
    rules: Rules,
    memory: Memory,
) -> int:
    """Return the note that is proposed, whether or not it is written; NOBODY is nothing."""
    which = uniform(key, slot, 2 * attempt)
    place = uniform(key, slot, 2 * attempt + 1)
    if surface == FOLLOWING:
        author = memory.follows[person, int(which * followed)]
        return int(pool.by_author[author, int(place * pool.by_author.shape[1])])
    aimed = rules.of_interest if surface == EXPLORE else rules.on_target
    if which >= aimed:
        return int(pool.items[int(place * len(pool.items))])
    if surface == EXPLORE:
        shelf = int(np.searchsorted(sums, which / rules.of_interest * sums[-1]))
    first, end = pool.starts[shelf], pool.starts[shelf + 1]
    return int(pool.items[first + int(place * (end - first))]) if end > first else _NOBODY


@inlined
def is_seen(person: int, note: int, memory: Memory) -> bool:
    """Tell whether a note was on somebody's screen, where that is remembered."""
    if not memory.seen.shape[1]:
        return False
    word = memory.seen[person, note >> 6]
    return bool((word >> np.uint64(note & 63)) & np.uint64(1))


@inlined
def follows(person: int, author_place: int, memory: Memory) -> bool:
    """Tell whether somebody follows an author."""
    if author_place < 0:
        return False
    for place in range(memory.follows.shape[1]):
        if memory.follows[person, place] == author_place:
            return True
    return False


@inlined
def share_of_best(
    person: int,
    note: int,
    surface: int,
    interest: Floats,
    shown: Ints,
    count: int,
    rules: Rules,
    table: Table,
    memory: Memory,
) -> float:
    """Return how much of a high score a note has for somebody; negative where it may not be shown:
    it is there already, or its author too often."""
    repeats = 0
    for place in range(count):
        if shown[place] == note:
            return -1.0
        if shown[place] >= 0:
            repeats += table.author[shown[place]] == table.author[note]
    if repeats >= rules.author_cap:
        return -1.0
    if surface == SEARCH:
        speaks = 1.0 if memory.language[person] == table.language[note] else 0.35
        return float(min((speaks + table.search[note]) / rules.search_bound, 1.0))
    score = table.explore[note] + rules.interest * interest[table.shelf[note]]
    if rules.following and follows(person, table.author_place[note], memory):
        score += rules.following
    if surface == EXPLORE and is_seen(person, note, memory):
        score *= rules.seen_factor
    ratio = float(min(score / rules.bound, 1.0))
    return ratio * rules.repeat_factor**repeats if repeats else ratio


@inlined
def offered(
    person: int,
    slot: int,
    surface: int,
    shelf: int,
    keys: tuple[np.uint64, np.uint64],
    interest: Floats,
    sums: Floats,
    followed: int,
    shown: Ints,
    count: int,
    rules: Rules,
    table: Table,
    pool: Pool,
    memory: Memory,
) -> int:
    """Return the note that comes onto a place, NOBODY where none of those proposed may."""
    proposals, chances = keys
    if (
        surface == EXPLORE
        and len(pool.promoted)
        and uniform(chances, slot, _REACH) < rules.paid_reach
    ):
        return int(pool.promoted[int(uniform(proposals, slot, _WHICH) * len(pool.promoted))])
    only_small = surface == EXPLORE and uniform(chances, slot, _SMALL) < rules.small_share
    power = rules.search_sharpness if surface == SEARCH else rules.sharpness
    best, most = _NOBODY, 0.0
    for attempt in range(TRIES):
        note = proposed(
            person, slot, attempt, surface, shelf, proposals, sums, followed, pool, rules, memory
        )
        if note < 0 or not table.exists[note] or table.author[note] == person:
            continue
        if only_small and not table.is_small[note]:
            continue
        ratio = share_of_best(person, note, surface, interest, shown, count, rules, table, memory)
        if ratio > 0.0 and uniform(chances, slot, attempt) < ratio**power:
            return note
        if ratio > most:
            best, most = note, ratio
    return best
