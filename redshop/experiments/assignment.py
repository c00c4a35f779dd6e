"""Who gets which arm: decided by a hash, the same for ever, without asking anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_LARGEST: Final = 2**64
#: Shares of people are told in ten-thousandths.
WHOLE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Choice:
    """An arm that can be assigned, and how often beside the others."""

    arm_id: int
    weight: int


def draw(*, salt: str, purpose: str, unit: str) -> float:
    """Return a number in [0, 1) that belongs to a unit: uniform over units, for each purpose anew.

    Taken from 64 bits of BLAKE2b, so that units of two experiments (two salts) are independent.
    """
    text = "\x1f".join((salt, purpose, unit)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / _LARGEST


def is_enrolled(*, salt: str, unit: str, share: int) -> bool:
    """Tell whether a unit takes part, of which ``share`` ten-thousandths do.

    Who takes part of a smaller share takes part of any larger one.
    """
    return draw(salt=salt, purpose="enrol", unit=unit) * WHOLE < share


def choose(choices: Sequence[Choice], *, salt: str, unit: str) -> int:
    """Return the arm of a unit, in proportion to the weights.

    Raises:
        ValueError: there is none to choose from.
    """
    total = sum(choice.weight for choice in choices)
    if total <= 0:
        raise ValueError("there is no arm to choose from")
    place = draw(salt=salt, purpose="arm", unit=unit) * total
    for choice in choices:
        place -= choice.weight
        if place < 0:
            return choice.arm_id
    return choices[-1].arm_id


def unit_of(*, person_id: int | None, visitor_id: object | None) -> str:
    """Return what is assigned: a person, or a visitor whom nobody knows yet.

    Raises:
        ValueError: it is nobody.
    """
    if person_id is not None:
        return f"person {person_id}"
    if visitor_id is not None:
        return f"visitor {visitor_id}"
    raise ValueError("somebody must be assigned")
