"""What passes between the shop and a payment company."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from orders.states import PaymentAttempt
from redshop.core.money import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """What a company is asked to collect; ``payment_id`` makes a repeated demand one demand."""

    payment_id: UUID
    amount: Money
    token: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a company says about a charge."""

    state: PaymentAttempt
    failure_code: str = ""
    action_url: str = ""


class Provider(Protocol):
    """A payment company.

    One that answers inside this process may be asked within a transaction (``payment.pay``). One
    behind a network is asked between two: ``payment.begin`` before, ``payment.settle`` after.
    """

    def charge(self, charge: Charge) -> Outcome:
        """Ask for the money; asking again for the same payment answers the same."""
        ...
