"""What each event puts in the books: from frozen facts to entries that sum to zero.

Entries map accounts to minor units, a debit positive and a credit negative; none is zero. Money of
a line that is given back unit by unit goes back by the same share as it came: after r of n units,
floor(total * r / n) of each of its amounts, so the last unit brings every account back to zero.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orders.ledger.accounts import Account, AccountKind
from orders.prices import half_up, share_of
from redshop.core.money import split_minor

#: What a posting puts where.
Entries = Mapping[Account, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """In which money, and whose, a posting is: one currency, one population."""

    currency: str
    population: str

    def account(self, kind: AccountKind, owner: int | str = "") -> Account:
        """Return the account of that kind and owner."""
        return Account(kind, str(owner), self.currency, self.population)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldLine:
    """A line as it was agreed: minor units of all its units, and rates in basis points."""

    merchant_id: int
    quantity: int
    goods_minor: int
    duty_minor: int = 0
    subsidy_minor: int = 0
    marketplace_bp: int = 0
    payment_fee_bp: int = 0

    @property
    def worth_minor(self) -> int:
        """What the merchant sold it for: a discount that the platform funds is not theirs."""
        return self.goods_minor + self.subsidy_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldShipping:
    """What a merchant takes for shipping their part."""

    merchant_id: int
    amount_minor: int
    payment_fee_bp: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedUnits:
    """Units of a line whose money is given back, after ``before`` others; goods and duty as the
    refund says."""

    line: SoldLine
    before: int
    units: int
    goods_minor: int
    duty_minor: int


@dataclass(frozen=True, slots=True)
class _Money:
    """Amounts of one merchant that move together."""

    merchant_id: int
    goods: int = 0
    duty: int = 0
    subsidy: int = 0
    marketplace: int = 0
    fee: int = 0

    @property
    def buyer(self) -> int:
        """What the buyer pays."""
        return self.goods + self.duty

    @property
    def merchant(self) -> int:
        """What the merchant gets."""
        return self.goods + self.subsidy - self.marketplace - self.fee


def sale(scope: Scope, lines: Sequence[SoldLine], shipping: Sequence[SoldShipping]) -> Entries:
    """The buyer owes what was agreed; merchants, the platform and the state are owed it."""
    moved = [_upto(line, line.quantity) for line in lines] + [_shipped(each) for each in shipping]
    return _sold(scope, moved, against=scope.account(AccountKind.CUSTOMER), sign=1)


def payment(scope: Scope, *, method: str, amount_minor: int) -> Entries:
    """A payment company holds what the buyer owed."""
    return _pair(
        amount_minor,
        debit=scope.account(AccountKind.CLEARING, method),
        credit=scope.account(AccountKind.CUSTOMER),
    )


def refund(
    scope: Scope, returned: Sequence[ReturnedUnits], shipping: Sequence[SoldShipping]
) -> Entries:
    """What was sold is undone, and the buyer is owed the money until a company gives it back."""
    moved = [_given_back(each) for each in returned] + [_shipped(each) for each in shipping]
    return _sold(scope, moved, against=scope.account(AccountKind.REFUNDS), sign=-1)


def repayment(scope: Scope, *, method: str, amount_minor: int) -> Entries:
    """A payment company gave back what the buyer was owed."""
    return _pair(
        amount_minor,
        debit=scope.account(AccountKind.REFUNDS),
        credit=scope.account(AccountKind.CLEARING, method),
    )


def late_capture(scope: Scope, *, method: str, amount_minor: int) -> Entries:
    """A payment company holds money of an order that had ended: the buyer is owed it."""
    return _pair(
        amount_minor,
        debit=scope.account(AccountKind.CLEARING, method),
        credit=scope.account(AccountKind.REFUNDS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """What the buyer keeps of a line, and whom the last touch credits: person to weight."""

    merchant_id: int
    kept_minor: int
    commission_bp: int
    weights: Mapping[int, int]


def commission(scope: Scope, lines: Sequence[KeptLine], *, buyer_id: int) -> Entries:
    """What creators have earned by an order in all, at the cost of its merchants.

    A line's commission is split by weight to the last minor unit; what falls to the buyer, who
    bought through a note of their own, is not earned by anybody.
    """
    sums = Counter[Account]()
    for line in lines:
        for person_id, earned in _earned(line).items():
            if person_id != buyer_id:
                sums[scope.account(AccountKind.MERCHANT_PAYABLE, line.merchant_id)] += earned
                sums[scope.account(AccountKind.CREATOR_PAYABLE, person_id)] -= earned
    return _without_zeros(sums)


def difference(should_stand: Entries, stands: Entries) -> Entries:
    """Return what must be posted so that what should stand does."""
    sums = Counter(dict(should_stand))
    sums.subtract(dict(stands))
    return _without_zeros(sums)


def paid_out(account: Account, amount_minor: int) -> Entries:
    """What was owed to a merchant or a creator left the platform's bank account."""
    scope = Scope(account.currency, account.population)
    return _pair(amount_minor, debit=account, credit=scope.account(AccountKind.BANK))


