"""Many paid orders, credited as they happen and refunded, against an independent reckoning: no row
may differ. One in four touches lies on an edge of a window, to the microsecond."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import Sum

from notes.models import Note
from orders.models import Order, OrderLine, Refund
from redshop.accounts.models import User
from redshop.catalog.models import Product
from redshop.conversion import rules
from redshop.conversion.models import Credit, Lookback
from redshop.conversion.selectors import paths
from redshop.conversion.services import attribution
from redshop.core.ids import uuid7
from tests.conversion import reference, world
from tests.conversion.reference import Seen
from tests.conversion.world import DAY, HOUR, NOW

MICROSECOND: Final = timedelta(microseconds=1)
LOOKBACK: Final = {"short": 2 * DAY, "long": 9 * DAY}
KINDS: Final = [*sorted(reference.CLICKS), *["impression"] * 5, "hide", "follow", "search_submit"]
Row = tuple[int, str, UUID | None, UUID]


@dataclass
class Shop:
    """Products of two lookbacks, notes that show them (some for a while), and who did what."""

    chance: random.Random
    products: list[Product] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    shows: dict[tuple[int, int], tuple[datetime, datetime]] = field(default_factory=dict)
    done: dict[int, list[tuple[UUID, datetime, str, int]]] = field(default_factory=dict)

    @classmethod
    def opened(cls, seed: int) -> "Shop":
        shop = cls(random.Random(seed))  # noqa: S311 - repeatable, not a secret
        for slug, days in LOOKBACK.items():
            Lookback.objects.create(category_slug=slug, days=days.days)
            shelf = world.category(slug)
            shop.products += [world.product(shelf=shelf) for _ in range(3)]
        for number in range(14):
            shop.write(is_for_a_while=number % 3 == 0)
        return shop

    def write(self, *, is_for_a_while: bool) -> None:
        """Write a note that shows one product or two."""
        shown = self.chance.sample(self.products, self.chance.choice([1, 2]))
        since, until = NOW - 400 * DAY, NOW + 400 * DAY
        if is_for_a_while:
            since, until = NOW - 8 * DAY, NOW - 3 * DAY
        note = world.note(*shown, shown_from=since, shown_until=until)
        self.notes.append(note)
        self.shows.update({(note.pk, product.pk): (since, until) for product in shown})

    def somebody(self) -> tuple[User, UUID]:
        """Return somebody, and the visitor whom they were before they logged in."""
        buyer, visitor = world.person(), uuid7()
        world.join(visitor, buyer)
        self.done[buyer.pk] = []
        return buyer, visitor

    def act(self, who: User, visitor: UUID, at: datetime) -> None:
        kind, note = self.chance.choice(KINDS), self.chance.choice(self.notes)
        actor: User | UUID = visitor if self.chance.random() < 0.3 else who
        event = world.event(kind, at, actor, note)
        self.done[who.pk].append((event.id, at, kind, note.pk))

    def seen(self, buyer_id: int, product_id: int) -> list[Seen]:
        return [
            Seen(pk, at, kind, is_buyer=True, shows_product=self.is_shown(note, product_id, at))
            for pk, at, kind, note in self.done[buyer_id]
        ]

    def is_shown(self, note_id: int, product_id: int, at: datetime) -> bool:
        since, until = self.shows.get((note_id, product_id), (NOW, NOW))
        return since <= at < until


def live(seed: int, *, orders: int) -> tuple[Shop, list[Order]]:
    """Have people look around and buy: four purchases each, some of several lines."""
    shop = Shop.opened(seed)
    made: list[Order] = []
    while len(made) < orders:
        buyer, visitor = shop.somebody()
        made += [buy(shop, buyer, visitor) for _ in range(4)]
    return shop, made[:orders]


def buy(shop: Shop, buyer: User, visitor: UUID) -> Order:
    """Look at some notes, a quarter of them on an edge of a window, and buy."""
    chance = shop.chance
    paid_at = NOW - chance.randrange(20 * 86_400) * timedelta(seconds=1)
    edges = [timedelta(0), 24 * HOUR, *LOOKBACK.values()]
    for _ in range(chance.randrange(7)):
        before = chance.random() * 12 * DAY
        if chance.random() < 0.25:
            before = chance.choice(edges) + chance.choice([-1, 0, 1]) * MICROSECOND
        shop.act(buyer, visitor, paid_at - before)
    bought = chance.sample(shop.products, chance.choice([1, 1, 2, 3]))
    prices = [chance.choice([1, 99, 12_900, 100_001]) for _ in bought]
    units = chance.choice([1, 2, 3])
    return world.order(buyer, *zip(bought, prices, strict=True), at=paid_at, quantity=units)


def credit(shop: Shop, orders: Sequence[Order]) -> None:
    """Credit orders as workers would, while refunds come before, between and after."""
    chance = shop.chance
    for _ in range(2):
        refunded = [order for order in orders if chance.random() < 0.25]
        for order in refunded:
            give_back(chance, order)
        for start in range(0, len(orders), 40):
            some = [order.pk for order in orders[start : start + 40]]
            with transaction.atomic():
                attribution.attribute_orders(order_ids=chance.sample(some, len(some)), at=NOW)


def give_back(chance: random.Random, order: Order) -> None:
    paid_at = order.paid_at
    assert paid_at is not None
    for line in order.lines.all():
        left = line.quantity - line.refunded_quantity
        if left and chance.random() < 0.7:
            units, at = chance.randint(1, left), paid_at + chance.random() * DAY
            world.refund(order, line=line, units=units, at=at)


def kept() -> dict[Row, tuple[int, int]]:
    """Return what the ledger says, its corrections counted in, by line, model, refund and touch."""
    sums = (
        Credit.objects.order_by()
        .values_list("line_id", "model", "refund_id", "touch_id")
        .annotate(weight=Sum("weight_billionths"), amount=Sum("amount_minor"))
    )
    return {row[:4]: row[4:] for row in sums if row[4:] != (0, 0)}


def expected(shop: Shop) -> dict[Row, tuple[int, int]]:
    """Return what it should say, walked through in plain Python."""
    rows: dict[Row, tuple[int, int]] = {}
    refunds: dict[int, list[tuple[datetime, UUID, int]]] = defaultdict(list)
    for given in Refund.objects.prefetch_related("lines"):
        for part in given.lines.all():
            refunds[part.line_id].append((given.refunded_at, given.pk, part.amount_minor))
    for line in OrderLine.objects.select_related("order", "product__category"):
        window = LOOKBACK[line.product.category.slug]
        seen, paid_at = shop.seen(line.order.buyer_id, line.product_id), line.order.paid_at
        assert paid_at is not None
        touches, _ = reference.path(seen, paid_at=paid_at, lookback=window, most=500)
        known = {pk: (at, note) for pk, at, _, note in shop.done[line.order.buyer_id]}
        for model in reference.MODELS:
            weights = reference.weights(
                model,
                [known[touch] for touch in touches],
                paid_at=paid_at,
                window_days=window.days,
            )
            entries = reference.money(line.total_minor, weights, sorted(refunds[line.pk]))
            for refund_id, amounts in entries:
                for touch, weight, amount in zip(touches, weights, amounts, strict=True):
                    if weight:
                        rows[line.pk, model, refund_id, touch] = (weight, amount)
    return rows


def differing(seed: int, *, orders: int) -> list[Any]:
    shop, made = live(seed, orders=orders)
    credit(shop, made)
    there, should = kept(), expected(shop)
    return sorted(map(str, there.items() ^ should.items()))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "orders", [500, pytest.param(5_000, marks=pytest.mark.soak)]
)  # fmt: skip
def test_every_credit_is_what_an_independent_reckoning_says(orders: int) -> None:
    assert differing(1, orders=orders) == []
    assert Credit.objects.filter(refund__isnull=False).count() > orders / 4
    assert Credit.objects.count() > orders


@pytest.mark.django_db
@pytest.mark.parametrize("edge", ["clicks_since", "views_since"])
def test_a_window_that_ends_a_microsecond_early_is_noticed(
    edge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrower = rules.TOUCHES.replace(f">= conversions.{edge}", f"> conversions.{edge}")
    narrower = narrower.replace(f">= acts.{edge}", f"> acts.{edge}")
    assert narrower != rules.TOUCHES
    monkeypatch.setattr(paths, "TOUCHES", narrower)

    assert differing(2, orders=200) != []


@pytest.mark.django_db
def test_refunds_that_are_not_reversed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = paths._PLANNED.replace("WHERE refunded.line_id IN", "WHERE FALSE AND line_id IN")
    assert forgetful != paths._PLANNED
    monkeypatch.setattr(paths, "_PLANNED", forgetful)

    assert differing(3, orders=60) != []
