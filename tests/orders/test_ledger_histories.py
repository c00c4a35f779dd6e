"""Random histories of purchases: every account, reckoned another way, to the last minor unit."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Final

import pytest
from django.db import connection

from orders import factories
from orders.ledger import rules
from orders.models import Batch, Entry, LedgerAccount, Order, OrderLine
from orders.services import (
    bookkeeping,
    cancellation,
    commissions,
    fulfilment,
    payment,
    refunds,
    settlement,
)
from orders.services import books as books_room
from orders.services.commissions import Credited
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory, MerchantFactory, SkuFactory
from redshop.catalog.models import Sku
from redshop.core.errors import DomainError
from tests.orders.books import differences
from tests.orders.world import NOW

CURRENCIES: Final = ("CNY", "JPY", "KWD")
WHOLE: Final = 1_000_000_000


@dataclass
class Shop:
    """Who sells, buys and writes, in a world that one seed made."""

    rng: random.Random
    skus: dict[str, list[Sku]]
    buyers: list[User]
    creators: list[User]
    now: datetime = NOW
    orders: list[Order] = field(default_factory=list)

    @classmethod
    def of(cls, rng: random.Random) -> "Shop":
        merchants = [MerchantFactory.create(country=country) for country in ("CN", "CN", "IT")]
        brands = [BrandFactory.create(merchant=merchant) for merchant in merchants]
        skus = {
            currency: [
                SkuFactory.create(
                    on_hand=10**6,
                    currency=currency,
                    price_minor=rng.choice([1, 7, 999, 1_001, 12_345, 1_000_003]),
                    product__brand=brand,
                    product__commission_bp=rng.choice([None, 333, 1_000, 10_000]),
                )
                for brand in (*brands, *brands)
            ]
            for currency in CURRENCIES
        }
        people = [UserFactory.create() for _ in range(8)]
        return cls(rng=rng, skus=skus, buyers=people[:4], creators=people[2:])

    def buy(self) -> Order:
        rng = self.rng
        currency = rng.choice(CURRENCIES)
        buyer = rng.choice(self.buyers)
        chosen = rng.sample(self.skus[currency], rng.randint(1, 3))
        for sku in chosen:
            factories.CartItemFactory.create(person=buyer, sku=sku, quantity=rng.randint(1, 5))
        order = factories.check_out(
            buyer,
            coupon=self.coupon(currency, chosen),
            address=rng.choice(factories.ADDRESSES),
            at=self.now,
        )
        payment.pay_order(order_id=order.pk, at=self.now)
        self.orders.append(order)
        return order

    def coupon(self, currency: str, chosen: list[Sku]) -> str:
        """Return a coupon or none; a brand's is of one whose goods are in the cart."""
        if self.rng.random() < 0.4:
            return ""
        brand = self.rng.choice([None, chosen[0].product.brand])
        coupon = factories.CouponFactory.create(
            currency=currency,
            percent_basis_points=self.rng.choice([1, 333, 5_000, 10_000]),
            funded_by="brand" if brand else "platform",
            brand=brand,
        )
        return coupon.code

    def live(self, order: Order, *, steps: int) -> None:
        """Do so many things to an order; what is refused must change nothing in the books."""
        for _ in range(steps):
            self.now += timedelta(hours=self.rng.choice([1, 30, 200]))
            count = Entry.objects.count()
            try:
                self.rng.choice(self.deeds(order))()
            except DomainError:
                assert Entry.objects.count() == count

    def deeds(self, order: Order) -> list[Callable[[], object]]:
        at, lines = self.now, list(OrderLine.objects.filter(order=order))
        some = {line.pk: self.rng.randint(1, line.quantity) for line in lines[:2]}
        return [
            lambda: refunds.refund_order(order_id=order.pk, quantities=some, at=at),
            lambda: refunds.refund_order(order_id=order.pk, quantities=some, at=at),
            lambda: fulfilment.ship_order(order_id=order.pk, at=at),
            lambda: fulfilment.ship_order(order_id=order.pk, quantities=some, at=at),
            lambda: self.keep(order),
            lambda: self.keep(order),
            lambda: cancellation.cancel_order(order_id=order.pk, at=at),
            lambda: self.credit(order, lines),
            lambda: self.credit(order, lines),
            lambda: commissions.refresh(order_id=order.pk, at=at),
            lambda: settlement.run_all(at=at),
        ]

    def keep(self, order: Order) -> None:
        fulfilment.ship_order(order_id=order.pk, at=self.now)
        fulfilment.deliver_order(order_id=order.pk, at=self.now)
        fulfilment.complete_order(order_id=order.pk, at=self.now)

    def credit(self, order: Order, lines: list[OrderLine]) -> None:
        cut = self.rng.randint(1, WHOLE - 1)
        first, second = self.rng.sample(self.creators, 2)
        news = [
            Credited(line.pk, self.rng.randint(1, 4), {first.pk: cut, second.pk: WHOLE - cut})
            for line in lines
        ]
        commissions.refresh(order_id=order.pk, credited=news, at=self.now)


def share(amount: int, basis_points: int) -> int:
    exact = Decimal(amount) * basis_points / 10_000
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def left(amount: int, line: OrderLine) -> int:
    """Return what stands of an amount once the line's units were given back."""
    return amount - int(Fraction(amount * line.refunded_quantity, line.quantity))


