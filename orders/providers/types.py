"""What passes between the shop and a payment company."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from orders.states import PaymentAttempt, RepaymentState
from redshop.core.money import Money

#: How old a webhook's signature may be, either way (clocks differ).
TOLERANCE: Final = timedelta(minutes=5)
#: The failure code of what nobody declined: it was given up, and its company has barred it.
ABANDONED: Final = "abandoned"


class Unreachable(Exception):
    """The company gave no answer that can be understood: what came of the demand is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a company is asked to collect; ``payment_id`` makes a repeated demand one demand.

    ``reference`` is what the company calls it, once it said so. The token is known only to the
    call that brought it.
    """

    payment_id: UUID
    amount: Money
    token: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a company says about a charge."""

    state: PaymentAttempt
    failure_code: str = ""
    action_url: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """What a company is asked to send back of a charge; ``repayment_id`` makes repeats one."""

    repayment_id: UUID
    charge: Charge
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOutcome:
    """What a company says about money that it was asked to send back."""

    state: RepaymentState
    failure_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a webhook claims; the truth is asked for.

    ``payment_id`` or ``reference`` says which charge it is about; neither does where it is about
    something else. ``claims`` is the end that it tells of, if any.
    """

    event_id: str
    kind: str
    payment_id: UUID | None = None
    reference: str = ""
    claims: PaymentAttempt | None = None


class Provider(Protocol):
    """A payment company.

    Demands may wait for a network: never in a transaction. They may raise Unreachable: then what
    came of one is unknown, and asking again, with the same ids, is safe.
    """

    def charge(self, charge: Charge) -> Outcome:
        """Ask for the money; asking again for the same payment answers how it stands."""
        ...

    def look_up(self, charge: Charge) -> Outcome | None:
        """Return how a charge stands; None where the company has never heard of it."""
        ...

    def abandon(self, charge: Charge) -> Outcome:
        """See to it that a charge never succeeds; return its end, which may be success."""
        ...

    def send_back(self, back: MoneyBack) -> BackOutcome:
        """Ask for money to be sent back; asking again answers how it stands."""
        ...

    def check_webhook(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """Go on only with what the company sent, lately.

        Raises:
            WebhookRefused: somebody else did, or it is old.
        """
        ...

    def understand(self, body: bytes) -> Hint:
        """Return what a webhook claims.

        Raises:
            WebhookRefused: nothing that can be understood.
        """
        ...
