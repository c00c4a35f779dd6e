"""Whatever arrives in whatever order, twice or weeks late: the same credits as from scratch."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from notes.models import Note
from orders.models import Order
from redshop.accounts.models import User
from redshop.catalog.models import Product
from redshop.conversion import tasks
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.services import reconciliation
from redshop.core.ids import uuid7
from redshop.events.services import identities, ingestion
from redshop.events.types import Batch
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW

KINDS = ["impression", "impression", "note_open", "read", "product_view"]
RULES = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


@dataclass
class Life:
    """What two people do over some days, and the ways in which it can become known."""

    chance: random.Random
    products: list[Product] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    devices: list[UUID] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    clock: datetime = NOW

    def begin(self) -> "Life":
        self.products = [world.product() for _ in range(2)]
        self.notes = [world.note(*self.products[: n % 2 + 1]) for n in range(4)]
        self.people = [world.person() for _ in range(2)]
        self.devices = [uuid7() for _ in range(3)]
        return self

    def arrivals(self, count: int) -> list[Callable[[], None]]:
        """Return what arrives, in any order; some of it twice."""
        possible = [self.report, self.report, self.pay]
        chosen = [self.chance.choice(possible)() for _ in range(count)]
        chosen += [self.log_in(device) for device in self.devices]
        chosen += self.chance.sample(chosen, count // 3)
        self.chance.shuffle(chosen)
        return chosen

    def report(self) -> Callable[[], None]:
        rows = [
            {
                "id": str(uuid7()),
                "kind": self.chance.choice(KINDS),
                "occurred_at": self.moment().isoformat(),
                "surface": "explore",
                "note_id": self.chance.choice(self.notes).pk,
            }
            for _ in range(self.chance.randrange(1, 5))
        ]
        device = self.chance.choice(self.devices)
        person = self.chance.choice([None, *self.people])

        def arrive() -> None:
            batch = Batch(sent_at=self.clock, visitor_id=device, session_id=None, rows=rows)
            ingestion.ingest(
                batch=batch, person_id=person.pk if person else None, received_at=self.clock
            )

        return arrive

    def pay(self) -> Callable[[], None]:
        """Return a payment that becomes known, with a refund that may be known before it is."""
        person, product = self.chance.choice(self.people), self.chance.choice(self.products)
        order = world.order(person, (product, 1_001), at=self.moment(), quantity=3)
        self.orders.append(order)
        refunds = self.chance.randrange(3)

        def arrive() -> None:
            for _ in range(refunds):
                line = order.lines.get()
                if line.refunded_quantity < line.quantity:
                    world.refund(order, line=line, units=1, at=self.clock)
                    if self.chance.random() < 0.5:
                        self.tell(tasks.reverse_refunded, order)
            self.tell(tasks.attribute_paid, order)
            if refunds:
                self.tell(tasks.reverse_refunded, order)

        return arrive

    def log_in(self, device: UUID) -> Callable[[], None]:
        person = self.chance.choice(self.people)

        def arrive() -> None:
            with transaction.atomic():
                is_new = identities.join(visitor_id=device, person_id=person.pk, at=self.clock)
                if is_new:
                    payload = {"visitor_id": str(device), "person_id": person.pk}
                    tasks.reattribute_joined(kind="visitor.joined", payload=payload, at=self.clock)

        return arrive

    def tell(self, consumer: Callable[..., None], order: Order) -> None:
        assert order.paid_at is not None
        payload = {"order_id": str(order.pk), "paid_at": order.paid_at.isoformat()}
        with transaction.atomic():
            consumer(kind="", payloads=[payload], at=self.clock)

    def moment(self) -> datetime:
        return NOW - self.chance.random() * 12 * DAY

    def look_again(self) -> None:
        """Take the looks at what was paid, each after everything has arrived."""
        for order in self.orders:
            assert order.paid_at is not None
            for look in tasks.LOOKS:
                _, payload, due_at = tasks._later(tasks.LOOKS[look], order.paid_at)
                with transaction.atomic():
                    tasks.settle(kind="", payload=payload, at=max(due_at, self.clock))


def lived(seed: int, count: int) -> Life:
    life = Life(random.Random(seed)).begin()  # noqa: S311 - repeatable, not a secret
    for arrive in life.arrivals(count):
        life.clock += life.chance.choice([timedelta(seconds=1), timedelta(minutes=5), HOUR])
        arrive()
    return life


def differences() -> list[str]:
    return [str(each) for each in reconciliation.differences(reconciliation.paid_lines())]


class AnyArrival(TestCase):
    @RULES
    @given(st.integers(0, 2**32), st.integers(4, 24))
    def test_credits_are_those_of_a_rebuild(self, seed: int, count: int) -> None:
        lived(seed, count).look_again()

        assert differences() == []


@pytest.mark.django_db
def test_without_looking_again_late_events_would_be_missed() -> None:
    missed = 0
    for seed in range(5):
        lived(seed, 24)
        missed += len(differences())

    assert missed > 0
    assert Credit.objects.exists()


@pytest.mark.django_db
def test_what_arrives_again_changes_nothing() -> None:
    life = lived(3, 24)
    life.look_again()
    before: tuple[Any, ...] = (
        list(Credit.objects.order_by("pk").values_list("pk", flat=True)),
        list(Attribution.objects.order_by("pk").values_list("pk", "generation", "computed_at")),
    )

    for order in life.orders:
        life.tell(tasks.attribute_paid, order)
        life.tell(tasks.reverse_refunded, order)
    life.look_again()

    assert before == (
        list(Credit.objects.order_by("pk").values_list("pk", flat=True)),
        list(Attribution.objects.order_by("pk").values_list("pk", "generation", "computed_at")),
    )