def reckon(orders: list[Order]) -> dict[tuple[str, str, str], int]:
    """Return what should be on each account before anybody is paid, without the rules."""
    sums = Counter[tuple[str, str, str]]()
    for order in Order.objects.filter(pk__in=[order.pk for order in orders]):

        def put(kind: str, owner: object, amount: int, currency: str = order.currency) -> None:
            sums[kind, str(owner), currency] += amount

        put("clearing", "simulated", order.total_minor - order.refunded_minor)
        for line in OrderLine.objects.filter(order=order).select_related("part"):
            worth = line.total_minor + line.subsidy_minor
            kept, fee = share(worth, line.marketplace_bp), share(worth, order.payment_fee_bp)
            merchant = left(line.total_minor, line) + left(line.subsidy_minor, line)
            merchant -= left(kept, line) + left(fee, line)
            put("coupons", "", left(line.subsidy_minor, line))
            put("platform_commission", "", -left(kept, line))
            put("payment_fee", "", -left(fee, line))
            put("duty_payable", "", -left(line.duty_minor, line))
            for person, amount in earned(order, line).items():
                put("creator_payable", person, -amount)
                merchant -= amount
            put("merchant_payable", line.part.merchant_id, -merchant)
        for part in order.parts.all():
            freight = part.shipping_minor - part.shipping_refunded_minor
            fee = share(freight, order.payment_fee_bp)
            put("merchant_payable", part.merchant_id, fee - freight)
            put("payment_fee", "", -fee)
    return {account: amount for account, amount in sums.items() if amount}


def earned(order: Order, line: OrderLine) -> dict[int, int]:
    if order.state != "completed":
        return {}
    whole = share(line.total_minor - line.refunded_minor, line.commission_bp)
    weights = {each.person_id: each.weight_billionths for each in line.creator_shares.all()}
    quotas = {person: Fraction(whole * weight, WHOLE) for person, weight in weights.items()}
    parts = {person: int(quota) for person, quota in quotas.items()}
    rest = sorted(quotas, key=lambda person: (parts[person] - quotas[person], person))
    for person in rest[: whole - sum(parts.values())] if quotas else []:
        parts[person] += 1
    return {person: part for person, part in parts.items() if person != order.buyer_id}


def books() -> tuple[dict[tuple[str, str, str], int], Counter[str]]:
    """Return what is on each account, payments to owners put back, and what those were."""
    sums, paid = Counter[tuple[str, str, str]](), Counter[str]()
    out = Entry.objects.filter(posting__kind__in=["settlement", "payout"])
    for entry in out.select_related("account"):
        if entry.account.kind != "bank":
            sums[entry.account.kind, entry.account.owner, entry.account.currency] -= (
                entry.amount_minor
            )
            paid[entry.account.currency] += entry.amount_minor
    for account in LedgerAccount.objects.with_balance().exclude(kind="bank"):
        sums[account.kind, account.owner, account.currency] += account.balance_minor
    return {account: amount for account, amount in sums.items() if amount}, paid


def live(seed: int, *, histories: int, steps: int) -> Shop:
    shop = Shop.of(random.Random(seed))  # noqa: S311 - a game of chance, not a secret
    for number in range(histories):
        if number % 20 == 0:
            look_at_sizes()
        order = shop.buy()
        shop.live(order, steps=shop.rng.randint(1, steps))
        commissions.refresh(order_id=order.pk, at=shop.now)  # as the fact of its last refund does
    return shop


def look_at_sizes() -> None:
    """Let PostgreSQL see how large the books have grown, as it does by itself once they commit:
    statistics of empty tables make it join them row by row."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_entry, orders_posting, orders_ledgeraccount, orders_order")


def assert_exact(shop: Shop) -> None:
    connection.check_constraints()
    found, paid = books()
    assert found == reckon(shop.orders)
    banks = LedgerAccount.objects.with_balance().filter(kind="bank")
    assert {bank.currency: -bank.balance_minor for bank in banks} == dict(paid)
    assert differences() == []


@pytest.mark.django_db
@pytest.mark.parametrize("histories", [100, pytest.param(200, marks=pytest.mark.soak)])
def test_histories_are_exact(histories: int) -> None:
    shop = live(3, histories=histories, steps=6)

    assert_exact(shop)
    assert Batch.objects.filter(kind="settlement").exists()
    assert Batch.objects.filter(kind="payout").exists()
    kinds = set(Entry.objects.values_list("posting__kind", flat=True))
    assert kinds >= {"sale", "payment", "refund", "commission", "claw_back"}


@pytest.mark.soak
@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(10))
def test_two_thousand_long_histories_are_exact(seed: int) -> None:
    assert_exact(live(seed, histories=200, steps=50))


def _rounds_half_up_each_time(total_minor: int, *, units: int, of: int) -> int:
    return (2 * total_minor * units + of) // (2 * of)


def _posts_a_refund_twice(post: Any) -> Any:
    def posting(drafts: Any) -> None:
        post(drafts)
        for draft in drafts:
            if draft.kind == "refund":
                again = {name: getattr(draft, name) for name in draft.__slots__}
                post([type(draft)(**{**again, "key": f"{draft.key}/again"})])

    return posting


@pytest.mark.django_db
@pytest.mark.parametrize(
    "mutant", ["none", "rounding", "double refund", "own notes", "forgets freight"]
)
def test_a_seeded_mistake_and_nothing_else_is_noticed(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mutant == "rounding":
        monkeypatch.setattr(rules, "share_of", _rounds_half_up_each_time)
    elif mutant == "double refund":
        monkeypatch.setattr(bookkeeping, "post", _posts_a_refund_twice(books_room.post))
    elif mutant == "own notes":
        earned = rules.commission
        monkeypatch.setattr(rules, "commission", lambda *a, buyer_id: earned(*a, buyer_id=0))
    elif mutant == "forgets freight":
        refund = rules.refund
        monkeypatch.setattr(rules, "refund", lambda scope, units, _: refund(scope, units, []))

    shop = live(3, histories=40, steps=6)

    found, _ = books()
    assert (found == reckon(shop.orders)) == (mutant == "none")
