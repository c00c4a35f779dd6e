"""What the company keeps: charges and their refunds."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class ChargeState(StrEnum):
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class Refund:
    """Money of a charge that goes back; moments are seconds since 1970."""

    id: str
    charge_id: str
    amount_minor: int
    currency: str
    state: RefundState
    created_at: float
    settled_at: float | None = None
    webhook_url: str = ""

    def shown(self) -> dict[str, Any]:
        """Return what the API says of it."""
        kept = asdict(self)
        del kept["webhook_url"]
        return kept


@dataclass(slots=True, kw_only=True)
class Charge:
    """Money that a shop asked for, under the shop's own id; a tombstone bars an id for ever.

    ``settles_at``: when a pending one settles, and to what; moments are seconds since 1970.
    """

    id: str
    amount_minor: int
    currency: str
    state: ChargeState
    created_at: float
    settled_at: float | None = None
    failure_code: str = ""
    action_url: str = ""
    return_url: str = ""
    webhook_url: str = ""
    token: str = ""
    settles_at: float | None = None
    settles_to: ChargeState | None = None
    is_tombstone: bool = False
    events: int = 0
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def refunded_minor(self) -> int:
        """What went back or is on its way."""
        going = (each for each in self.refunds.values() if each.state != RefundState.FAILED)
        return sum(each.amount_minor for each in going)

    def shown(self) -> dict[str, Any]:
        """Return what the API says of it."""
        names = ("id", "state", "amount_minor", "refunded_minor", "currency", "failure_code")
        moments = ("action_url", "created_at", "settled_at")
        return {name: getattr(self, name) for name in (*names, *moments)}

    def kept(self) -> dict[str, Any]:
        """Return what the journal keeps of it; refunds have lines of their own."""
        kept = asdict(self)
        del kept["refunds"]
        return kept
