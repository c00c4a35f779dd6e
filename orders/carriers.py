"""Who brings parcels, and what their tracking numbers look like."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orders.errors import CarrierUnknown, TrackingInvalid

#: Weights of the check digit in the Universal Postal Union's standard S10.
_S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A company that brings parcels; ``takes`` knows its numbers, in capitals."""

    name: str
    takes: Callable[[str], bool]


def normal(*, carrier: str, tracking: str) -> str:
    """Return a tracking number as it is kept: in capitals, without spaces.

    A parcel may go without either; a number without a carrier needs only to look like one.

    Raises:
        CarrierUnknown: no carrier has this code.
        TrackingInvalid: the carrier is named without a number, or its numbers look different.
    """
    if carrier and carrier not in CARRIERS:
        raise CarrierUnknown
    number = re.sub(r"\s", "", tracking).upper()
    if not carrier and not number:
        return ""
    takes = CARRIERS[carrier].takes if carrier else _is_plain
    if not takes(number):
        raise TrackingInvalid
    return number


def is_s10(number: str) -> bool:
    """Tell whether a number is one of the posts: two letters, nine digits, a country.

    The ninth digit checks the others: 11 minus their weighted sum modulo 11, where 10 is written
    0 and 11 is written 5 (Universal Postal Union, standard S10).
    """
    if not re.fullmatch(r"[A-Z]{2}[0-9]{9}[A-Z]{2}", number):
        return False
    digits = [int(digit) for digit in number[2:11]]
    rest = 11 - sum(w * d for w, d in zip(_S10_WEIGHTS, digits, strict=False)) % 11
    return digits[8] == {10: 0, 11: 5}.get(rest, rest)


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda number: compiled.fullmatch(number) is not None


_is_plain: Final = _like(r"[A-Z0-9][A-Z0-9-]{3,39}")
CARRIERS: Final[Mapping[str, Carrier]] = {
    "sf": Carrier("SF Express", _like(r"(SF)?[0-9]{12,15}")),
    "ems": Carrier("EMS and the posts", is_s10),
    "ups": Carrier("UPS", _like(r"1Z[A-Z0-9]{16}")),
    "dhl": Carrier("DHL Express", _like(r"[0-9]{10}")),
    "other": Carrier("Another carrier", _is_plain),
}
