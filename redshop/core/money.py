"""Money: integer minor units and a currency, added, compared and split without losing a cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

#: Minor units a major unit has, as a power of ten (ISO 4217); two where not listed.
EXPONENTS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3, "TND": 3}


class CurrencyMismatch(ValueError):
    """Amounts of different currencies were put together."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount of one currency; ``amount_minor`` counts its smallest units."""

    amount_minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.amount_minor * quantity, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __str__(self) -> str:
        exponent = EXPONENTS.get(self.currency, 2)
        sign = "-" if self.amount_minor < 0 else ""
        major, minor = divmod(abs(self.amount_minor), 10**exponent)
        fraction = f".{minor:0{exponent}d}" if exponent else ""
        return f"{sign}{major:,}{fraction} {self.currency}"

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Divide by integer weights so that the parts sum to the whole (largest remainder).

        Raises:
            ValueError: there is no weight, one is negative, or they sum to zero.
        """
        return [Money(part, self.currency) for part in split_minor(self.amount_minor, weights)]

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be put together")
        return other


def total(amounts: Iterable[Money], *, currency: str) -> Money:
    """Return the sum of the amounts, zero of ``currency`` where there are none."""
    return sum(amounts, start=Money(0, currency))


def split_minor(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide an integer by integer weights; the parts sum to it exactly.

    Largest remainder (Hamilton): every part gets the floor of its quota, what is left goes one
    by one to the largest remainders, earlier parts first among equals. A negative amount is
    split as its opposite, so that a refund mirrors what it refunds.

    Raises:
        ValueError: there is no weight, one is negative, or they sum to zero.
    """
    if any(weight < 0 for weight in weights) or not sum(weights):
        raise ValueError("weights must not be negative and must not sum to zero")
    if amount_minor < 0:
        return [-part for part in split_minor(-amount_minor, weights)]
    quotas = [Fraction(amount_minor * weight, sum(weights)) for weight in weights]
    parts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - quotas[i], i))
    for i in by_remainder[: amount_minor - sum(parts)]:
        parts[i] += 1
    return parts