def write_off(account: Account, amount_minor: int) -> Entries:
    """What a merchant or a creator owes, and nobody will pay, is the platform's loss."""
    scope = Scope(account.currency, account.population)
    return _pair(amount_minor, debit=scope.account(AccountKind.WRITE_OFFS), credit=account)


def together(postings: Iterable[Entries]) -> dict[Account, int]:
    """Return what several postings put on each account in all; zeros are left out."""
    sums = Counter[Account]()
    for entries in postings:
        sums.update(dict(entries))
    return _without_zeros(sums)


def _upto(line: SoldLine, units: int) -> _Money:
    """Return the money of the first so many units of a line: each amount's share, rounded down."""
    worth = line.worth_minor
    totals = (
        line.goods_minor,
        line.duty_minor,
        line.subsidy_minor,
        half_up(worth, basis_points=line.marketplace_bp),
        half_up(worth, basis_points=line.payment_fee_bp),
    )
    return _Money(
        line.merchant_id, *(share_of(each, units=units, of=line.quantity) for each in totals)
    )


def _given_back(returned: ReturnedUnits) -> _Money:
    before = _upto(returned.line, returned.before)
    after = _upto(returned.line, returned.before + returned.units)
    return _Money(
        returned.line.merchant_id,
        goods=returned.goods_minor,
        duty=returned.duty_minor,
        subsidy=after.subsidy - before.subsidy,
        marketplace=after.marketplace - before.marketplace,
        fee=after.fee - before.fee,
    )


def _shipped(shipping: SoldShipping) -> _Money:
    """Shipping is the merchant's; the platform keeps its fee for the payment, no commission."""
    fee = half_up(shipping.amount_minor, basis_points=shipping.payment_fee_bp)
    return _Money(shipping.merchant_id, goods=shipping.amount_minor, fee=fee)


def _sold(scope: Scope, moved: Sequence[_Money], *, against: Account, sign: int) -> Entries:
    """Book what was sold (sign 1), or undo it (-1), against what the buyer owes or is owed."""
    sums = Counter[Account]()
    for money in moved:
        sums[against] += sign * money.buyer
        sums[scope.account(AccountKind.COUPONS)] += sign * money.subsidy
        sums[scope.account(AccountKind.MERCHANT_PAYABLE, money.merchant_id)] -= (
            sign * money.merchant
        )
        sums[scope.account(AccountKind.PLATFORM_COMMISSION)] -= sign * money.marketplace
        sums[scope.account(AccountKind.PAYMENT_FEE)] -= sign * money.fee
        sums[scope.account(AccountKind.DUTY_PAYABLE)] -= sign * money.duty
    return _without_zeros(sums)


def _earned(line: KeptLine) -> dict[int, int]:
    """Return what each credited person earns of a line, the buyer included."""
    people = sorted(person_id for person_id, weight in line.weights.items() if weight)
    if not people:
        return {}
    earned = half_up(line.kept_minor, basis_points=line.commission_bp)
    weights = [line.weights[person_id] for person_id in people]
    return dict(zip(people, split_minor(earned, weights), strict=True))


def _pair(amount_minor: int, *, debit: Account, credit: Account) -> Entries:
    return _without_zeros(Counter({debit: amount_minor, credit: -amount_minor}))


def _without_zeros(sums: Mapping[Account, int]) -> dict[Account, int]:
    return {account: amount for account, amount in sums.items() if amount}
