"""Random numbers that are hashes of what they are for: (seed, purpose, step, person, slot, try).

Counter-based (Salmon et al. 2011), with the finaliser of SplitMix64 (Steele, Lea, Flood 2014) as
the hash: whatever else was drawn, the same question has the same answer. So two arms of a scenario
have common random numbers even once they have gone different ways.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.compiled import compiled, inlined
from redshop.simulation.types import Floats, Ints

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_ODD: Final = np.uint64(0xD1B54A32D192ED03)
_S30: Final = np.uint64(30)
_S27: Final = np.uint64(27)
_S31: Final = np.uint64(31)
_S32: Final = np.uint64(32)
_S11: Final = np.uint64(11)
_UNIT: Final = 2.0**-53


class Purpose(IntEnum):
    """What a number is drawn for; part of its name, so members keep their values."""

    ACTIVE = 1
    REQUESTS = 2
    FIRST_SEARCH = 3
    SURFACE = 5
    PROPOSAL = 8
    ACCEPTANCE = 9
    DECISION = 10
    ERRAND = 11
    AFTERWARDS = 13
    PUBLISHES = 14
    NOTE = 15
    FOLLOWS = 16
    CLOCK = 17
    PERMUTATION = 18
    SAMPLE = 20


@inlined
def mixed(x: np.uint64) -> np.uint64:
    """Return the bits of a number, thoroughly mixed."""
    x = (x ^ (x >> _S30)) * _FIRST
    x = (x ^ (x >> _S27)) * _SECOND
    return x ^ (x >> _S31)


@inlined
def key_of(seed: int, purpose: int, step: int) -> np.uint64:
    """Return the key of a purpose at a step (a day, say)."""
    return mixed(
        mixed(np.uint64(seed) + _GOLDEN * np.uint64(purpose)) + _ODD * (np.uint64(step) + _GOLDEN)
    )


@inlined
def key_for(key: np.uint64, person: int) -> np.uint64:
    """Return the key of one person (or note) under a key."""
    return mixed(key + _GOLDEN * (np.uint64(person) + np.uint64(1)))


@inlined
def uniform(key: np.uint64, slot: int, attempt: int) -> float:
    """Return a number in [0, 1) under a person's key, of a slot and a try."""
    x = mixed(key + _ODD * ((np.uint64(slot) << _S32) + np.uint64(attempt) + np.uint64(1)))
    return float(x >> _S11) * _UNIT


@compiled
def _uniforms(
    seed: int, purpose: int, step: int, persons: Ints, slot: int, attempt: int
) -> NDArray[np.float64]:
    key = key_of(seed, purpose, step)
    found = np.empty(len(persons))
    for place in range(len(persons)):
        found[place] = uniform(key_for(key, persons[place]), slot, attempt)
    return found


def uniforms(
    *, seed: int, purpose: Purpose, step: int, persons: Ints, slot: int = 0, attempt: int = 0
) -> Floats:
    """Return float64[persons] in [0, 1): one number for each of them."""
    return _uniforms(seed, int(purpose), step, persons, slot, attempt)


def normals(*, seed: int, purpose: Purpose, step: int, persons: Ints, slot: int = 0) -> Floats:
    """Return float64[persons], standard normal (Box and Muller 1958), of two uniforms each."""
    first = uniforms(seed=seed, purpose=purpose, step=step, persons=persons, slot=slot, attempt=0)
    second = uniforms(seed=seed, purpose=purpose, step=step, persons=persons, slot=slot, attempt=1)
    return np.asarray(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second))
