"""The chart of accounts. A debit is positive, a credit negative."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5


class AccountKind(StrEnum):
    """What an account is for; who it is of, if anybody, is its owner."""

    CUSTOMER = "customer"
    CLEARING = "clearing"
    BANK = "bank"
    MERCHANT_PAYABLE = "merchant_payable"
    CREATOR_PAYABLE = "creator_payable"
    PLATFORM_COMMISSION = "platform_commission"
    PAYMENT_FEE = "payment_fee"
    DUTY_PAYABLE = "duty_payable"
    COUPONS = "coupons"
    REFUNDS = "refunds"
    WRITE_OFFS = "write_offs"


#: Kinds of which there is an account for each owner: a method, a merchant, a person.
OWNED: Final = frozenset(
    {AccountKind.CLEARING, AccountKind.MERCHANT_PAYABLE, AccountKind.CREATOR_PAYABLE}
)
#: Whom the platform owes their share of what was sold, and pays in batches.
PAYABLE: Final = (AccountKind.MERCHANT_PAYABLE, AccountKind.CREATOR_PAYABLE)

_NAMESPACE: Final = UUID("5f0c2f3e-6d53-5e0b-9a0a-3f1d5b1c7a10")


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account, by what it is; its id follows from that, so that nobody must look it up."""

    kind: AccountKind
    owner: str
    currency: str
    population: str

    @property
    def id(self) -> UUID:
        """Return the primary key that the account has, whether or not it was opened yet."""
        return _id_of(self)

    def __str__(self) -> str:
        return f"{self.kind}/{self.owner}" if self.owner else self.kind.value


@lru_cache(maxsize=10_000)
def _id_of(account: Account) -> UUID:
    name = "/".join((account.kind, account.owner, account.currency, account.population))
    return uuid5(_NAMESPACE, name)
