"""When each thing happened, and by what id it is known, as arrays that COPY takes."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.types import Floats, Ints

Moments = NDArray[np.datetime64]
Uuids = NDArray[Any]

_DAY: Final = 86_400.0
_VERSION, _VARIANT = np.uint64(0x7000), np.uint64(0x8000_0000_0000_0000)
_LOW_12, _LOW_62 = np.uint64(0xFFF), np.uint64(0x3FFF_FFFF_FFFF_FFFF)
#: The request of a visit that stands for the visit itself; more than anybody makes.
VISIT: Final = 0xFFF


def moments(since: datetime, days: Floats) -> Moments:
    """Return datetime64[us][n]: so many days after a moment, to the millisecond."""
    stamps = np.round((since.timestamp() + days * _DAY) * 1_000.0) * 1_000.0
    return stamps.astype(np.int64).astype("datetime64[us]")


def moment(since: datetime, days: float) -> datetime:
    """Return one such moment."""
    found: datetime = moments(since, np.array([days]))[0].item()
    return found.replace(tzinfo=since.tzinfo)


def event_ids(*, seed: int, name: int, at: Moments) -> Uuids:
    """Return V16[n]: UUIDs that sort by time (version 7), the same at every run of a seed.

    Args:
        name: what they are of; ids of two names differ.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, name]))
    bits = random.integers(0, 2**64, size=(2, len(at)), dtype=np.uint64)
    stamps = (at.astype(np.int64) // 1_000).astype(np.uint64) << np.uint64(16)
    return _uuids(stamps | _VERSION | (bits[0] & _LOW_12), _VARIANT | (bits[1] & _LOW_62))


def request_ids(*, seed: int, person: Ints, day: Ints, request: Ints) -> Uuids:
    """Return V16[n]: an id for each request of a person's day, by which all of its rows go.

    Args:
        seed: below 2**32.
    """
    high = (np.uint64(seed) << np.uint64(32)) | (day.astype(np.uint64) << np.uint64(16))
    high |= np.uint64(0x4000) | request.astype(np.uint64)
    return _uuids(high, _VARIANT | person.astype(np.uint64))


def as_uuid(value: Any) -> UUID:
    """Return one id of an array."""
    return UUID(bytes=bytes(value))


def _uuids(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Uuids:
    halves = np.empty((len(high), 2), dtype=">u8")
    halves[:, 0], halves[:, 1] = high, low
    return halves.view("V16")[:, 0]


def first_of_each(*columns: Ints) -> Ints:
    """Return the places of the first row of each combination, in their order."""
    _, first = np.unique(np.column_stack(columns), axis=0, return_index=True)
    return np.sort(first)
