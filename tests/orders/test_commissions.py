"""Creators earn by what buyers keep, whatever becomes known first and however often."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notes.factories import NoteFactory
from orders import factories
from orders.models import CreatorShare, Order, OrderLine, Posting
from orders.services import commissions, fulfilment, refunds
from orders.services.commissions import Credited
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.core import outbox
from redshop.core.models import Fact
from redshop.events.kinds import EventKind
from redshop.events.services import recording
from redshop.events.services.recording import ServerEvent
from tests.orders.books import balances, differences, kinds
from tests.orders.world import DAY, NOW

pytestmark = pytest.mark.django_db

WHOLE = 1_000_000_000


def order_with_commission(buyer: User, *, quantity: int = 3, rate: int = 1_000) -> Order:
    """Return a paid order of units at 10.01, of which creators get a tenth."""
    sku = SkuFactory.create(price_minor=1_001, product__commission_bp=rate)
    return factories.paid(buyer, sku, quantity=quantity, at=NOW)


def keep(order: Order) -> None:
    """Let the buyer have and keep it."""
    fulfilment.ship_order(order_id=order.pk, at=NOW)
    fulfilment.deliver_order(order_id=order.pk, at=NOW)
    fulfilment.complete_order(order_id=order.pk, at=NOW)


def credit(order: Order, weights: Mapping[int, int], *, generation: int = 1) -> None:
    news = Credited(order.lines.get().pk, generation, weights)
    commissions.refresh(order_id=order.pk, credited=[news], at=NOW)


def refresh(order: Order) -> None:
    commissions.refresh(order_id=order.pk, at=NOW)


def earned() -> dict[str, int]:
    return {name: -minor for name, minor in balances(kind="creator_payable").items()}


def of(person: User) -> str:
    return f"creator_payable/{person.pk}"


def test_nothing_is_earned_before_the_buyer_keeps_it(person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)

    credit(order, {creator.pk: WHOLE})
    assert earned() == {}

    keep(order)
    refresh(order)
    assert earned() == {of(creator): 300}  # a tenth of 30.03
    assert kinds(order) == ["sale", "payment", "commission"]
    assert differences() == []


def test_credits_that_come_late_are_earned_then(person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)
    keep(order)
    refresh(order)
    assert earned() == {}

    credit(order, {creator.pk: WHOLE})

    assert earned() == {of(creator): 300}


def test_a_refund_claws_back_what_is_no_longer_kept(person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)
    credit(order, {creator.pk: WHOLE})
    keep(order)
    refresh(order)

    refunds.refund_order(order_id=order.pk, quantities={order.lines.get().pk: 1}, at=NOW)
    refresh(order)
    assert earned() == {of(creator): 200}
    assert kinds(order)[-1] == "claw_back"

    refunds.refund_order(order_id=order.pk, at=NOW)
    refresh(order)
    assert earned() == {}
    assert differences() == []


def test_another_attribution_moves_what_was_earned(person: User) -> None:
    first, second = UserFactory.create(), UserFactory.create()
    order = order_with_commission(person)
    keep(order)
    credit(order, {first.pk: WHOLE})

    credit(order, {first.pk: WHOLE // 2, second.pk: WHOLE // 2}, generation=2)

    assert earned() == {of(first): 150, of(second): 150}
    assert differences() == []


def test_an_older_attribution_that_comes_late_is_not_news(person: User) -> None:
    first, second = UserFactory.create(), UserFactory.create()
    order = order_with_commission(person)
    keep(order)

    credit(order, {second.pk: WHOLE}, generation=2)
    credit(order, {first.pk: WHOLE}, generation=1)

    assert earned() == {of(second): 300}


def test_of_one_generation_first_without_and_then_with_a_touch_the_touch_counts(
    person: User,
) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)
    keep(order)

    credit(order, {})
    credit(order, {creator.pk: WHOLE})
    credit(order, {})

    assert earned() == {of(creator): 300}


def test_a_credit_that_was_taken_away_is_clawed_back(person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)
    keep(order)
    credit(order, {creator.pk: WHOLE})

    credit(order, {}, generation=2)

    assert earned() == {}
    assert not CreatorShare.objects.exists()


def test_running_again_posts_nothing(person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)
    keep(order)
    credit(order, {creator.pk: WHOLE})
    count = Posting.objects.count()

    refresh(order)
    credit(order, {creator.pk: WHOLE})

    assert Posting.objects.count() == count


def test_who_buys_through_their_own_note_earns_nothing(person: User) -> None:
    other, order = UserFactory.create(), order_with_commission(person)
    keep(order)

    credit(order, {person.pk: WHOLE // 2, other.pk: WHOLE // 2})

    assert earned() == {of(other): 150}


def test_without_a_rate_nothing_is_kept_or_earned(person: User) -> None:
    creator = UserFactory.create()
    order = factories.paid(person, SkuFactory.create(), at=NOW)

    commissions.hear(order_id=order.pk, lines=(), at=NOW)

    assert not Fact.objects.filter(kind=commissions.DUE).exists()
    assert earned() == {}
    assert creator.pk


def test_a_rate_that_is_changed_later_counts_for_later_orders(person: User) -> None:
    order = order_with_commission(person)
    product = order.lines.get().product
    product.commission_bp = 5_000
    product.save()

    assert order.lines.get().commission_bp == 1_000


@pytest.mark.parametrize("sequence", [*permutations(["credit", "keep", "refund"])])
def test_in_any_order_the_same_is_earned(sequence: tuple[str, ...], person: User) -> None:
    creator, order = UserFactory.create(), order_with_commission(person)

    def give_back() -> None:
        refunds.refund_order(order_id=order.pk, quantities={order.lines.get().pk: 1}, at=NOW)

    deeds = {
        "credit": lambda: credit(order, {creator.pk: WHOLE}),
        "keep": lambda: keep(order),
        "refund": give_back,
    }
    for name in sequence:
        deeds[name]()
        refresh(order)

    assert earned() == {of(creator): 200}
    assert differences() == []


def test_from_a_note_to_the_commission_by_facts_alone(person: User) -> None:
    sku = SkuFactory.create(price_minor=1_000, product__commission_bp=1_000)
    note = NoteFactory.create(products=[sku.product])
    opened = ServerEvent(
        kind=EventKind.NOTE_OPEN,
        occurred_at=NOW - DAY,
        person_id=person.pk,
        population="real",
        note_id=note.pk,
    )
    recording.record([opened])
    note.product_tags.update(valid_from=NOW - 2 * DAY)
    order = factories.paid(person, sku, note_id=note.pk, at=NOW)
    keep(order)

    assert outbox.drain_all(at=NOW + DAY).failed == 0
    assert earned() == {of(note.author): 100}

    refunds.refund_order(order_id=order.pk, at=NOW + DAY)
    assert outbox.drain_all(at=NOW + DAY).failed == 0
    assert earned() == {}
    assert differences() == []


def test_an_order_without_commission_costs_its_worker_one_statement(person: User) -> None:
    order = factories.paid(person, SkuFactory.create(), at=NOW)
    payload: dict[str, Any] = {"order_id": str(order.pk), "lines": []}

    with CaptureQueriesContext(connection) as captured:
        commissions.hear(order_id=UUID(payload["order_id"]), lines=payload["lines"], at=NOW)

    assert len(captured) == 1
    assert OrderLine.objects.get(order=order).commission_bp == 0
